r"""Scores of a classifier's probabilities, for each class or over all classes, with weights of the cases.

Throughout, ``probability`` is ``(M, C)``, the probability of each of C classes for each of M cases (rows sum to 1),
``target`` is ``(M,)``, the true class as a number from 0 on, and ``weight`` is ``(..., M)``, how often each case
counts (by default once). Leading dimensions of ``weight`` are further draws of the same cases, with one result each: so
`jackknife` leaves out one patient after another, by a linear operator in place of an array of weights. The predicted
class is the most probable one, and the first of equally probable ones.

A class without cases is not left out of averages: its own score is NaN, and so is every mean over classes. torchmetrics
has the same scores without weights, and leaves such a class out of its means; the tests compare the two.
The area under the ROC curve is in `synthtrust.metrics.functional.placements`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]
Weight = ArrayLike | LinearOperator

SUM_TOLERANCE = 1e-3
"""Largest difference from 1 of the sum of a case's probabilities, since tables hold few digits."""
N_BINS = 15
"""Number of bins of confidence, as in Guo et al. 2017."""


def recall(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    """Return the share of each class's cases that are predicted as that class (sensitivity), ``(..., C)``, from 0 to 1.

    The mean over classes is the balanced accuracy. Guessing gives 1/C, whatever the shares of the classes.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> recall([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1, 1]).tolist()  # the second case is predicted as class 0
    [1.0, 0.5]
    """
    counts = _confusion(*_checked(probability, target, weight))
    return _ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def f1(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    r"""Return :math:`F_1 = 2 TP / (2 TP + FP + FN)` of each class against the others, ``(..., C)``, from 0 to 1.

    The mean over classes is the macro F1.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> f1([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1, 1]).round(4).tolist()  # 2 / (2 + 1 + 0) and 2 / (2 + 0 + 1)
    [0.6667, 0.6667]
    """
    counts = _confusion(*_checked(probability, target, weight))
    reference = counts.sum(axis=-1)
    true_positives = 2 * np.diagonal(counts, axis1=-2, axis2=-1)
    return np.where(reference > 0, _ratio(true_positives, reference + counts.sum(axis=-2)), np.nan)


def matthews(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    r"""Return Matthews' correlation of predicted and true classes, ``(...)``, from -1 to 1; 0 is chance.

    For C classes and s cases, of which c are predicted correctly, with :math:`p_k` predictions and :math:`t_k` cases of
    class k, it is

    .. math:: (c s - \sum_k p_k t_k) / \sqrt{(s^2 - \sum_k p_k^2) (s^2 - \sum_k t_k^2)}.

    It is 0 if one class is predicted for every case, and NaN if all cases are of one class.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> float(matthews([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1, 1]).round(4))  # (2*3 - 4) / sqrt(4 * 4)
    0.5
    """
    counts = _confusion(*_checked(probability, target, weight))
    total, right = counts.sum(axis=(-2, -1)), np.trace(counts, axis1=-2, axis2=-1)
    predicted, true = counts.sum(axis=-2), counts.sum(axis=-1)
    of_predicted, of_true = (total**2 - (n**2).sum(axis=-1) for n in (predicted, true))
    correlation = _ratio(right * total - (predicted * true).sum(axis=-1), np.sqrt(of_predicted * of_true))
    return np.where((of_predicted <= 0) & (of_true > 0), 0.0, correlation)


def brier(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    r"""Return the Brier score, the mean over cases of :math:`\sum_c (p_c - 1[y = c])^2`, ``(...)``, from 0 to 2.

    Lower is better. This is Brier's original form for any number of classes; with two classes it is twice the mean of
    :math:`(p_1 - y)^2`.

    Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950).

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> float(brier([[0.9, 0.1], [0.6, 0.4]], [0, 1]).round(4))  # (.01 + .01 + .36 + .36) / 2
    0.37
    """
    p, y, w = _checked(probability, target, weight)
    squared = ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1)  # (M,)
    return _ratio(w @ squared, w @ np.ones(len(p)))


def calibration_error(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    r"""Return the expected calibration error, ``(...)``, from 0 to 1; lower is better.

    The confidence of a case is the probability of its predicted class. It is divided into 15 bins
    :math:`((b-1)/15, b/15]`, and

    .. math:: ECE = \sum_b \frac{n_b}{n} |accuracy_b - confidence_b|

    with means over the n_b cases in bin b. With few cases it is too large, since chance alone moves the accuracy of a
    bin: compare it between models on the same test set, not with 0, or take `squared_calibration_error`.

    Source: Guo et al., "On calibration of modern neural networks", 2017.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> float(calibration_error([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]], [0, 0, 0]).round(4))  # (|1 - 1.8| + |1 - .6|) / 3
    0.4
    """
    p, y, w = _checked(probability, target, weight)
    excess, _, is_in = _confidence_bins(p, y)
    return _ratio(np.abs(w @ (is_in * excess[:, None])).sum(axis=-1), w @ np.ones(len(p)))


def squared_calibration_error(probability: ArrayLike, target: ArrayLike, weight: Weight | None = None) -> Array:
    r"""Return the squared calibration error without its bias, ``(...)``, at most 1; lower is better, 0 is perfect.

    In the bins of `calibration_error`, with means over the n_b cases in bin b,

    .. math:: \sum_b \frac{n_b}{n} \left[(accuracy_b - confidence_b)^2
        - \frac{accuracy_b (1 - accuracy_b)}{n_b - 1}\right].

    The second term is what chance alone adds to the first. So 0 is expected of perfect probabilities at any number of
    cases, and single values may lie below 0; a square root would bring back a bias. A bin with a single case, of which
    chance and error cannot be told apart, adds nothing. The Brier score is squared in the same way, so that both are on
    one scale: probabilities that are wrong by .1 everywhere have .01.

    Source: Kumar, Liang and Ma, "Verified uncertainty calibration", 2019, section 4, for the most probable class.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> half = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
    >>> float(squared_calibration_error(half, [0, 0, 1, 1]).round(4))  # (.5 - .9)^2 - .5 * .5 / 3
    0.0767
    """
    p, y, w = _checked(probability, target, weight)
    excess, right, is_in = _confidence_bins(p, y)
    count, summed, n_right = w @ is_in, w @ (is_in * excess[:, None]), w @ (is_in * right[:, None])  # each (..., B)
    several = count > 1.5
    n = np.where(several, count, 2.0)
    accuracy = n_right / n
    error = np.where(several, (summed / n) ** 2 - accuracy * (1 - accuracy) / (n - 1), 0.0)
    return _ratio((count * error).sum(axis=-1), w @ np.ones(len(p)))


def _confidence_bins(p: Array, y: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return how far each case lies above its confidence ``(M,)``, whether it is right, and its bin ``(M, B)``."""
    confidence, right = p.max(axis=1), (p.argmax(axis=1) == y).astype(np.float64)
    bin_of_case = np.clip(np.ceil(confidence * N_BINS - 1e-9).astype(int) - 1, 0, N_BINS - 1)
    return right - confidence, right, np.eye(N_BINS)[bin_of_case]


def average_precision(probability: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None) -> Array:
    r"""Return the area under the precision-recall curve of each class against the others, ``(..., C)``, from 0 to 1.

    It is the average precision :math:`\sum_k (R_k - R_{k-1}) P_k` over the distinct probabilities as thresholds, from
    the highest down, without interpolation. Guessing gives the share of the class, on average 1/C over the classes.

    Raises:
        Refusal: If the arrays are not probabilities and classes of the same cases.

    >>> float(average_precision([[0.2, 0.8], [0.4, 0.6], [0.7, 0.3]], [1, 0, 1])[1].round(4))  # 1/2 * 1 + 1/2 * 2/3
    0.8333
    """
    p, y, weights = _checked(probability, target, weight)
    w = weights @ np.eye(len(p)) if isinstance(weights, LinearOperator) else weights  # single weights are needed
    return np.stack([_one_average_precision(p[:, c], y == c, w) for c in range(p.shape[1])], axis=-1)


def _one_average_precision(score: Array, positive: NDArray[np.bool_], weight: Array) -> Array:
    """Return the average precision of one class, ``(...)``; NaN without a positive case."""
    order = np.argsort(-score, kind="stable")
    last_of_ties = np.append(np.diff(score[order]) != 0, True)
    taken = np.cumsum(weight[..., order], axis=-1)[..., last_of_ties]  # (..., T) cases above each threshold
    true_positives = np.cumsum(weight[..., order] * positive[order], axis=-1)[..., last_of_ties]
    precision = np.divide(true_positives, taken, out=np.zeros_like(true_positives), where=taken > 0)
    gained = np.diff(true_positives, axis=-1, prepend=0.0)
    return _ratio((gained * precision).sum(axis=-1), true_positives[..., -1])


def _checked(
    probability: ArrayLike, target: ArrayLike, weight: Weight | None
) -> tuple[Array, NDArray[np.int64], Array | LinearOperator]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(target)
    w = np.ones(len(p)) if weight is None else weight
    w = w if isinstance(w, LinearOperator) else np.asarray(w, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] < 2 or y.shape != (len(p),) or w.shape[-1:] != (len(p),) or not len(p):
        raise Refusal(
            f"Expected probabilities (M, C) of at least two classes, classes (M,) and weights (..., M), but got "
            f"{p.shape}, {y.shape} and {w.shape}."
        )
    if not (np.isfinite(p).all() and p.min() >= 0 and np.abs(p.sum(axis=1) - 1).max() <= SUM_TOLERANCE):
        raise Refusal("Expected probabilities from 0 to 1 that sum to 1 over the classes, but some do not.")
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= p.shape[1]:
        raise Refusal(f"Expected classes as numbers from 0 to {p.shape[1] - 1}, but got {np.unique(y)[:8]}.")
    return p, y.astype(np.int64), w


def _confusion(p: Array, y: NDArray[np.int64], w: Array | LinearOperator) -> Array:
    """Return how often each class (row) is predicted as each class (column), ``(..., C, C)``."""
    n = p.shape[1]
    cell = np.eye(n * n)[y * n + p.argmax(axis=1)]  # (M, C * C)
    return (w @ cell).reshape(*w.shape[:-1], n, n)


def _ratio(above: Array, below: Array) -> Array:
    """Return the ratio; NaN where the denominator is not above 0."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0)
