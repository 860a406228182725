"""Tiny findings: plane images of a few hundred pixels, each finding a bright bar at a place of its own, on disk."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from synthtrust.cases import Case, Cohort, Findings
from synthtrust.testing.tiny_classes import draw_tiny_plane


def tiny_findings(
    folder: str | Path,
    count: int = 24,
    findings: Sequence[str] = ("effusion", "mass"),
    size: tuple[int, int] = (16, 16),
    *,
    per_patient: int = 1,
    seed: int = 0,
) -> Cohort:
    """Write tiny PNG images into a folder, and return them as a cohort of findings.

    Args:
        folder: Where to write ``<case>.png``.
        count: How many; combinations of findings take turns, that without any first.
        findings: Their names, in order; at most as many as half the rows of an image.
        size: Pixels per axis, at least 8 each.
        per_patient: Images of each patient.
        seed: The seed of everything that is drawn.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    combinations = list(product((0, 1), repeat=len(findings)))
    cases = []
    for n in range(count):
        label = Findings(combinations[n % len(combinations)])
        rng = np.random.default_rng((seed, n))
        pixels = draw_tiny_plane(size, 0, 2, rng)
        for index, present in enumerate(label):
            if present:
                row = round((index + 1) * size[0] / (len(findings) + 1))
                pixels[row, size[1] // 4 : -(size[1] // 4)] = rng.integers(180, 255)
        path = folder / f"scan_{n:03d}.png"
        Image.fromarray(pixels).save(path)
        cases.append(Case(path.stem, {"grey": path}, findings=label, patient=f"patient_{n // per_patient:03d}"))
    return Cohort("tiny findings", tuple(cases), ("grey",), {name: index for index, name in enumerate(findings)})
