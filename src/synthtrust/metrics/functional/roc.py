"""The area under the ROC curve, with DeLong's interval, a paired test, and a permutation test over patients.

Scores come as two lists, of the positives and of the negatives; higher means more positive. Several scores of one
patient are no independent witnesses: where ``groups`` name the patients, intervals and tests take them as one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve with its doubt."""

    value: float
    low: float
    """Lower limit, DeLong; NaN with fewer than two patients on a side."""
    high: float
    n_positive: int
    """Patients (items, if no patients were named)."""
    n_negative: int
    level: float = 0.95
    p: float = float("nan")
    """One-sided p that positives do not score higher, by permutation; NaN where not asked for."""


@dataclass(frozen=True)
class AucComparison:
    """Two scores of the same items, compared."""

    auc: tuple[float, float]
    covariance: Array
    """Of the two areas, ``(2, 2)``."""
    difference: float
    """First minus second."""
    low: float
    high: float
    z: float
    p: float
    """Two-sided."""
    level: float = 0.95


def delong(positive: ArrayLike, negative: ArrayLike) -> tuple[Array, Array]:
    r"""Return the areas under the ROC curves of A scores of the same items, and their covariance.

    With the placements :math:`V_{10,i} = mean_j \psi(x_i, y_j)` and :math:`V_{01,j} = mean_i \psi(x_i, y_j)`, where
    :math:`\psi` is 1, 1/2 or 0 as x is above, equal to or below y,
    :math:`cov = cov(V_{10})/m + cov(V_{01})/n`.

    Source: DeLong et al., Biometrics 44 (1988); by midranks, so that m x n pairs are never formed.

    Args:
        positive: Scores ``(A, m)``, m > 1.
        negative: Scores ``(A, n)``, n > 1.

    Returns:
        ``(auc, covariance)``, ``(A,)`` and ``(A, A)``.

    Raises:
        ValueError: If the shapes do not fit, a score is NaN, or a side has fewer than two items.

    >>> auc, covariance = delong([[3.0, 4.0, 1.0]], [[2.0, 0.0]])
    >>> auc.round(4).tolist(), covariance.round(4).tolist()  # 5 of 6 pairs; placements 1 1 .5 and .667 1
    ([0.8333], [[0.0556]])
    """
    x, y = np.atleast_2d(_scores(positive)), np.atleast_2d(_scores(negative))
    if x.ndim != 2 or len(x) != len(y) or min(x.shape[1], y.shape[1]) < 2:
        raise ValueError(
            f"Expected scores (A, m) and (A, n) with at least 2 items on each side, but got {x.shape} and {y.shape}."
        )
    v10, v01 = _placements(x, y)
    covariance = np.atleast_2d(np.cov(v10)) / x.shape[1] + np.atleast_2d(np.cov(v01)) / y.shape[1]
    return v10.mean(axis=1), covariance


def auc_interval(
    positive: ArrayLike,
    negative: ArrayLike,
    level: float = 0.95,
    positive_groups: Sequence[Hashable] | None = None,
    negative_groups: Sequence[Hashable] | None = None,
) -> Auc:
    """Return the area under the ROC curve with DeLong's interval, cut at 0 and 1.

    With groups the placements are summed by patient before their variance is taken.

    At an area of exactly 0 or 1 DeLong's variance is 0: an interval without length is then not certainty, only the
    method's limit. Read the number of patients and the permutation p of `separation_test` with it.

    Source: DeLong et al., Biometrics 44 (1988); with groups Obuchowski, Biometrics 53 (1997), for patients that lie on
    one side only.

    Args:
        positive: Scores ``(m,)``.
        negative: Scores ``(n,)``.
        level: Coverage.
        positive_groups: The patient of each positive, for patients with several items.
        negative_groups: The patient of each negative.

    Raises:
        ValueError: If a side is empty, a score is NaN, or groups do not fit the scores.

    >>> found = auc_interval([0.9, 0.8, 0.7, 0.6, 0.3], [0.5, 0.4, 0.35, 0.2, 0.1])
    >>> round(found.value, 2), round(found.low, 3), found.high, found.n_positive
    (0.88, 0.626, 1.0, 5)
    """
    x, y = _side("positive", positive), _side("negative", negative)
    of_x, of_y = _patients(positive_groups, len(x)), _patients(negative_groups, len(y))
    v10, v01 = _placements(x[None], y[None])
    area = float(v10.mean())
    variance = _clustered(v10[0] - area, of_x) + _clustered(v01[0] - area, of_y)
    half = float(stats.norm.ppf((1 + level) / 2)) * variance**0.5
    n_x, n_y = int(of_x.max()) + 1, int(of_y.max()) + 1
    return Auc(area, max(area - half, 0.0), min(area + half, 1.0) if half == half else half, n_x, n_y, level)


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
    """Return the area under the ROC curve with its interval and a one-sided p: do positives score higher?

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
        ValueError: If a side is empty, a score is NaN, groups do not fit the scores, or a patient is on both sides.

    >>> found = separation_test(np.arange(10) + 8.0, np.arange(10))
    >>> round(found.value, 2), found.p
    (0.98, 0.001)
    """
    shared = set(positive_groups or ()) & set(negative_groups or ())
    if shared:
        raise ValueError(f"Expected every patient on one side only, but got {sorted(map(str, shared))[:8]} on both.")
    x, y = _side("positive", positive), _side("negative", negative)
    found = auc_interval(x, y, level, positive_groups, negative_groups)
    of_x, of_y = _patients(positive_groups, len(x)), _patients(negative_groups, len(y))
    patient = np.concatenate([of_x, of_y + found.n_positive])
    rank_sum = np.bincount(patient, stats.rankdata(np.concatenate([x, y])))  # (P,)
    count = np.bincount(patient).astype(np.float64)
    rng = np.random.default_rng(seed)
    n_patients = len(count)
    drawn = np.stack([rng.permutation(n_patients)[: found.n_positive] for _ in range(n_permutations)])
    m = count[drawn].sum(axis=1)
    area = (rank_sum[drawn].sum(axis=1) - m * (m + 1) / 2) / (m * (len(patient) - m))
    p = (1 + int((area >= found.value - 1e-12).sum())) / (n_permutations + 1)  # equal areas may differ by rounding
    return Auc(found.value, found.low, found.high, found.n_positive, found.n_negative, level, p)


def auc_by_class(
    probability: ArrayLike, target: ArrayLike, groups: Sequence[Hashable] | None = None
) -> tuple[Array, Array]:
    r"""Return the area under the ROC curve of each class against all others, and what each patient adds to it.

    The contributions to a class's area are DeLong's placements, centred, summed by patient over both sides, and scaled
    so that their mean is the area and their variance over P is DeLong's variance. Means over classes (the macro area),
    over training seeds and differences between two classifiers are then plain means and differences of contributions,
    and keep DeLong's covariances: `gap_interval` of two classifiers is DeLong's paired comparison, with the doubt of
    seeds added.

    Source: DeLong et al., Biometrics 44 (1988); for patients with several cases Obuchowski, Biometrics 53 (1997).

    Args:
        probability: ``(M, C)``; only the order within a column matters.
        target: The class of each case as a number from 0 on, ``(M,)``.
        groups: The patient of each case, for patients with several cases.

    Returns:
        The areas ``(C,)``, NaN for a class that no case or every case has; and the contributions ``(P, C)``, patients
        in order of name, all NaN where one side has fewer than two patients.

    Raises:
        ValueError: If the shapes do not fit or a score is NaN.

    >>> area, patients = auc_by_class([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5], [0.8, 0.2]], [1, 1, 0, 0])
    >>> area.tolist(), patients.mean(axis=0).round(4).tolist()  # 3 of 4 pairs stand in the right order
    ([0.75, 0.75], [0.75, 0.75])
    """
    scores, classes = _scores(probability), np.asarray(target)
    if scores.ndim != 2 or classes.shape != (len(scores),):
        raise ValueError(f"Expected scores (M, C) and classes (M,), but got {scores.shape} and {classes.shape}.")
    patient = np.arange(len(scores)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(patient) != len(scores):
        raise ValueError(f"Expected the patient of each of {len(scores)} cases, but got {len(patient)} groups.")
    found = [_one_against_others(scores[:, c], classes == c, patient) for c in range(scores.shape[1])]
    return np.array([area for area, _ in found]), np.stack([patients for _, patients in found], axis=1)


def _one_against_others(score: Array, positive: NDArray[np.bool_], patient: NDArray[np.int64]) -> tuple[float, Array]:
    """Return the area of one class, and the contribution of each patient ``(P,)``."""
    n_patients = int(patient.max()) + 1
    if positive.all() or not positive.any():
        return np.nan, np.full(n_patients, np.nan)
    v10, v01 = _placements(score[None, positive], score[None, ~positive])
    area = float(v10.mean())
    influence = np.empty(len(score))
    for side, placement in ((positive, v10[0]), (~positive, v01[0])):
        n = len(np.unique(patient[side]))
        influence[side] = (placement - area) / len(placement) * (np.sqrt(n / (n - 1)) if n > 1 else np.nan)
    by_patient = np.bincount(patient, influence, minlength=n_patients)
    if np.isnan(by_patient).any():
        return area, np.full(n_patients, np.nan)
    return area, area + by_patient * np.sqrt(n_patients * (n_patients - 1))


def tpr_at_fpr(positive: ArrayLike, negative: ArrayLike, fpr: float) -> float:
    """Return the share of positives above the threshold that at most a share ``fpr`` of the negatives exceeds.

    NaN if ``fpr`` is below 2 over the number of negatives: a rate that rests on fewer than two items is no rate.

    Raises:
        ValueError: If a side is empty or a score is NaN.

    >>> tpr_at_fpr([5.0, 1.5, 0.0], [4.0, 3.0, 2.0, 1.0], fpr=0.5)  # two of four may exceed: the threshold is 2
    0.3333333333333333
    """
    x, y = _side("positive", positive), np.sort(_side("negative", negative))[::-1]
    if fpr < 2 / len(y) - 1e-12:
        return float("nan")
    allowed = int(fpr * len(y) + 1e-9)
    return float((x > y[allowed]).mean()) if allowed < len(y) else 1.0


def compare_auc(positive: ArrayLike, negative: ArrayLike, level: float = 0.95) -> AucComparison:
    """Compare the areas of two scores of the same items by DeLong's paired test.

    Args:
        positive: The two scores of each positive, ``(2, m)``.
        negative: The two scores of each negative, ``(2, n)``.
        level: Coverage of the interval of the difference.

    Returns:
        The comparison; z and p are NaN where the difference has no variance (two scores of the same order).

    Raises:
        ValueError: If the shapes do not fit, a score is NaN, or a side has fewer than two items.

    >>> found = compare_auc([[0.9, 0.8, 0.3], [0.7, 0.2, 0.6]], [[0.5, 0.1], [0.4, 0.3]])
    >>> [round(area, 4) for area in found.auc], round(found.difference, 4)
    ([0.8333, 0.6667], 0.1667)
    """
    area, covariance = delong(positive, negative)
    if len(area) != 2:
        raise ValueError(f"Expected two scores of each item, but got {len(area)}.")
    difference = float(area[0] - area[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = max(variance, 0.0) ** 0.5
    z = difference / error if error > 1e-12 else float("nan")
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    p = float(2 * stats.norm.sf(abs(z)))
    pair = (float(area[0]), float(area[1]))
    return AucComparison(pair, covariance, difference, difference - half, difference + half, z, p, level)


def _scores(values: ArrayLike) -> Array:
    scores = np.asarray(values, dtype=np.float64)
    if np.isnan(scores).any():
        raise ValueError(f"Expected scores, but got NaN in {int(np.isnan(scores).sum())} of {scores.size} places.")
    return scores


def _side(name: str, values: ArrayLike) -> Array:
    scores = _scores(values)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"Expected a list of at least one {name} score, but got an array of shape {scores.shape}.")
    return scores


def _patients(groups: Sequence[Hashable] | None, n: int) -> NDArray[np.int64]:
    """Return the patient of each item as a number from 0 on."""
    if groups is None:
        return np.arange(n)
    if len(groups) != n:
        raise ValueError(f"Expected the patient of each of {n} items, but got {len(groups)} groups.")
    number = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    return np.array([number[group] for group in groups])


def _placements(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the share of negatives below each positive, and of positives above each negative; ties count half."""
    m, n = x.shape[1], y.shape[1]
    together = stats.rankdata(np.concatenate([x, y], axis=1), axis=1)
    above = (together[:, :m] - stats.rankdata(x, axis=1)) / n  # (A, m)
    below = 1 - (together[:, m:] - stats.rankdata(y, axis=1)) / m  # (A, n)
    return above, below


def _clustered(deviation: Array, patient: NDArray[np.int64]) -> float:
    """Return the variance of the mean of deviations (which sum to 0), summed by patient first."""
    by_patient = np.bincount(patient, deviation)
    n = len(by_patient)
    return float((by_patient**2).sum() * n / (n - 1) / len(deviation) ** 2) if n > 1 else float("nan")
