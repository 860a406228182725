"""Several tests at once: p-values that keep the rate at which any of them is wrong."""

import numpy as np
from numpy.typing import ArrayLike

from synthtrust.metrics.functional.intervals import Array
from synthtrust.refusals import Refusal


def holm(p_values: ArrayLike) -> Array:
    """Return p-values adjusted by Holm's step-down rule, in the order given; NaN stays NaN and is not counted.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).

    Raises:
        Refusal: If a value lies outside 0 to 1 or the values are not a list.

    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()  # .01 * 3, then .03 * 2, then not below the one before
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or np.any((p < 0) | (p > 1)):
        raise Refusal(f"Expected a list of p-values from 0 to 1, but got {p_values!r}.")
    adjusted = p.copy()
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted last
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
