"""The area under the ROC curve, with an interval that holds near 1 and a permutation test over patients.

Scores come as two lists, of the positives and of the negatives; higher means more positive. Several scores of one
patient are no independent witnesses: where ``groups`` name the patients, intervals and tests take them as one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from synthtrust.metrics.functional.areas import area_limits
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.metrics.functional.placements import placements, scores
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve with its doubt."""

    value: float
    low: float
    """Lower limit, see `area_interval`; NaN with fewer than two patients on a side."""
    high: float
    n_positive: int
    """Patients (items, if no patients were named)."""
    n_negative: int
    level: float = 0.95
    p: float = float("nan")
    """One-sided p that positives do not score higher, by permutation; NaN where not asked for."""


def auc_interval(
    positive: ArrayLike,
    negative: ArrayLike,
    level: float = 0.95,
    positive_groups: Sequence[Hashable] | None = None,
    negative_groups: Sequence[Hashable] | None = None,
) -> Auc:
    """Return the area under the ROC curve with its interval: DeLong's variance, on a scale that holds near 0 and 1.

    With groups the placements are summed by patient before their variance is taken. The limits are those of
    `area_interval`: even an area of 1 has a lower limit below it.

    Source: DeLong et al., Biometrics 44 (1988); with groups Obuchowski, Biometrics 53 (1997), for patients that lie on
    one side only.

    Args:
        positive: Scores ``(m,)``.
        negative: Scores ``(n,)``.
        level: Coverage.
        positive_groups: The patient of each positive, for patients with several items.
        negative_groups: The patient of each negative.

    Raises:
        Refusal: If a side is empty, a score is NaN, or groups do not fit the scores.

    >>> found = auc_interval([0.9, 0.8, 0.7, 0.6, 0.3], [0.5, 0.4, 0.35, 0.2, 0.1])
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3), found.n_positive
    (0.88, 0.44, 0.983, 5)
    """
    x, y = _side("positive", positive), _side("negative", negative)
    of_x, of_y = patient_numbers(positive_groups, len(x)), patient_numbers(negative_groups, len(y))
    v10, v01 = placements(x[None], y[None])
    area = float(v10.mean())
    variance = _clustered(v10[0] - area, of_x) + _clustered(v01[0] - area, of_y)
    n_x, n_y = int(of_x.max()) + 1, int(of_y.max()) + 1
    low, high = area_limits(area, variance, n_x, n_y, level)
    return Auc(area, low, high, n_x, n_y, level)


def separation_test(
    positive: ArrayLike,
    negative: ArrayLike,
    positive_groups: Sequence[Hashable] | None = None,
    negative_groups: Sequence[Hashable] | None = None,
    *,
    n_permutations: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> Auc:
    """Return the area under the ROC curve with its interval, and the one-sided p that positives score no higher.

    The p permutes the labels of whole patients, so it needs no assumption but that patients are exchangeable; it is
    never below ``1 / (n_permutations + 1)``.

    Args:
        positive: Scores ``(m,)``.
        negative: Scores ``(n,)``.
        positive_groups: The patient of each positive, for patients with several items.
        negative_groups: The patient of each negative.
        n_permutations: Permutations.
        seed: Seed of the permutations.
        level: Coverage of the interval.

    Raises:
        Refusal: If a side is empty, a score is NaN, groups do not fit the scores, or a patient is on both sides.

    >>> found = separation_test(np.arange(10) + 8.0, np.arange(10))
    >>> round(found.value, 2), found.p
    (0.98, 0.001)
    """
    shared = set(positive_groups or ()) & set(negative_groups or ())
    if shared:
        raise Refusal(f"Expected every patient on one side only, but got {sorted(map(str, shared))[:8]} on both.")
    x, y = _side("positive", positive), _side("negative", negative)
    estimate = auc_interval(x, y, level, positive_groups, negative_groups)
    of_x, of_y = patient_numbers(positive_groups, len(x)), patient_numbers(negative_groups, len(y))
    patient = np.concatenate([of_x, of_y + estimate.n_positive])
    rank_sum = np.bincount(patient, stats.rankdata(np.concatenate([x, y])))  # (P,)
    count = np.bincount(patient).astype(np.float64)
    rng = np.random.default_rng(seed)
    n_patients = len(count)
    drawn = np.stack([rng.permutation(n_patients)[: estimate.n_positive] for _ in range(n_permutations)])
    m = count[drawn].sum(axis=1)
    area = (rank_sum[drawn].sum(axis=1) - m * (m + 1) / 2) / (m * (len(patient) - m))
    p = (1 + int((area >= estimate.value - 1e-12).sum())) / (n_permutations + 1)  # equal areas may differ by rounding
    return Auc(estimate.value, estimate.low, estimate.high, estimate.n_positive, estimate.n_negative, level, p)


def tpr_at_fpr(positive: ArrayLike, negative: ArrayLike, fpr: float) -> float:
    """Return the share of positives above the threshold that at most a share ``fpr`` of the negatives exceeds.

    NaN if ``fpr`` is below 2 over the number of negatives: a rate that rests on fewer than two items is no rate.

    Raises:
        Refusal: If a side is empty or a score is NaN.

    >>> tpr_at_fpr([5.0, 1.5, 0.0], [4.0, 3.0, 2.0, 1.0], fpr=0.5)  # two of four may exceed: the threshold is 2
    0.3333333333333333
    """
    x, y = _side("positive", positive), np.sort(_side("negative", negative))[::-1]
    if fpr < 2 / len(y) - 1e-12:
        return float("nan")
    allowed = int(fpr * len(y) + 1e-9)
    return float((x > y[allowed]).mean()) if allowed < len(y) else 1.0


def _side(name: str, values: ArrayLike) -> Array:
    score = scores(values)
    if score.ndim != 1 or not len(score):
        raise Refusal(f"Expected a list of at least one {name} score, but got an array of shape {score.shape}.")
    return score


def _clustered(deviation: Array, patient: NDArray[np.int64]) -> float:
    """Return the variance of the mean of deviations (which sum to 0), summed by patient first."""
    by_patient = np.bincount(patient, deviation)
    n = len(by_patient)
    return float((by_patient**2).sum() * n / (n - 1) / len(deviation) ** 2) if n > 1 else float("nan")
