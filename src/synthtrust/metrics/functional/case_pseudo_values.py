"""What each case adds to T3, which is a cosine over cases: the jackknife's pseudo-values."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def alignment_pseudo_values(real: Array, synthetic: Array, regions: Sequence[Hashable]) -> Array:
    r"""Return the pseudo-value of T3, Eq. (8), of each item under each seed, ``(S, N)``.

    With :math:`T` the cosine over the n items of a region and :math:`T_{(-i)}` that without item i, it is
    :math:`n T - (n - 1) T_{(-i)}`. Their mean is T3 of the region, without the jackknife's estimate of its bias; set
    beside a property of the cases, they say with which cases T3 is low.

    Source: Tukey's pseudo-values; Andersen and Perme, Stat. Methods Med. Res. 19 (2010), for regressions on them.

    Args:
        real: Dice of N items on real cases, ``(S, N)``.
        synthetic: Dice of their twins.
        regions: The region of each item.

    Returns:
        NaN where an item has no score, or a region has fewer than two items.

    >>> values = alignment_pseudo_values(np.array([[0.8, 0.8, 0.8]]), np.array([[0.8, 0.8, 0.4]]), "aaa")
    >>> values.round(3).tolist()  # the third twin is the one that does not score as its patient does
    [[0.989, 0.989, 0.887]]
    """
    values = np.full(real.shape, np.nan)
    names = np.array([str(region) for region in regions])
    for region in dict.fromkeys(names.tolist()):
        for seed, (first, second) in enumerate(zip(real, synthetic, strict=True)):
            chosen = (names == region) & np.isfinite(first) & np.isfinite(second)
            a, b = first[chosen], second[chosen]
            n = len(a)
            if n < 2:
                continue
            sums = [a @ b, a @ a, b @ b]
            with np.errstate(invalid="ignore", divide="ignore"):
                whole = sums[0] / np.sqrt(sums[1] * sums[2])
                without = (sums[0] - a * b) / np.sqrt((sums[1] - a**2) * (sums[2] - b**2))
            values[seed, chosen] = n * whole - (n - 1) * without
    return values
