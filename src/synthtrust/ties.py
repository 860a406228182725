"""What rounding would decide: the sign of an axis, the first of several equal maxima. Both by a convention here."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

CLOSE = 1e-6
"""Difference, as a share of the largest magnitude, that is taken for rounding."""


def signed(axes: ArrayLike) -> NDArray[np.float64]:
    """Return axes ``(d, P)``, one a row, each turned so that its sum is positive.

    Eigenvectors and singular vectors have no sign of their own, and each linear-algebra library gives another. Where
    the sum is 0 up to rounding, the sum of the cubes is positive; where that is 0 too, the first entry that is not.

    >>> signed([[-3.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]).tolist()
    [[3.0, -1.0], [1.0, -1.0], [0.0, 0.0]]
    """
    rows = np.asarray(axes, dtype=np.float64)
    size = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    unit = np.divide(rows, size, out=np.zeros_like(rows), where=size > 0)  # the largest entry of each is 1 or -1
    first = np.take_along_axis(unit, (np.abs(unit) > CLOSE).argmax(axis=1)[:, None], axis=1)[:, 0]
    measures = np.stack([unit.sum(axis=1), (unit**3).sum(axis=1), first])  # (3, d)
    clear = np.abs(measures) > CLOSE * np.array([unit.shape[1], unit.shape[1], 0])[:, None]
    chosen = np.take_along_axis(measures, clear.argmax(axis=0)[None], axis=0)[0]
    return rows * np.where(chosen < 0, -1.0, 1.0)[:, None]


def first_largest(values: ArrayLike, axis: int = -1) -> NDArray[np.intp]:
    """Return where along an axis the largest value is; of several that differ by rounding, the first.

    >>> first_largest([[0.1, 0.7, 0.7 + 1e-12], [3.0, 2.0, 1.0]]).tolist()
    [1, 0]
    """
    rows = np.asarray(values)
    largest = rows.max(axis=axis, keepdims=True)
    where: NDArray[np.intp] = (rows >= largest - CLOSE * np.abs(largest)).argmax(axis=axis)
    return where
