"""Privacy, label maps: how often those of strangers are called a patient's, and planted copies and edited ones are.

Asked of hippocampi where SYNTHTRUST_DATA names a folder with Task04_Hippocampus: others of the cohort stand for label
maps that are nobody's.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from calibration.study import DESCRIBED, NEVER_MORE_THAN_1_IN_20, Cell, Promise
from synthtrust.audits.privacy import p5_label_maps as p5
from synthtrust.audits.privacy.label_map_copies import COPIES
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.cases import read_msd
from synthtrust.generators.edited_masks.edits import EditSizes, draw_edit
from synthtrust.metrics.functional import CopySearch, ShapeSpace, label_shapes

HIPPOCAMPI = Path(os.environ.get("SYNTHTRUST_DATA", "")) / "Task04_Hippocampus"


@dataclass(frozen=True)
class Draw:
    """How many label maps of each kind are drawn, and from which part of the cohort."""

    n_train: int
    n_unseen: int
    n_set: int
    n_copies: int
    first: int = 0
    step: int = 1

    def __str__(self) -> str:
        """Say it in the document."""
        return f"hippocampi: {self.n_train} training, {self.n_unseen} unseen and {self.n_set} synthetic label maps"


FEW, MANY = Draw(80, 60, 60, 3), Draw(135, 45, 20, 10)
EDITED = Draw(80, 60, 60, 6)
OTHER_HALF = Draw(60, 25, 15, 10, first=1, step=2)
"""Every other case of the cohort: how smooth shapes are was chosen on those between them, how components are weighed on
draws of all."""
SETTINGS = PrivacySettings()
EDITS = {
    **{f"each axis up to {np.exp(s):.2f} times": EditSizes(s, 0, 0, 0) for s in (0.05, 0.1, 0.2, 0.3)},
    **{f"warp of {w:g} radii": EditSizes(0, w, 0, 0) for w in (0.025, 0.05, 0.1, 0.2)},
    **{f"surface moved by up to {g:g} voxels": EditSizes(0, 0, 0, g) for g in (0.5, 1.0)},
    "the defaults of generator=edited_masks": EditSizes(),
}
"""What is drawn, by its name; an edit that would leave the grid is drawn again."""
RESIZED = "another size"
"""What the audit learns from how little another size says."""
ALMOST_ALWAYS = Promise(0.95, 1.0, 0.95)
"""Copies that are to be called."""


@cache
def hippocampi() -> list[np.ndarray]:
    """Return the label maps of the cohort."""
    return [case.load_label() for case in read_msd(HIPPOCAMPI, None, None).cases]


@cache
def shape(i: int, kind: str | None = None) -> np.ndarray:
    """Return the shape of a label map, or of one that was copied or edited from it."""
    label, rng = hippocampi()[i], np.random.default_rng([i, 7])
    if kind == RESIZED:
        (label,) = p5.resized([label], rng)
    elif kind in COPIES:
        label = COPIES[kind](label, rng)
    elif kind is not None:
        label = next(x for _ in range(100) if (x := draw_edit(label, EDITS[kind], rng)) is not None)
    return label_shapes(label, (1, 2))


def called(search: CopySearch, right: np.ndarray) -> np.ndarray:
    """Return which label maps are called those of the right training case, as the audit does it."""
    found = p5.beyond_chance(search, np.zeros(len(search.copy), bool), p5.BY_ITSELF * SETTINGS.copy_threshold)
    return found.copy & right


@dataclass(frozen=True)
class Searched:
    """One draw: every label map beside the training ones."""

    similarity: np.ndarray
    """``(V, n, 6)``: unseen ones, strangers, then the changed ones of each kind."""
    index: np.ndarray
    """The nearest training label map ``(V, n)``; a changed one of number i is right with i."""
    draw: Draw

    @property
    def strangers(self) -> np.ndarray:
        """Return the places of the strangers' label maps."""
        return self.draw.n_unseen + np.arange(self.draw.n_set)

    def changed(self, kind: int) -> np.ndarray:
        """Return the places of the changed ones of one kind."""
        return self.draw.n_unseen + self.draw.n_set + kind * self.draw.n_copies + np.arange(self.draw.n_copies)

    def right(self, kind: int) -> np.ndarray:
        """Return which of the changed ones are called, in a set of them and strangers, and named with their source."""
        n, of_set = self.draw.n_copies, np.concatenate([self.changed(kind), self.strangers[self.draw.n_copies :]])
        search = SETTINGS.search(self.similarity[:, of_set], self.similarity[:, : self.draw.n_unseen])
        nearest = self.index[:, of_set][search.view, np.arange(len(of_set))]
        return called(search, nearest == np.arange(len(of_set)))[:n]


def searched(rng: np.random.Generator, draw: Draw, kinds: Iterable[str]) -> Searched:
    """Draw training, unseen and other label maps, and change the first of the training ones in every way."""
    cohort = rng.permutation(np.arange(len(hippocampi()))[draw.first :: draw.step])
    train, unseen, others = np.split(
        cohort[: draw.n_train + draw.n_unseen + draw.n_set], [draw.n_train, draw.n_train + draw.n_unseen]
    )
    changed = [shape(int(i), kind) for kind in kinds for i in train[: draw.n_copies]]
    queries = np.stack([*(shape(int(i)) for i in (*unseen, *others)), *changed])
    space = ShapeSpace(*(np.stack([shape(int(i), kind) for i in train]) for kind in (None, RESIZED)))
    return Searched(*p5.nearest_patients(queries, space, np.arange(draw.n_train)), draw)


def copies(rng: np.random.Generator, repetitions: int, draw: Draw) -> dict[str, np.ndarray]:
    """Search strangers' label maps; then let copies of each kind take the place of a few of these."""
    outcomes: dict[str, list[float]] = defaultdict(list)
    for _ in range(repetitions):
        result = searched(rng, draw, COPIES)
        found = SETTINGS.search(result.similarity[:, result.strangers], result.similarity[:, : draw.n_unseen])
        outcomes["no copies: NOT SUPPORTED"].append(called(found, np.ones(draw.n_set, bool)).any())
        outcomes["no copies: label maps beyond the threshold"].append(found.copy.mean())
        outcomes["no copies: suspect label maps"].append(found.suspect.mean())
        for number, kind in enumerate(COPIES):
            right = result.right(number)
            outcomes[f"{kind}: NOT SUPPORTED"].append(right.any())
            outcomes[f"{kind}: named with its source"].append(right.mean())
    return {name: np.array(values, dtype=float) for name, values in outcomes.items()}


def edits(rng: np.random.Generator, repetitions: int, draw: Draw) -> dict[str, np.ndarray]:
    """Let edited label maps of training cases take the place of a few strangers'."""
    drawn = [searched(rng, draw, EDITS) for _ in range(repetitions)]
    return {name: np.array([x.right(number).mean() for x in drawn]) for number, name in enumerate(EDITS)}


PROMISES = {
    "no copies: NOT SUPPORTED": NEVER_MORE_THAN_1_IN_20,
    "no copies: label maps beyond the threshold": DESCRIBED,
    "no copies: suspect label maps": DESCRIBED,
}
for name in COPIES:
    PROMISES |= {f"{name}: NOT SUPPORTED": ALMOST_ALWAYS, f"{name}: named with its source": DESCRIBED}

OTHERS = f"the 100 other {OTHER_HALF}"
TITLE = "Privacy: label maps"
CELLS = (
    [
        Cell(TITLE, "5 % of copies", f"200 {FEW}", PROMISES, partial(copies, draw=FEW), 20),
        Cell(TITLE, "10 copies of each kind", f"200 {MANY}", PROMISES, partial(copies, draw=MANY), 6),
        Cell(TITLE, "10 copies of each kind", OTHERS, PROMISES, partial(copies, draw=OTHER_HALF), 10),
        Cell(
            TITLE, "edited label maps named with their source", f"200 {EDITED}", dict.fromkeys(EDITS, DESCRIBED),
            partial(edits, draw=EDITED), 5,
        ),
    ]
    if HIPPOCAMPI.exists()
    else []
)  # fmt: skip
