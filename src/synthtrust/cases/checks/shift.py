"""Shift: how the cases of two cohorts differ in grid, orientation, voxel size, intensities and size of regions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.cases.case import Case
from synthtrust.cases.checks.parity import LABELS, properties
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.formats.volumes import read_header

MOST = 40
"""Cases of each cohort that are looked at, evenly from its list."""


def shift(
    trained: Sequence[Case], other: Sequence[Case], modalities: Sequence[str], labels: Mapping[str, int]
) -> pd.DataFrame:
    """Describe cases that a network learned from beside others, at most ``MOST`` of each.

    Args:
        trained: Cases of one cohort.
        other: Cases of another.
        modalities: The modalities that both have.
        labels: Label name -> value in the label maps; regions are told by their volume in ml.

    Returns:
        A row for each modality (or ``label``) and property: modality, property, trained, other (in words), n_trained,
        n_other.
    """
    cohorts = [_evenly(cases) for cases in (trained, other)]
    names = [*modalities, *(["label"] if all(case.label_map for cases in cohorts for case in cases) else [])]
    rows = []
    for name in names:
        described = [[_described(case, name, labels) for case in cases] for cases in cohorts]
        for subject in dict.fromkeys(subject for cases in described for case in cases for subject in case):
            values = [[case[subject] for case in cases if subject in case] for cases in described]
            rows.append(
                {
                    "modality": name, "property": subject, "trained": summary(values[0]), "other": summary(values[1]),
                    "n_trained": len(values[0]), "n_other": len(values[1]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=["modality", "property", "trained", "other", "n_trained", "n_other"])


def _evenly(cases: Sequence[Case]) -> list[Case]:
    places = np.linspace(0, len(cases) - 1, min(MOST, len(cases))).round().astype(int)
    return [cases[place] for place in places]


def _described(case: Case, name: str, labels: Mapping[str, int]) -> dict[str, Any]:
    """Return the properties of one file, with volumes in the place of counts of voxels."""
    facts = properties(case, name)
    if name != "label" or is_raster(case.files[name]):
        return facts
    voxel = float(abs(np.linalg.det(read_header(case.files[name])[1][:3, :3]))) / 1000
    counts = {region: facts.pop(LABELS[value], 0) for region, value in labels.items()}
    return {key: value for key, value in facts.items() if key not in LABELS.values()} | {
        f"{region} [ml]": count * voxel for region, count in counts.items()
    }


def summary(values: Sequence[Any]) -> str:
    """Return numbers as their median and range, and words as the most frequent one.

    >>> summary([1.0, 2.0, 3.0]), summary(["RAS", "RAS", "LPS"]), summary([])
    ('2 [1.1, 2.9]', 'RAS (67 %)', '')
    """
    if not values:
        return ""
    if all(isinstance(value, int | float | np.number) for value in values):
        low, middle, high = np.quantile([float(value) for value in values], (0.05, 0.5, 0.95))
        return f"{middle:.3g} [{low:.3g}, {high:.3g}]"
    word, times = Counter(map(str, values)).most_common(1)[0]
    return word if times == len(values) else f"{word} ({times / len(values):.0%})".replace("%", " %")
