"""Tiny classes: plane images of a few hundred pixels with a bright spot whose size tells their class, on disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthtrust.cases import Case, Cohort

GREY = ("grey",)
COLOURS = ("red", "green", "blue")


def tiny_classes(
    folder: str | Path,
    count: int = 24,
    classes: Sequence[str] = ("healthy", "sick"),
    size: tuple[int, int] = (16, 16),
    *,
    colours: bool = False,
    seed: int = 0,
) -> Cohort:
    """Write tiny PNG images into a folder, and return them as a cohort for classification.

    Args:
        folder: Where to write ``<case>.png``.
        count: How many, each of another patient; classes take turns.
        classes: Their names, in order of value.
        size: Pixels per axis, at least 8 each.
        colours: Write images of three channels instead of grey ones.
        seed: The seed of everything that is drawn.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    modalities = COLOURS if colours else GREY
    cases = []
    for n in range(count):
        category = n % len(classes)
        rng = np.random.default_rng((seed, n))
        planes = [draw_tiny_plane(size, category, len(classes), rng) for _ in modalities]
        path = folder / f"scan_{n:03d}.png"
        Image.fromarray(np.stack(planes, axis=-1) if colours else planes[0]).save(path)
        images = dict.fromkeys(modalities, path)
        channels = {name: channel for channel, name in enumerate(COLOURS)} if colours else {}
        cases.append(Case(path.stem, images, class_index=category, channels=channels))
    return Cohort("tiny classes", tuple(cases), modalities, {name: n for n, name in enumerate(classes)})


def draw_tiny_plane(
    size: tuple[int, int], category: int, n_classes: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw one grey image ``(H, W)``: a grainy disc on a background of exactly 0, with a spot in it.

    The spot's area grows with the class, from none; where it lies, how bright it is, and the grain are chance.
    """
    position = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in size), indexing="ij"), axis=-1)  # (H, W, 2)
    body = np.linalg.norm(position, axis=-1) < 0.95
    centre = rng.uniform(-0.3, 0.3, 2)
    spot = np.linalg.norm(position - centre, axis=-1) < 0.5 * np.sqrt(category / max(n_classes - 1, 1))
    clean = np.where(spot, rng.uniform(180, 220), 100)
    grainy = clean * rng.normal(1, 0.08, size)
    return np.where(body, grainy.clip(1, 255), 0).astype(np.uint8)
