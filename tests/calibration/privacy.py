"""Privacy: how often an honest set is accused, and what a set with 5 % of copies of each kind is called.

Textures are made here. Radiographs, of which 28 x 28 pixels say less, are asked where SYNTHTRUST_DATA names a folder
with medmnist/pneumoniamnist.npz; another part of the cohort is the honest set there.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from calibration.study import DESCRIBED, NEVER_MORE_THAN_1_IN_20, Cell, Promise
from helpers.textures import texture
from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.controls import negative, positive
from synthtrust.audits.privacy.embedded import EmbeddedCases, Grid, embed, read_images
from synthtrust.audits.privacy.evidence import Evidence, examine
from synthtrust.audits.privacy.settings import NEIGHBOURS, PrivacySettings
from synthtrust.audits.privacy.transforms import kinds, transform_copy
from synthtrust.audits.privacy.verdict import decide
from synthtrust.audits.privacy.views import nearest_in
from synthtrust.verdicts import Subject

RADIOGRAPHS = Path(os.environ.get("SYNTHTRUST_DATA", "")) / "medmnist" / "pneumoniamnist.npz"
SHARE = 0.05
SETTINGS = PrivacySettings(n_permutations=399)
ALMOST_ALWAYS = Promise(0.95, 1.0, 0.95)
"""A leak that is to be called."""

Images = Sequence[np.ndarray]
Draw = Callable[[np.random.Generator], tuple[Images, Images, Images]]


@dataclass(frozen=True, eq=False)
class ArrayCase:
    """A case of one modality whose image is no file."""

    id: str
    patient: str
    image: np.ndarray
    images: tuple[()] = ()

    def load_image(self, modality: str) -> np.ndarray:
        """Return the image."""
        return self.image


def embedded(images: Images, prefix: str, grid: Grid) -> EmbeddedCases:
    """Return images as cases of a patient each."""
    cases = [ArrayCase(f"{prefix}{i}", f"{prefix}{i}", image.astype(np.float32)) for i, image in enumerate(images)]
    first, *others = [embed(read_images(case, ["grey"]), grid, case) for case in cases]
    return first.join(*others)


def draw_textures(rng: np.random.Generator, sizes: tuple[int, int, int], side: int) -> tuple[Images, Images, Images]:
    """Draw training, unseen and honest synthetic images: a texture of its own for each."""
    train, unseen, honest = ([texture(rng, (side, side)) for _ in range(n)] for n in sizes)
    return train, unseen, honest


@cache
def radiographs() -> np.ndarray:
    """Return all different images of PneumoniaMNIST."""
    parts = np.load(RADIOGRAPHS)
    images = np.concatenate([parts[name] for name in parts if "images" in name])
    return images[np.sort(np.unique(images.reshape(len(images), -1), axis=0, return_index=True)[1])]


def draw_real(
    rng: np.random.Generator, sizes: tuple[int, int, int], load: Callable[[], Images]
) -> tuple[Images, Images, Images]:
    """Draw three disjoint parts of a cohort; the third is what a perfectly honest generator paints."""
    images = load()
    order = rng.permutation(len(images))[: sum(sizes)]
    train, unseen, honest = ([images[i] for i in part] for part in np.split(order, np.cumsum(sizes)[:-1]))
    return train, unseen, honest


def audited(draw: Draw, rng: np.random.Generator) -> tuple[AuditData, Evidence, Grid, PrivacySettings]:
    """Return one honest set and the evidence on it."""
    parts = draw(rng)
    grid = Grid.of(torch.from_numpy(np.asarray(parts[0][0], np.float32)[None]))
    train, unseen, honest = (embedded(images, name, grid) for images, name in zip(parts, "tus"))
    settings = replace(SETTINGS, seed=int(rng.integers(2**31)))
    data = AuditData(train, unseen, honest, extent=grid.extent)
    return data, examine(data, settings, reported=False), grid, settings


def honest_sets(rng: np.random.Generator, repetitions: int, *, draw: Draw) -> dict[str, np.ndarray]:
    """Ask honest sets without planting: what is called a leak is a false alarm."""
    rows = []
    for _ in range(repetitions):
        data, evidence, _, settings = audited(draw, rng)
        controls = negative(data, evidence.copies, settings)
        verdict = decide(evidence, controls, settings, subject=Subject("honest"))
        rows.append((verdict.verdict == "NOT SUPPORTED", evidence.copies.search.copy.any()))
    accused, copied = np.array(rows, dtype=float).T
    return {"NOT SUPPORTED": accused, "an image is called a copy": copied}


def leaky_sets(rng: np.random.Generator, repetitions: int, *, draw: Draw) -> dict[str, np.ndarray]:
    """Replace 5 % of an honest set by copies of one kind, for each kind; P2 and P3 stay those of the honest set."""
    outcomes: dict[str, list[float]] = {}
    for _ in range(repetitions):
        data, evidence, grid, settings = audited(draw, rng)
        honest = evidence.copies
        controls = [*positive(data, honest, ["grey"], grid, settings), *negative(data, honest, settings)]
        k = max(1, round(SHARE * len(data.synthetic)))
        sources = rng.permutation(len(data.train))[:k]
        for kind in kinds(1):
            planted = []
            for i, source in enumerate(sources):
                image, other = (read_images(c, ["grey"]) for c in (data.train.cases[source], data.synthetic.cases[i]))
                planted.append(embed(transform_copy(image, kind, rng, other), grid, data.train.cases[source]))
            similarity, index = nearest_in(
                honest.views, planted[0].join(*planted[1:]), data.train, groups=honest.groups, candidates=NEIGHBOURS
            )
            similarity = np.concatenate([similarity, honest.similarity[:, k:]], axis=1)
            copies = replace(
                honest,
                similarity=similarity,
                index=np.concatenate([index[..., 0], honest.index[:, k:]], axis=1),
                search=settings.search(similarity, honest.null),
            )
            verdict = decide(replace(evidence, copies=copies), controls, settings, subject=Subject("leaky"))
            outcomes.setdefault(f"{kind}: SUPPORTED", []).append(verdict.verdict == "SUPPORTED")
            outcomes.setdefault(f"{kind}: NOT SUPPORTED", []).append(verdict.verdict == "NOT SUPPORTED")
    return {name: np.array(values, dtype=float) for name, values in outcomes.items()}


def cells(words: str, draw: Draw, repetitions: tuple[int, int], called: Promise, everyday: tuple[int, int] = (0, 0)):
    """Return the cell of honest sets and that of leaky ones.

    Args:
        words: What the images are, and how many.
        draw: Draws the three parts.
        repetitions: Of honest and of leaky sets.
        called: What is promised of a leak of 5 %.
        everyday: Repetitions in the everyday suite, of both.
    """
    false_alarms = {"NOT SUPPORTED": NEVER_MORE_THAN_1_IN_20, "an image is called a copy": NEVER_MORE_THAN_1_IN_20}
    leaks = {}
    for kind in kinds(1):
        leaks |= {f"{kind}: SUPPORTED": NEVER_MORE_THAN_1_IN_20, f"{kind}: NOT SUPPORTED": called}
    return [
        Cell(
            "Privacy", "honest set", words, false_alarms, partial(honest_sets, draw=draw), repetitions[0], everyday[0]
        ),
        Cell("Privacy", "5 % of copies", words, leaks, partial(leaky_sets, draw=draw), repetitions[1], everyday[1]),
    ]


CELLS = cells(
    "60 training, 60 unseen and 60 synthetic textures, 32 x 32",
    partial(draw_textures, sizes=(60, 60, 60), side=32),
    (120, 40),
    ALMOST_ALWAYS,
    everyday=(0, 1),
)
if RADIOGRAPHS.exists():
    CELLS += cells(
        "PneumoniaMNIST, 28 x 28: 200 training, 150 unseen and 150 synthetic",
        partial(draw_real, sizes=(200, 150, 150), load=radiographs),
        (60, 30),
        DESCRIBED,
    )
