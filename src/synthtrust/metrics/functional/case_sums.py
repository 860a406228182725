"""Reductions over cases: over all of them, or over all but those of each patient in turn.

A trust factor is made of sums over cases, so that the factor without each of P patients takes no P passes over the
cases: what lies before a patient and what lies after it are running sums. Nothing is subtracted, so that a patient who
outweighs all others leaves no rounding behind, and time and memory grow with the cases and not with their square.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CaseReduction: TypeAlias = Callable[[np.ufunc, Array], Array]
"""A function of ``np.add``, ``np.maximum`` or ``np.minimum`` and of values ``(..., M, K)`` of M cases."""


def all_cases(operation: np.ufunc, values: Array) -> Array:
    """Reduce values ``(..., M, K)`` of M cases to ``(..., K)``.

    >>> all_cases(np.add, np.array([[1.0], [20.0], [300.0]])).tolist()
    [321.0]
    """
    reduced: Array = operation.reduce(values, axis=-2)
    return reduced


class WithoutEach:
    """The reduction over all cases but those of each patient in turn: ``(..., M, K)`` becomes ``(..., P, K)``.

    Args:
        members: The patient of each of M cases as a number from 0 on, every number up to P - 1 at least once.

    >>> without_each = WithoutEach(np.array([0, 1, 0]))
    >>> without_each(np.add, np.array([[1.0], [20.0], [300.0]])).tolist()
    [[20.0], [301.0]]
    """

    def __init__(self, members: NDArray[np.int64]) -> None:
        self.order = np.argsort(members, kind="stable")
        self.starts = np.flatnonzero(np.diff(members[self.order], prepend=-1))

    def __call__(self, operation: np.ufunc, values: Array) -> Array:
        """Reduce values ``(..., M, K)`` to ``(..., P, K)``."""
        by_patient: Array = operation.reduceat(values[..., self.order, :], self.starts, axis=-2)
        nobody = np.full_like(by_patient[..., :1, :], NEUTRAL[operation.__name__])
        before = operation.accumulate(np.concatenate([nobody, by_patient[..., :-1, :]], axis=-2), axis=-2)
        after = operation.accumulate(np.concatenate([nobody, by_patient[..., :0:-1, :]], axis=-2), axis=-2)
        without: Array = operation(before, after[..., ::-1, :])
        return without


NEUTRAL = {"add": 0.0, "maximum": -np.inf, "minimum": np.inf}
"""Operation -> the value that changes no other."""
