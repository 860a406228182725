"""Paired contrasts of trust factors: between sources, regions and alphas, each with an interval and a p-value.

Two intervals side by side say nothing about a difference between numbers from the same patients. Here the difference
itself is computed without each patient in turn, and its limits are those of `uncertainty`.

An arm is the scores of one alpha, as `factor_interval` takes them: for each of S seeds one array ``(M, K)``, or real
and synthetic. All arms have the same cases in the same order; their networks are trained independently, and the scores
of one network on real cases and on twins belong together. With one seed there are no limits, since another training
alone may make the difference: a p-value of patients alone showed one in up to half of all studies without any. A
p-value is NaN where there are no limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthtrust.metrics.functional.alpha_study import AlphaStudy, Arm, Patients, needing_seeds
from synthtrust.metrics.functional.factor_intervals import FactorInterval, Statistic, factor_interval
from synthtrust.metrics.functional.trust import Scores, alignment, performance_gap
from synthtrust.refusals import Refusal

GRID = 101
"""Alphas at which a crossing is looked for."""


@dataclass(frozen=True)
class Contrast:
    """A difference with its interval."""

    interval: FactorInterval
    p: float
    """Two-sided p of no difference."""


@dataclass(frozen=True)
class Order:
    """Whether a factor falls from region to region."""

    steps: tuple[Contrast, ...]
    """Each region less the next, in the order that was asked."""
    p: float
    """One-sided p that not every step is above 0: the largest of the steps (intersection-union test)."""


@dataclass(frozen=True)
class Minimum:
    """Where a factor is smallest over alpha, in one region."""

    alpha: float
    """The alpha of the smallest value."""
    not_excluded: tuple[float, ...]
    """Alphas that may have the smallest true value: no other is shown to be smaller (Bonferroni)."""
    p: float
    """One-sided p that the smallest true value is not at the alpha that was asked about: the largest over the others
    (intersection-union test)."""


@dataclass(frozen=True)
class Crossing:
    """Where real and synthetic cases score the same, between the smallest and the largest alpha."""

    alpha: float
    """By straight lines between the alphas; NaN where the lines do not cross."""
    low: float
    """The smallest alpha at which no difference is shown."""
    high: float
    p: float
    """One-sided p that real cases do not score below synthetic ones at the smallest alpha and above at the largest."""


def source_contrast(
    statistic: Statistic, real: Arm, synthetic: Arm, groups: Patients = None, level: float = 0.95
) -> tuple[Contrast, ...]:
    """Return a factor of one source on synthetic cases less the same on real cases: T2 or T5, synthetic less real.

    Args:
        statistic: A factor of one source.
        real: For each of S seeds a tuple of one array, the scores of real cases ``(M, K)``.
        synthetic: The same of their twins, by the same seeds.
        groups: The patient of each case.
        level: Coverage.

    Returns:
        One contrast, or one for each region.

    Raises:
        Refusal: If the arrays are not of one shape, or the seeds differ in number.

    >>> from synthtrust.metrics.functional import case_consistency
    >>> (t2,) = source_contrast(case_consistency, [([[0.9], [0.5], [0.6]],)], [([[0.8], [0.7], [0.6]],)])
    >>> round(t2.interval.value, 4)  # spreads .17 and .0816
    0.0883
    """
    if len(real) != len(synthetic):
        raise Refusal(f"Expected as many seeds on real cases as on twins, but got {len(real)} and {len(synthetic)}.")
    pairs = [(r[0], s[0]) for r, s in zip(real, synthetic, strict=True)]
    intervals = factor_interval(
        lambda r, s, **over: statistic(s, **over) - statistic(r, **over), pairs, groups=groups, level=level
    )
    return tuple(_contrast(needing_seeds(interval)) for interval in intervals)


def region_order(
    order: Sequence[int], scores: Arm, statistic: Statistic = alignment, groups: Patients = None, level: float = 0.95
) -> Order:
    """Return whether a factor falls from region to region in a given order: T3 of ED above ET above NCR.

    Args:
        order: Indices of the regions, that of the largest value first.
        scores: An arm.
        statistic: A factor by region.
        groups: The patient of each case.
        level: Coverage of each step.

    >>> real, twins = [[0.9, 0.9], [0.8, 0.5], [0.7, 0.8]], [[0.8, 0.2], [0.8, 0.9], [0.7, 0.6]]
    >>> (step,) = region_order([0, 1], [(real, twins)]).steps
    >>> round(step.interval.value, 3)  # cosines of .998 and .774
    0.224
    """
    first, second = list(order[:-1]), list(order[1:])

    def fall(*arrays: Scores, **over: Any) -> Scores:
        by_region = statistic(*arrays, **over)
        return by_region[..., first] - by_region[..., second]

    steps = factor_interval(fall, scores, groups=groups, level=level)
    intervals = [needing_seeds(step) for step in steps]
    tails = [i.uncertainty.p_above() if i.uncertainty else np.nan for i in intervals]
    return Order(tuple(_contrast(interval) for interval in intervals), float(np.max(tails)))


def alpha_slope(
    statistic: Statistic, arms: Mapping[float, Arm], groups: Patients = None, level: float = 0.95
) -> tuple[Contrast, ...]:
    """Return the slope of a factor over alpha, by least squares through the alphas: per 1 of alpha.

    Args:
        statistic: A factor.
        arms: The arm of each alpha, two or more.
        groups: The patient of each case.
        level: Coverage.

    >>> from synthtrust.metrics.functional import overall_performance
    >>> arms = {0.0: [([[0.5], [0.4], [0.6]],)], 1.0: [([[0.8], [0.6], [0.7]],)]}
    >>> round(alpha_slope(overall_performance, arms)[0].interval.value, 4)
    0.2
    """
    study = AlphaStudy(statistic, arms, groups, level)
    centred = study.alphas - study.alphas.mean()
    weights = centred / (centred**2).sum()
    return tuple(_contrast(study.contrast(weights, j)) for j in range(study.n_values))


def minimum_place(
    at: float,
    arms: Mapping[float, Arm],
    statistic: Statistic = performance_gap,
    groups: Patients = None,
    level: float = 0.95,
) -> tuple[Minimum, ...]:
    """Return where a factor is smallest over alpha, T4 unless another is given, in each region.

    Args:
        at: The alpha that is claimed to have the smallest value, settled before looking.
        arms: The arm of each alpha, two or more.
        statistic: A factor.
        groups: The patient of each case.
        level: That of the set of alphas that are not excluded.

    Raises:
        Refusal: If ``at`` is not among the alphas.

    >>> real = [[0.9], [0.7], [0.8]]
    >>> arms = {a: [(real, [[x[0] - gap - 0.01 * i] for i, x in enumerate(real)])] for a, gap in ((0, 0.2), (1, 0.1))}
    >>> minimum_place(1, arms)[0].alpha
    1.0
    """
    study = AlphaStudy(statistic, arms, groups, level)
    alphas = study.alphas.tolist()
    if at not in alphas:
        raise Refusal(f"Expected one of the alphas {alphas} as the place of the minimum, but got {at}.")
    n, unit, minima = len(alphas), np.eye(len(alphas)), []
    for j in range(study.n_values):
        above = np.full((n, n), np.nan)  # p that a is not above b
        for a, b in ((a, b) for a in range(n) for b in range(n) if a != b):
            doubt = study.contrast(unit[a] - unit[b], j).uncertainty
            above[a, b] = doubt.p_above() if doubt else np.nan
        shown = above * (n - 1) <= 1 - level  # NaN shows nothing
        claimed = alphas.index(at)
        others = np.delete(above[:, claimed], claimed)
        minima.append(
            Minimum(
                float(alphas[int(np.argmin(study.values[:, j]))]),
                tuple(alpha for alpha, row in zip(alphas, shown, strict=True) if not row.any()),
                float(others.max()),
            )
        )
    return tuple(minima)


def crossing(statistic: Statistic, arms: Mapping[float, Arm], groups: Patients = None, level: float = 0.95) -> Crossing:
    """Return where over alpha a factor of one source is the same on real and synthetic cases: the crossing of T1.

    The interval holds every alpha at which the difference, by straight lines between the alphas, is not shown to be
    other than 0 (Fieller's way): it covers the true crossing, if there is one, and is the whole range where nothing is
    shown.

    Args:
        statistic: A factor of one source that is one number, such as `overall_performance`.
        arms: For each alpha and seed real and synthetic scores.
        groups: The patient of each case.
        level: Coverage.

    >>> from synthtrust.metrics.functional import overall_performance
    >>> twins = [[0.7], [0.6], [0.8]]
    >>> arms = {0.0: [([[0.6], [0.5], [0.5]], twins)], 1.0: [([[0.9], [0.7], [0.8]], twins)]}
    >>> round(crossing(overall_performance, arms).alpha, 4)  # from -.1667 to .1
    0.625
    """
    study = AlphaStudy(
        lambda real, twin, **over: statistic(real, **over) - statistic(twin, **over), arms, groups, level
    )
    unit, alphas, values = np.eye(len(study.alphas)), study.alphas, study.values[:, 0]
    grid = np.union1d(np.linspace(alphas[0], alphas[-1], GRID), alphas)
    alike = []
    for alpha in grid:
        weights = np.array([np.interp(alpha, alphas, row) for row in unit])
        doubt = study.contrast(weights, 0).uncertainty
        alike.append(doubt is None or not doubt.p_different() <= 1 - level)
    rising = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    alpha = np.nan
    if len(rising):
        i = int(rising[0])
        alpha = float(alphas[i] - values[i] * (alphas[i + 1] - alphas[i]) / (values[i + 1] - values[i]))
    ends = [study.contrast(row, 0).uncertainty for row in (unit[0], unit[-1])]
    p = max(ends[0].p_below(), ends[1].p_above()) if ends[0] and ends[1] else np.nan
    within = grid[np.array(alike)]
    low, high = (float(within.min()), float(within.max())) if len(within) else (np.nan, np.nan)
    return Crossing(alpha, low, high, float(p))


def _contrast(interval: FactorInterval) -> Contrast:
    return Contrast(interval, interval.uncertainty.p_different() if interval.uncertainty else float("nan"))
