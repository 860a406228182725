"""DeLong's covariance of areas under ROC curves, and what each patient adds to an area."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]


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
        Refusal: If the shapes do not fit, a score is NaN, or a side has fewer than two items.

    >>> auc, covariance = delong([[3.0, 4.0, 1.0]], [[2.0, 0.0]])
    >>> auc.round(4).tolist(), covariance.round(4).tolist()  # 5 of 6 pairs; placements 1 1 .5 and .667 1
    ([0.8333], [[0.0556]])
    """
    x, y = np.atleast_2d(scores(positive)), np.atleast_2d(scores(negative))
    if x.ndim != 2 or len(x) != len(y) or min(x.shape[1], y.shape[1]) < 2:
        raise Refusal(
            f"Expected scores (A, m) and (A, n) with at least 2 items on each side, but got {x.shape} and {y.shape}."
        )
    v10, v01 = placements(x, y)
    covariance = np.atleast_2d(np.cov(v10)) / x.shape[1] + np.atleast_2d(np.cov(v01)) / y.shape[1]
    return v10.mean(axis=1), covariance


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
        target: The class of each case as a number from 0 on, ``(M,)``; or for findings, which do not exclude each
            other, whether each case has each, ``(M, C)``.
        groups: The patient of each case, for patients with several cases.

    Returns:
        The areas ``(C,)``, NaN for a class or finding that no case or every case has; and the contributions ``(P, C)``,
        patients in order of name, all NaN where one side has fewer than two patients.

    Raises:
        Refusal: If the shapes do not fit or a score is NaN.

    >>> area, patients = auc_by_class([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5], [0.8, 0.2]], [1, 1, 0, 0])
    >>> area.tolist(), patients.mean(axis=0).round(4).tolist()  # 3 of 4 pairs stand in the right order
    ([0.75, 0.75], [0.75, 0.75])
    """
    score = scores(probability)
    positive = positives(score, np.asarray(target))
    patient = np.arange(len(score)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(patient) != len(score):
        raise Refusal(f"Expected the patient of each of {len(score)} cases, but got {len(patient)} groups.")
    estimates = [_one_against_others(score[:, c], positive[:, c], patient) for c in range(score.shape[1])]
    return np.array([area for area, _ in estimates]), np.stack([patients for _, patients in estimates], axis=1)


def _one_against_others(score: Array, positive: NDArray[np.bool_], patient: NDArray[np.int64]) -> tuple[float, Array]:
    """Return the area of one class, and the contribution of each patient ``(P,)``."""
    n_patients = int(patient.max()) + 1
    if positive.all() or not positive.any():
        return np.nan, np.full(n_patients, np.nan)
    v10, v01 = placements(score[None, positive], score[None, ~positive])
    area = float(v10.mean())
    influence = np.empty(len(score))
    for side, placement in ((positive, v10[0]), (~positive, v01[0])):
        n = len(np.unique(patient[side]))
        influence[side] = (placement - area) / len(placement) * (np.sqrt(n / (n - 1)) if n > 1 else np.nan)
    by_patient = np.bincount(patient, influence, minlength=n_patients)
    if np.isnan(by_patient).any():
        return area, np.full(n_patients, np.nan)
    return area, area + by_patient * np.sqrt(n_patients * (n_patients - 1))


def positives(score: Array, truth: NDArray) -> NDArray[np.bool_]:
    """Return which cases are of each class, or have each finding, ``(M, C)``, from classes ``(M,)`` or findings."""
    if score.ndim != 2 or truth.shape not in ((len(score),), score.shape):
        raise Refusal(
            f"Expected scores (M, C), and classes (M,) or findings (M, C), but got {score.shape} and {truth.shape}."
        )
    return truth.astype(bool) if truth.ndim == 2 else truth[:, None] == np.arange(score.shape[1])


def scores(values: ArrayLike) -> Array:
    """Return the values as numbers, none of them NaN."""
    estimates = np.asarray(values, dtype=np.float64)
    if np.isnan(estimates).any():
        raise Refusal(f"Expected scores, but got NaN in {int(np.isnan(estimates).sum())} of {estimates.size} places.")
    return estimates


def placements(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the share of negatives below each positive ``(A, m)``, and of positives above each negative ``(A, n)``.

    Ties count half. Scores ``(A, m)`` of the positives and ``(A, n)`` of the negatives.
    """
    m, n = x.shape[1], y.shape[1]
    together = stats.rankdata(np.concatenate([x, y], axis=1), axis=1)
    above = (together[:, :m] - stats.rankdata(x, axis=1)) / n  # (A, m)
    below = 1 - (together[:, m:] - stats.rankdata(y, axis=1)) / m  # (A, n)
    return above, below
