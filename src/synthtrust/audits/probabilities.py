"""The stored probabilities of classifiers: refused if they contradict each other, and as arrays for the formulas."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.metrics.functional.classification import SUM_TOLERANCE
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class ArmProbabilities:
    """What was predicted at one alpha for one kind of test cases, cases in order of id."""

    probability: NDArray[np.float64]
    """``(S, M, C)``."""
    target: NDArray[np.int64]
    """The class of each of the M cases as its place among ``classes``; or 0 and 1 for each finding, ``(M, C)``."""
    patients: tuple[str, ...]
    """The patient of each of the M cases."""
    classes: tuple[str, ...]
    """Names of classes or findings, as they first appear."""

    def alone(self, index: int) -> "ArmProbabilities":
        """Return a finding by itself: a case has it (class 1) or not (class 0)."""
        p = self.probability[:, :, index]
        names = (f"no {self.classes[index]}", self.classes[index])
        return ArmProbabilities(np.stack([1 - p, p], axis=-1), self.target[:, index], self.patients, names)


def check_probabilities(scores: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the scores of one classifier's run, ``target`` and ``class`` as text.

    Raises:
        Refusal: If a class has no name, there is one class only, a case is of a class that has no probability or of
            two classes, a probability is missing, or those of a case do not sum to 1.
    """
    if scores[["target", "class"]].isna().any(axis=None):
        raise Refusal(f"Expected the name of a class in every row, but {folder} has rows without. Rename the class.")
    scores = scores.assign(target=scores["target"].astype(str), **{"class": scores["class"].astype(str)})
    classes = list(scores["class"].unique())
    if len(classes) < 2:
        raise Refusal(f"Expected at least two classes, but {folder} scores {classes} only: nothing to tell apart.")
    if unknown := sorted(set(scores["target"]) - set(classes)):
        raise Refusal(f"Expected test cases of the classes {classes}, but {folder} has some of {unknown}.")
    by_case = scores.groupby(["source", "case"])
    wrong = (by_case["probability"].sum(min_count=len(classes)) - 1).abs()
    if not (fits := wrong <= SUM_TOLERANCE).all():  # NaN, where one is missing, does not fit
        raise Refusal(
            f"Expected {len(classes)} probabilities that sum to 1 for every case, but {folder} has others for "
            f"{fits.index[~fits][0]}. Score it again."
        )
    if scores["probability"].min() < 0:
        raise Refusal(f"Expected probabilities from 0 to 1, but {folder} has {scores['probability'].min()}.")
    if (several := by_case["target"].nunique() > 1).any():
        raise Refusal(f"Expected one class per case, but {folder} has several for {several.index[several][0]}.")
    return scores


def check_findings(scores: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the scores of one run that tells findings, ``class`` as text.

    Raises:
        Refusal: If a finding has no name, a truth is neither 0 nor 1, a probability is missing or beyond 0 to 1, or
            a case was not asked for every finding.
    """
    if scores["class"].isna().any():
        raise Refusal(f"Expected the name of a finding in every row, but {folder} has rows without. Rename it.")
    scores = scores.assign(**{"class": scores["class"].astype(str)})
    if "present" not in scores or not scores["present"].isin((0, 1)).all():
        raise Refusal(f"Expected 0 or 1 in a column 'present', but {folder} has none or others. Score it again.")
    if not scores["probability"].between(0, 1).all():  # NaN is not
        raise Refusal(f"Expected probabilities from 0 to 1, but {folder} has others, or lacks some. Score it again.")
    n = scores["class"].nunique()
    if (few := scores.groupby(["source", "case"]).size() != n).any():
        raise Refusal(
            f"Expected {n} probabilities for every case, but {folder} has others for {few.index[few][0]}. Score it "
            "again."
        )
    return scores


def arm_probabilities(scores: pd.DataFrame, alpha: float, source: str) -> ArmProbabilities:
    """Return the probabilities of one mode at one alpha as an array."""
    rows = scores[(scores["alpha"] == alpha) & (scores["source"] == source)]
    classes = [str(name) for name in scores["class"].unique()]
    wide = rows.pivot(index="case", columns=["seed", "class"], values="probability").sort_index()
    cube = np.stack([wide[seed][classes].to_numpy(dtype=float) for seed in sorted(rows["seed"].unique())])  # (S, M, C)
    of_case = rows.drop_duplicates("case").set_index("case").loc[wide.index]
    if "present" in rows:
        one_each = rows.drop_duplicates(["case", "class"])
        target = one_each.pivot(index="case", columns="class", values="present").loc[wide.index, classes].to_numpy()
    else:
        target = np.array([classes.index(name) for name in of_case["target"]])
    return ArmProbabilities(cube, target, tuple(map(str, of_case["patient"])), tuple(classes))
