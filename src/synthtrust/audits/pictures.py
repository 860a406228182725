"""Pictures for the page: slices through real cases and their twins, or beside synthetic cases of their own."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from synthtrust.cases import Case, Cohort
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.volumes import axial_slice
from synthtrust.report import SliceRow, Slices


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


def twin_slices(runs: Sequence[PicturedRun], n: int = 3) -> list[Slices]:
    """Return one axial slice through each of n test cases and its twin.

    The cases are the ones with the lowest, the median and the highest mean Dice of the model with the most real cases
    (evenly spread ranks for other n), so that nobody chose them. The slice is the one with the most labelled voxels of
    the real case. Arrays are in radiological orientation by the file's affine: the patient's right on the left,
    anterior up.
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
        pictures.append(_through(run.real_case(case), run.twin(case), why, regions))
    return pictures


def set_slices(cohort: Cohort, synthetic: Cohort, n: int = 3) -> list[Slices]:
    """Return one axial slice through each of n real cases, and through n synthetic ones that are the twins of none.

    In both sets the cases are those of evenly spread ranks of labelled volume, so that nobody chose them: the least,
    the median and the most for three. Each slice is the one with the most labelled voxels of its case.

    Args:
        cohort: The real cases.
        synthetic: The synthetic cases.
        n: How many of each.
    """
    chosen = [_by_volume(cases.cases, n) for cases in (cohort, synthetic)]
    pictures = []
    for real, other in zip(*chosen):
        spacing = voxel_sizes(read_header(real.require_label_map())[1])
        why = f"beside {other.id}, of the same rank by labelled volume in the synthetic set"
        rows = (_row("Real", real), _row("Synthetic", other))
        regions = cohort.regions()
        pictures.append(
            Slices(real.id, why, rows, regions, pixel_mm=(float(spacing[1]), float(spacing[0])), paired=False)
        )
    return pictures


def _by_volume(cases: Sequence[Case], n: int) -> list[Case]:
    volume = [int((case.load_label() > 0).sum()) for case in cases]
    order = np.argsort(volume, kind="stable")
    ranks = np.linspace(0, len(cases) - 1, min(n, len(cases))).round().astype(int) if n > 1 else [len(cases) // 2]
    return [cases[order[rank]] for rank in ranks]


def _row(name: str, case: Case) -> SliceRow:
    label = case.load_label()
    height = int((label > 0).sum(axis=(0, 1)).argmax())
    images = {modality: axial_slice(case.load_image(modality), height) for modality in case.images}
    return SliceRow(name=name, images=images, label=axial_slice(label, height))


def _through(real: Case, twin: Case, why: str, regions: Mapping[str, Sequence[int]]) -> Slices:
    """Cut a case and its twin at one height."""
    label, spacing = real.load_label(), voxel_sizes(read_header(real.require_label_map())[1])  # [mm]
    height = int((label > 0).sum(axis=(0, 1)).argmax())
    rows = tuple(
        SliceRow(
            name=name,
            images={m: axial_slice(case.load_image(m), height) for m in case.images},
            label=axial_slice(case.load_label(), height),
        )
        for name, case in (("Real", real), ("Twin", twin))
    )
    outlined = regions or {f"label {value}": (int(value),) for value in np.unique(label) if value}
    return Slices(real.id, why, rows, outlined, pixel_mm=(float(spacing[1]), float(spacing[0])))
