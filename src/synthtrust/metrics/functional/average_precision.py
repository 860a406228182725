"""Average precision of each class or finding, and each patient's contribution, in one pass over the sorted cases."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.metrics.functional.placements import positives, scores

Array = NDArray[np.float64]


def average_precision_by_class(
    probability: ArrayLike, target: ArrayLike, groups: Sequence[Hashable]
) -> tuple[Array, Array]:
    r"""Return the average precision of each class against all others, and the contribution of each patient.

    The result is that of `jackknife` with `synthtrust.metrics.functional.classification.average_precision`, which sums
    over all cases once for each patient left out. Here the sums over other patients' cases are looked up, so that the
    time grows with the number of cases (times the most cases of a patient), not with its square.

    The thresholds t are the distinct scores. With :math:`w_t` positives at a threshold, and :math:`TP_t` positives
    among the :math:`n_t` cases at or above it, average precision is :math:`\sum_t w_t TP_t / n_t / \sum_t w_t`. Without
    a patient who has p positives at t, and a positives among b cases at or above t, the summand becomes
    :math:`(w_t - p) (TP_t - a) / (n_t - b)`; a and b change only at the patient's own scores.

    Args:
        probability: ``(M, C)``; only the order within a column matters.
        target: The class of each case ``(M,)``, or whether each case has each finding ``(M, C)``.
        groups: The patient of each case.

    Returns:
        The average precisions ``(C,)``, NaN for a class without cases; and the contributions ``(P, C)`` of patients,
        sorted by name, all NaN if leaving out some patient leaves no case of the class.

    Raises:
        Refusal: If the shapes do not fit or a score is NaN.

    >>> value, patients = average_precision_by_class([[0.8], [0.6], [0.3]], [[1], [0], [1]], ["a", "b", "c"])
    >>> value.round(4).tolist(), patients[:, 0].round(4).tolist()  # without a, b and c: 1/2, 1, 1
    ([0.8333], [1.5, 0.5, 0.5])
    """
    score = scores(probability)
    positive = positives(score, np.asarray(target))
    patient = np.unique(np.asarray(groups), return_inverse=True)[1]
    classes = [_average_precision_of_class(score[:, c], positive[:, c], patient) for c in range(score.shape[1])]
    return np.array([value for value, _ in classes]), np.stack([patients for _, patients in classes], axis=1)


def _average_precision_of_class(
    score: Array, positive: NDArray[np.bool_], patient: NDArray[np.int64]
) -> tuple[float, Array]:
    n_patients = int(patient.max()) + 1
    threshold = np.unique(-score, return_inverse=True)[1]  # the number of each case's score, from the highest
    hits = np.bincount(threshold, positive).astype(np.float64)  # w, (T,)
    above, total = np.cumsum(hits), np.cumsum(np.bincount(threshold))  # TP and n, (T,)
    whole = float((hits * above / total).sum())
    left = above[-1] - np.bincount(patient, positive, minlength=n_patients)  # positives without each patient
    value = whole / above[-1] if above[-1] else np.nan

    # One row for each patient and threshold at which the patient has cases; rows of a patient are consecutive
    row_key = patient * len(hits) + threshold
    rows, row = np.unique(row_key, return_inverse=True)
    who, at = np.divmod(rows, len(hits))
    own_hits, own = np.bincount(row, positive), np.bincount(row)
    first = np.searchsorted(who, np.arange(n_patients))  # the first row of each patient
    a, b = (np.cumsum(n) - (np.cumsum(n) - n)[first][who] for n in (own_hits, own))
    last = np.append(who[1:] != who[:-1], True)
    until = np.where(last, len(hits), np.append(at[1:], len(hits)))  # the patient's next threshold

    sums = np.bincount(who, _ratio((hits[at] - own_hits) * (above[at] - a), total[at] - b), minlength=n_patients)
    sums += np.append(0.0, np.cumsum(hits * above / total))[at[first]]  # above the patient's first threshold
    for removed in np.unique(b):
        with_removed = b == removed
        with_hits, alone = (np.append(0.0, np.cumsum(_ratio(each, total - removed))) for each in (hits * above, hits))
        start, end = at[with_removed] + 1, until[with_removed]
        between = with_hits[end] - with_hits[start] - a[with_removed] * (alone[end] - alone[start])
        sums += np.bincount(who[with_removed], between, minlength=n_patients)
    without = np.where(left > 0, _ratio(sums, left), np.nan)
    return value, value + (n_patients - 1) * (without.mean() - without)


def _ratio(above: NDArray, below: NDArray) -> Array:
    """Return the ratio; 0 where the denominator is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0)
