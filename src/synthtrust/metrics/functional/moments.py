"""Sums, means and spreads over cases, with undefined scores (NaN) left out, region by region.

Values have the shape ``(..., M, K)`` of M cases and K regions. A result has the shape of its reduction: ``(..., K)``
over all cases, ``(..., P, K)`` without each of P patients, see `synthtrust.metrics.functional.case_sums`.
"""

import numpy as np
from numpy.typing import NDArray

from synthtrust.metrics.functional.case_sums import Array, CaseReduction, all_cases


def total(values: Array, over: CaseReduction) -> Array:
    """Return the sum over cases."""
    return over(np.add, np.where(np.isnan(values), 0, values))


def count(values: Array, over: CaseReduction) -> Array:
    """Return how many cases have a value."""
    return over(np.add, (~np.isnan(values)).astype(values.dtype))


def mean(values: Array, over: CaseReduction) -> Array:
    """Return the mean over cases; NaN where none has a value.

    >>> mean(np.array([[1.0, 3.0], [2.0, np.nan]]), all_cases).tolist()
    [1.5, 3.0]
    """
    return total(values, over) / count(values, over)


def _centred(scores: Array) -> Array:
    """Subtract the mean over all cases, so that sums of squares keep their digits."""
    return scores - mean(scores, all_cases)[..., None, :]


def _all_equal(scores: Array, over: CaseReduction) -> NDArray[np.bool_]:
    largest = over(np.maximum, np.where(np.isnan(scores), -np.inf, scores))
    smallest = over(np.minimum, np.where(np.isnan(scores), np.inf, scores))
    return largest == smallest


def products(real: Array, synthetic: Array, over: CaseReduction) -> Array:
    """Return the sum over cases of products of deviations from the mean of these cases; 0 where one is constant."""
    real_deviation, synthetic_deviation = _centred(real), _centred(synthetic)
    centred = total(real_deviation * synthetic_deviation, over)
    centred -= total(real_deviation, over) * total(synthetic_deviation, over) / count(real, over)
    return np.where(_all_equal(real, over) | _all_equal(synthetic, over), 0, centred)


def squares(scores: Array, over: CaseReduction) -> Array:
    """Return the sum over cases of squared deviations from the mean of these cases.

    It is exactly 0 where scores are equal, which the rounding of their mean would spoil.
    """
    deviation = _centred(scores)
    centred = total(deviation**2, over) - total(deviation, over) ** 2 / count(scores, over)
    return np.where(_all_equal(scores, over), 0, np.maximum(centred, 0))


def std(scores: Array, ddof: int, over: CaseReduction) -> Array:
    """Return the standard deviation over cases, ``(..., K)``; NaN where no case, or not more than ``ddof``, is left."""
    n = count(scores, over)
    return np.where(n > ddof, np.sqrt(squares(scores, over) / np.maximum(n - ddof, 1)), np.nan)


def variation(scores: Array, ddof: int, over: CaseReduction) -> Array:
    """Return the standard deviation over the mean, ``(..., K)``; NaN where the mean is 0."""
    level = mean(scores, over)
    return np.where(level != 0, std(scores, ddof, over) / level, np.nan)
