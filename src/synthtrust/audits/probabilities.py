"""The probabilities that classifiers left: refused if they contradict themselves, and as the arrays formulas take."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.metrics.functional.classification import SUM_TOLERANCE


@dataclass(frozen=True)
class ClassifiedArm:
    """What was predicted at one alpha for one kind of test cases, cases in order of id."""

    probability: NDArray[np.float64]
    """``(S, M, C)``."""
    target: NDArray[np.int64]
    """The class of each of the M cases, as its place among ``classes``."""
    patients: tuple[str, ...]
    """The patient of each of the M cases."""
    classes: tuple[str, ...]
    """Names, as they first appear."""


def check_probabilities(scores: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the scores of one classifier's run, ``target`` and ``class`` as text.

    Raises:
        ValueError: If a class has no name, there is one class only, a case is of a class that has no probability or of
            two classes, a probability is missing, or those of a case do not sum to 1.
    """
    if scores[["target", "class"]].isna().any(axis=None):
        raise ValueError(f"Expected the name of a class in every row, but {folder} has rows without. Rename the class.")
    scores = scores.assign(target=scores["target"].astype(str), **{"class": scores["class"].astype(str)})
    classes = list(scores["class"].unique())
    if len(classes) < 2:
        raise ValueError(f"Expected at least two classes, but {folder} scores {classes} only: nothing to tell apart.")
    if unknown := sorted(set(scores["target"]) - set(classes)):
        raise ValueError(f"Expected test cases of the classes {classes}, but {folder} has some of {unknown}.")
    by_case = scores.groupby(["source", "case"])
    wrong = (by_case["probability"].sum(min_count=len(classes)) - 1).abs()
    if not (fits := wrong <= SUM_TOLERANCE).all():  # NaN, where one is missing, does not fit
        raise ValueError(
            f"Expected {len(classes)} probabilities that sum to 1 for every case, but {folder} has others for "
            f"{fits.index[~fits][0]}. Score it again."
        )
    if scores["probability"].min() < 0:
        raise ValueError(f"Expected probabilities from 0 to 1, but {folder} has {scores['probability'].min()}.")
    if (several := by_case["target"].nunique() > 1).any():
        raise ValueError(f"Expected one class per case, but {folder} has several for {several.index[several][0]}.")
    return scores


def classified_arm(scores: pd.DataFrame, alpha: float, source: str) -> ClassifiedArm:
    """Return the probabilities of one mode at one alpha as an array."""
    rows = scores[(scores["alpha"] == alpha) & (scores["source"] == source)]
    classes = [str(name) for name in scores["class"].unique()]
    wide = rows.pivot(index="case", columns=["seed", "class"], values="probability").sort_index()
    cube = np.stack([wide[seed][classes].to_numpy(dtype=float) for seed in sorted(rows["seed"].unique())])  # (S, M, C)
    of_case = rows.drop_duplicates("case").set_index("case").loc[wide.index]
    target = np.array([classes.index(name) for name in of_case["target"]])
    return ClassifiedArm(cube, target, tuple(map(str, of_case["patient"])), tuple(classes))
