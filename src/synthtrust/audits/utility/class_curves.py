"""How classifiers trade sensitivity for specificity, and how far their probabilities can be taken at their word."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthtrust.audits.probabilities import ArmProbabilities, arm_probabilities
from synthtrust.audits.scores import Row
from synthtrust.audits.utility.confusion import confusion_rows

FALSE_POSITIVE_RATES = np.linspace(0, 1, 51)
BINS = 10
MIN_IN_BIN = 5
"""Predictions, over all seeds, below which a bin is left out: its frequency would say nothing."""


def class_curves(scores: pd.DataFrame, task: str) -> dict[str, list[Row]]:
    """Return the rows of the tables ``roc``, ``reliability`` and ``confusion``, behind mode and alpha.

    Args:
        scores: The scores of one generator.
        task: ``segmentation``, ``classification`` or ``multilabel``; segmenters have no rows.
    """
    tables: dict[str, list[Row]] = {"roc": [], "reliability": [], "confusion": []}
    real = scores[scores["source"] == "real"]
    for mode, rows in real.groupby("mode", sort=False) if task != "segmentation" else ():
        if not {0.0, 1.0} <= set(rows["alpha"]):
            continue
        for alpha in (0.0, 1.0):
            arm = arm_probabilities(rows, alpha, "real")
            of_arm = {"roc": roc_rows(arm), "reliability": reliability_rows(arm), "confusion": confusion_rows(arm)}
            for name, made in of_arm.items():
                tables[name] += [{"mode": mode, "alpha": alpha, **row} for row in made]
    return tables


def roc_points(probability: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the true positive rate at each of ``FALSE_POSITIVE_RATES``, as the ROC curve has it.

    Equal probabilities are one step, so that the area under straight lines between all points is that of Mann and
    Whitney. Where the curve is vertical, the upper end counts.

    Args:
        probability: How likely each of M cases is positive, ``(M,)``.
        positive: Which of them are, ``(M,)``; some have to be and some not.

    >>> roc_points(np.array([0.1, 0.4, 0.8]), np.array([False, True, True]))[:2].tolist()
    [1.0, 1.0]
    >>> roc_points(np.array([0.5, 0.5]), np.array([False, True]))[25].item()
    0.5
    """
    order = np.argsort(-probability, kind="stable")
    last = np.diff(probability[order], append=-1.0) != 0  # of each group of equal probabilities
    called = [np.append(0, np.cumsum(side[order])[last]) for side in (positive, ~positive)]
    true, false = (counts / counts[-1] for counts in called)
    return np.interp(FALSE_POSITIVE_RATES, false, true)


def roc_rows(arm: ArmProbabilities) -> Iterator[Row]:
    """Yield class, fpr, tpr, n_cases, n_patients and n_seeds: the mean over seeds of each class against the others.

    Of findings each is told against its absence. One without test cases on either side has no rows. The mean at each
    false positive rate is the vertical average of Fawcett (2006), An introduction to ROC analysis.
    """
    for index, name in enumerate(arm.classes):
        positive = arm.target[:, index] == 1 if arm.target.ndim == 2 else arm.target == index
        if positive.all() or not positive.any():
            continue
        mean = np.mean([roc_points(of_seed[:, index], positive) for of_seed in arm.probability], axis=0)
        for fpr, tpr in zip(FALSE_POSITIVE_RATES, mean, strict=True):
            yield {"class": name, "fpr": float(fpr), "tpr": float(tpr), **_counts(arm)}


def reliability_rows(arm: ArmProbabilities) -> Iterator[Row]:
    """Yield confidence, frequency, n_predictions, n_cases, n_patients and n_seeds for each of ten bins of confidence.

    The confidence of a case is the probability of the class that it is called, and its frequency is how often it is
    that class. Of findings it is the probability of each, and how often it is there. Seeds are pooled.
    """
    if arm.target.ndim == 2:
        confidence = arm.probability.ravel()
        right = np.broadcast_to(arm.target == 1, arm.probability.shape).ravel()
    else:
        confidence = arm.probability.max(axis=2).ravel()
        right = (arm.probability.argmax(axis=2) == arm.target).ravel()
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for number in range(BINS):
        inside = place == number
        if (n := int(inside.sum())) >= MIN_IN_BIN:
            yield {
                "confidence": float(confidence[inside].mean()),
                "frequency": float(right[inside].mean()),
                "n_predictions": n,
                **_counts(arm),
            }


def _counts(arm: ArmProbabilities) -> Row:
    return {
        "n_cases": len(arm.patients),
        "n_patients": len(set(arm.patients)),
        "n_seeds": len(arm.probability),
    }
