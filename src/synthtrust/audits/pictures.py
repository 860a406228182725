"""Pictures for the page: slices through real cases and their twins, or beside synthetic cases of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from synthtrust.audits.planes import plane
from synthtrust.cases import Case, Cohort
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.volumes import axial_slice
from synthtrust.report import SliceRow, Slices
from synthtrust.report.formatting import count

MOST_SLICES = 20
"""Slices of one case that the page holds, evenly spread over what is labelled: the page has to stay small."""
BEYOND = 2
"""Slices shown beyond the labelled ones, at either end."""


class PicturedRun(Protocol):
    """What the pictures need of a run."""

    def scores(self) -> pd.DataFrame:
        """One row per test case, source and region."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from; ``regions`` maps each region's name to its labels."""

    def real_case(self, case_id: str) -> Case:
        """Return the real case with this id."""

    def twin(self, case_id: str) -> Case:
        """Return its twin."""


@dataclass(frozen=True)
class Network:
    """A trained network whose predictions are shown."""

    trained_on: str
    """``real cases`` or ``synthetic cases``."""
    label_map: Callable[[Mapping[str, NDArray]], NDArray[np.uint8]]
    """Modality -> image ``(H, W, D)`` in RAS+ order to the label map ``(H, W, D)``."""
    dice: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Source and id of a test case -> its mean Dice over regions."""

    def shown(self, case: Case, images: Mapping[str, NDArray]) -> tuple[str, NDArray[np.uint8]]:
        """Return what a prediction is called on the page, and the label map ``(H, W, D)``."""
        dice = self.dice.get((case.source.value, case.id))
        score = "" if dice is None or not np.isfinite(dice) else f": Dice {dice:.2f}"
        return f"network trained on {self.trained_on}{score}", self.label_map(images)


def twin_slices(runs: Sequence[PicturedRun], n: int = 3, networks: Sequence[Network] = ()) -> list[Slices]:
    """Return axial slices through each of n test cases and its twin.

    The cases are the ones with the lowest, the median and the highest mean Dice of the model with the most real cases
    (evenly spread ranks for other n), so that nobody chose them. The slice that is shown first is the one with the most
    labelled voxels of the real case. Arrays are in radiological orientation by the file's affine: the patient's right
    on the left, anterior up.

    Args:
        runs: Finished runs of one sweep.
        n: How many cases.
        networks: Those whose predictions are shown beside the label map.
    """
    run = max(runs, key=lambda run: float(run.scores()["alpha"].max()))
    scores = run.scores()
    dice = scores[scores["source"] == "real"].groupby("case")["dice"].mean().dropna().sort_values(kind="stable")
    ranks = (
        np.unique(np.linspace(0, len(dice) - 1, min(n, len(dice))).round().astype(int)) if n > 1 else [len(dice) // 2]
    )
    names = {0: "lowest", (len(dice) - 1) // 2: "median", len(dice) // 2: "median", len(dice) - 1: "highest"}
    regions: Mapping[str, Sequence[int]] = run.facts().get("regions") or {}
    alpha = float(scores["alpha"].max())
    pictures = []
    for rank in ranks:
        case, value = str(dice.index[rank]), float(dice.iloc[rank])
        why = f"{names.get(int(rank), f'rank {rank + 1} of {len(dice)}')} mean Dice at α = {alpha:g}, {value:.2f}"
        pictures.append(_beside(run.real_case(case), run.twin(case), why, regions, networks))
    return pictures


def set_slices(cohort: Cohort, synthetic: Cohort, n: int = 3, networks: Sequence[Network] = ()) -> list[Slices]:
    """Return axial slices through each of n real cases, and through n synthetic ones that are the twins of none.

    In both sets the cases are those of evenly spread ranks of labelled volume, so that nobody chose them: the least,
    the median and the most for three. The slice of each that is shown first is the one with the most labelled voxels.

    Args:
        cohort: The real cases.
        synthetic: The synthetic cases.
        n: How many of each.
        networks: Those whose predictions are shown beside the label map.
    """
    chosen = [_by_volume(cases.cases, n) for cases in (cohort, synthetic)]
    pictures = []
    for real, other in zip(*chosen):
        why = f"beside {other.id}, of the same rank by labelled volume in the synthetic set"
        pictures.append(_beside(real, other, why, cohort.regions(), networks, paired=False))
    return pictures


def class_slices(runs: Sequence[PicturedRun], n: int = 3) -> list[Slices]:
    """Return a test case of each of the first n classes or findings beside its twin; of volumes the middle axial slice.

    Of its class it is the case with the median probability of that class, at the largest share of real cases, so that
    nobody chose it.
    """
    run = max(runs, key=lambda run: float(run.scores()["alpha"].max()))
    scores = run.scores()
    real = scores[scores["source"] == "real"]
    is_own = real["present"] == 1 if "present" in real else real["target"].astype(str) == real["class"].astype(str)
    pictures = []
    for name, rows in real[is_own].groupby("class", sort=False):
        ranked = rows.sort_values(["probability", "case"])
        row = ranked.iloc[len(ranked) // 2]
        real_case, twin = run.real_case(str(row["case"])), run.twin(str(row["case"]))
        why = f"{name}, median probability {row['probability']:.2f} of {count(len(ranked), 'case')}"
        shown = tuple(_plane_row(kind, case) for kind, case in (("Real", real_case), ("Twin", twin)))
        pictures.append(Slices(real_case.id, why, shown, {}))
    return pictures[:n]


def _plane_row(name: str, case: Case) -> SliceRow:
    images = {modality: plane(case, modality)[None] for modality in case.images}
    first = next(iter(images.values()))
    return SliceRow(name, images, np.zeros(first.shape, dtype=np.uint8))


def _by_volume(cases: Sequence[Case], n: int) -> list[Case]:
    volume = [int((case.load_label() > 0).sum()) for case in cases]
    order = np.argsort(volume, kind="stable")
    ranks = np.linspace(0, len(cases) - 1, min(n, len(cases))).round().astype(int) if n > 1 else [len(cases) // 2]
    return [cases[order[rank]] for rank in ranks]


def _beside(
    real: Case,
    other: Case,
    why: str,
    regions: Mapping[str, Sequence[int]],
    networks: Sequence[Network],
    *,
    paired: bool = True,
) -> Slices:
    """Cut two cases at the same heights, or, where they are no pair, at the same distances from their fullest slice."""
    labels = [real.load_label(), other.load_label()]
    full = [int((label > 0).sum(axis=(0, 1)).argmax()) for label in (labels[:1] * 2 if paired else labels)]
    steps, first = _steps(labels, full)
    rows = tuple(
        _row(name, case, label, [height + step for step in steps], networks)
        for name, case, label, height in zip(
            ("Real", "Twin" if paired else "Synthetic"), (real, other), labels, full, strict=True
        )
    )
    spacing = voxel_sizes(read_header(real.require_label_map())[1])  # [mm]
    outlined = regions or {f"label {value}": (int(value),) for value in np.unique(labels[0]) if value}
    heights = tuple(int(full[0] + step) for step in steps)
    return Slices(
        real.id, why, rows, outlined, (float(spacing[1]), float(spacing[0])), paired, heights=heights, first=first
    )


def _steps(labels: Sequence[NDArray], full: Sequence[int]) -> tuple[list[int], int]:
    """Return how far the slices lie from the fullest one, and the place of that one among them."""
    labelled = np.flatnonzero((labels[0] > 0).any(axis=(0, 1)))
    low, high = (labelled[0], labelled[-1]) if len(labelled) else (full[0], full[0])
    low = max(low - BEYOND - full[0], *(-height for height in full))
    high = min(high + BEYOND - full[0], *(label.shape[2] - 1 - height for label, height in zip(labels, full)))
    stride = -(-(high - low + 1) // MOST_SLICES)  # rounded up
    steps = [int(step) for step in range(low, high + 1) if step % stride == 0]  # 0 is one of them
    return steps, steps.index(0)


def _row(name: str, case: Case, label: NDArray, heights: Sequence[int], networks: Sequence[Network]) -> SliceRow:
    images = {modality: case.load_image(modality) for modality in case.images}
    predictions = dict(network.shown(case, images) for network in networks)
    return SliceRow(
        name=name,
        images={modality: _stack(image, heights) for modality, image in images.items()},
        label=_stack(label, heights),
        predictions={words: _stack(prediction, heights) for words, prediction in predictions.items()},
    )


def _stack(volume: NDArray, heights: Sequence[int]) -> NDArray:
    return np.stack([axial_slice(volume, height) for height in heights])
