"""T4 beside its floor: what a case and its twin differ by, less what two training seeds differ by on the same case."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthtrust.metrics.functional.factor_intervals import (
    FactorInterval,
    Scale,
    cases_scored,
    evaluate,
    jackknife_interval,
    left_out,
    patients_scored,
    stack_scores,
)
from synthtrust.metrics.functional.intervals import Array
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.metrics.functional.trust import Scores, performance_gap
from synthtrust.refusals import Refusal

FEWEST_SEEDS = 3
"""Training seeds, below which the floor has no limits: leaving one out has to leave a pair."""


def gap_floor(
    real: Sequence[Scores], groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> tuple[FactorInterval, ...]:
    """Return the floor of T4 in each region: the mean absolute difference of two seeds on the same real cases.

    It is the mean over pairs of seeds. Patients are left out in turn, and so are seeds: a seed takes part in several
    pairs, so that the spread of the pairs says little, and limits take three seeds. They are made on the logarithm.

    Args:
        real: For each of S seeds the scores of real cases ``(M, K)``.
        groups: The patient of each case.
        level: Coverage.

    Returns:
        One interval for each region; the value is NaN with one seed.

    Raises:
        Refusal: If the arrays are not all of one shape ``(M, K)``, or ``groups`` has another length than M.

    >>> seeds = [[[0.8], [0.7]], [[0.9], [0.7]], [[0.8], [0.9]]]  # pairs differ by .05, .1 and .15
    >>> round(gap_floor(seeds)[0].value, 4)
    0.1
    """
    (scores,) = stack_scores([(x,) for x in real])
    members = patient_numbers(groups, scores.shape[1])
    without = _floor_without_each(scores, members)
    return _intervals([scores], members, _floors(scores), without, "log", level)


def gap_above_floor(
    real: Sequence[Scores],
    synthetic: Sequence[Scores],
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> tuple[FactorInterval, ...]:
    """Return T4 less its floor in each region, as one quantity: patients and seeds are left out of both at once.

    The error of the floor counts, and so does that both lean on the same scores of the same real cases.

    Args:
        real: For each of S seeds the scores of real cases ``(M, K)``.
        synthetic: For each of the same seeds the scores of their twins ``(M, K)``.
        groups: The patient of each case.
        level: Coverage.

    Returns:
        One interval for each region; the value is NaN with one seed, and limits take three.

    Raises:
        Refusal: If the arrays are not all of one shape ``(M, K)``, or ``groups`` has another length than M.

    >>> seeds = [[[0.8], [0.7]], [[0.9], [0.7]], [[0.8], [0.9]]]  # pairs differ by .05, .1 and .15
    >>> twins = [[[0.6], [0.5]], [[0.7], [0.5]], [[0.6], [0.7]]]  # each .2 below its case
    >>> round(gap_above_floor(seeds, twins)[0].value, 4)
    0.1
    """
    if len(real) != len(synthetic):
        raise Refusal(f"Expected as many seeds on real cases as on twins, but got {len(real)} and {len(synthetic)}.")
    arrays = stack_scores(list(zip(real, synthetic, strict=True)))
    members = patient_numbers(groups, arrays[0].shape[1])
    gaps = evaluate(performance_gap, arrays)  # (S, K)
    without = left_out(performance_gap, arrays, members).mean(axis=0) - _floor_without_each(arrays[0], members)
    values = np.stack(
        [gaps[kept].mean(axis=0) if kept else np.full(gaps.shape[1], np.nan) for kept in _seeds_kept(len(gaps))]
    ) - _floors(arrays[0])
    return _intervals(arrays, members, values, without, "identity", level)


def _seeds_kept(n_seeds: int) -> list[list[int]]:
    """Return all seeds, and all but each in turn."""
    return [[s for s in range(n_seeds) if s != left] for left in (None, *range(n_seeds))]


def _floors(scores: Array) -> Array:
    """Return the floor of ``(S, M, K)`` scores, and the floor without each seed, ``(1 + S, K)``."""
    pairs = list(combinations(range(len(scores)), 2))
    values = {pair: performance_gap(scores[pair[0]], scores[pair[1]]) for pair in pairs}
    undefined = np.full(scores.shape[2], np.nan)
    return np.stack(
        [
            np.mean([values[pair] for pair in combinations(kept, 2)] or [undefined], axis=0)
            for kept in _seeds_kept(len(scores))
        ]
    )


def _floor_without_each(scores: Array, members: NDArray[np.int64]) -> Array:
    """Return the floor without each patient, ``(P, K)``."""
    pairs = list(combinations(range(len(scores)), 2))
    if not pairs:
        return np.full((int(members.max()) + 1, scores.shape[2]), np.nan)
    first, second = (scores[list(seeds)] for seeds in zip(*pairs, strict=True))
    return left_out(performance_gap, [first, second], members).mean(axis=0)


def _intervals(
    arrays: list[Array], members: NDArray[np.int64], values: Array, without: Array, scale: Scale, level: float
) -> tuple[FactorInterval, ...]:
    """Return an interval for each region of the value of all seeds and those without each seed, ``(1 + S, K)``."""
    n_seeds, n_regions = len(values) - 1, values.shape[1]
    carriers = patients_scored(arrays, members, n_regions)
    pseudo_values = n_seeds * values[0] - (n_seeds - 1) * values[1:]  # (S, K); their mean has the jackknife's variance
    intervals = []
    for k, n_cases in enumerate(cases_scored(arrays, n_regions)):
        interval = jackknife_interval(
            float(values[0, k]), without[carriers[:, k], k], [pseudo_values[:, k]], n_cases, scale, level
        )
        if n_seeds < FEWEST_SEEDS:
            note = "It needs two seeds." if n_seeds == 1 else "No interval: that of a floor needs three seeds."
            interval = replace(interval, low=np.nan, high=np.nan, uncertainty=None, note=note)
        intervals.append(interval)
    return tuple(intervals)
