"""What is set beside its size: each region of each test case, and each lesion, with its scores under every seed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.audits.scores import ScoredRun
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]
KEYS = ("case", "region", "lesion")
"""Columns that name an item; a region of a case has no lesion."""


@dataclass(frozen=True)
class Items:
    """N things that have a size, and their scores in every arm."""

    unit: str
    """``region`` (of a case) or ``lesion``."""
    table: pd.DataFrame
    """A row for each: case, patient, region, lesion (-1 for a region), volume_ml."""
    scores: Mapping[tuple[float, str, str], Array] = field(default_factory=dict)
    """By alpha, source and measure: the scores ``(S, N)``."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def alphas(self) -> list[float]:
        """Every share of real cases that has scores."""
        return sorted({alpha for alpha, _, _ in self.scores})

    def of_region(self, region: str) -> "Items":
        """Return the items of one region alone."""
        chosen = (self.table["region"] == region).to_numpy()
        return Items(self.unit, self.table[chosen], {key: scores[:, chosen] for key, scores in self.scores.items()})


def voxel_volumes(runs: Iterable[ScoredRun]) -> dict[str, float]:
    """Return the volume of a voxel of each case [ml], from the tables of volumes that the runs keep.

    Cases of which no table knows it, such as those whose label maps are empty, get that of the training cases.

    Raises:
        Refusal: If neither a table nor a run says how large a voxel is.
    """
    known: dict[str, float] = {}
    usual: float | None = None
    for run in runs:
        spacing = run.facts().get("spacing_mm")
        if usual is None and spacing:
            usual = float(np.prod(spacing)) / 1000
        if (volumes := getattr(run, "volumes", None)) is not None and not known:
            table = volumes()
            table = table[(table["source"] == "real") & (table["n_voxels"] > 0)]
            each = (table["volume_ml"] / table["n_voxels"]).groupby(table["case"]).first()
            known = {str(case): float(volume) for case, volume in each.items()}
    if usual is None and not known:
        raise Refusal(
            "Expected runs that say how large a voxel is, in volumes.csv or as spacing_mm in run.json, but none does. "
            "Leave size out of audit=[...], or train again."
        )
    return _Defaulting(known, usual)


class _Defaulting(dict[str, float]):
    """Volumes by case, and that of the training cases for all others."""

    def __init__(self, known: Mapping[str, float], usual: float | None) -> None:
        super().__init__(known)
        self.usual = usual

    def __missing__(self, case: str) -> float:
        if self.usual is None:
            raise Refusal(
                f"Expected the size of a voxel of case {case} in volumes.csv, but it is not there, and run.json has no "
                "spacing_mm. Leave size out of audit=[...], or train again."
            )
        return self.usual


def region_items(scores: pd.DataFrame, voxels: Mapping[str, float]) -> Items:
    """Return every region of every real test case that has a voxel there, with its scores.

    Measures: ``dice``; ``found`` (1 where the prediction has a voxel in common with it); of synthetic test cases
    ``dice``, in the place of their real case; and ``false_positives`` where they were counted.

    Args:
        scores: Those of one generator and one mode.
        voxels: Case -> volume of a voxel [ml].
    """
    real = scores[(scores["source"] == "real") & (scores["n_reference"] > 0)]
    table = real.drop_duplicates(["case", "region"])[["case", "patient", "region", "n_reference"]].reset_index(
        drop=True
    )
    volume = [n * voxels[str(case)] for case, n in zip(table["case"], table["n_reference"], strict=True)]
    table = table.drop(columns="n_reference").assign(lesion=-1, volume_ml=np.array(volume, dtype=np.float64))
    rows = scores.assign(lesion=-1, found=(scores["dice"] > 0).astype(float))
    measures = {"dice": "dice", "found": "found"}
    if "n_false_positives" in scores:
        measures["false_positives"] = "n_false_positives"
    return Items("region", table, _arms(rows, table, measures))


def lesion_items(lesions: pd.DataFrame) -> Items:
    """Return every lesion of every real test case, with its scores: ``dice`` and ``found``.

    Args:
        lesions: Those of one generator and one mode, of all runs.
    """
    real = lesions[lesions["source"] == "real"]
    table = real.drop_duplicates(list(KEYS))[["case", "patient", "region", "lesion", "volume_ml"]].reset_index(
        drop=True
    )
    rows = real.assign(found=(real["n_overlap"] > 0).astype(float))
    return Items("lesion", table, _arms(rows, table, {"dice": "dice", "found": "found"}))


def _arms(rows: pd.DataFrame, table: pd.DataFrame, measures: Mapping[str, str]) -> dict[tuple[float, str, str], Array]:
    """Return the scores of every item ``(S, N)`` by alpha, source and measure; NaN where an item was not scored."""
    place = pd.MultiIndex.from_frame(table[list(KEYS)])
    arms = {}
    for (alpha, source), of_arm in rows.groupby(["alpha", "source"], sort=True):
        index = place.get_indexer(pd.MultiIndex.from_frame(of_arm[list(KEYS)]))
        seed, seeds = pd.factorize(of_arm["seed"], sort=True)
        counted = index >= 0
        for measure, column in measures.items():
            values = np.full((len(seeds), len(table)), np.nan)
            values[seed[counted], index[counted]] = of_arm[column].to_numpy(dtype=np.float64)[counted]
            arms[float(str(alpha)), str(source), measure] = values
    return arms


def lesions_of(runs: Sequence[ScoredRun], names: Sequence[str]) -> pd.DataFrame | None:
    """Return the lesions of all runs with the generator of each; None unless every run has them."""
    tables = []
    for run, name in zip(runs, names, strict=True):
        read = getattr(run, "lesions", None)
        table = None if read is None else read()
        if table is None:
            return None
        tables.append(table.assign(generator=name))
    return pd.concat(tables, ignore_index=True) if tables else None
