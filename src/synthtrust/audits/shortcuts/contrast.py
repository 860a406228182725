"""Weighted sums of scores of several arms on several kinds of test cases, with the doubt of patients and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthtrust.audits.utility.estimate import Array, Estimate
from synthtrust.metrics.functional.alpha_study import needing_seeds
from synthtrust.metrics.functional.factor_intervals import FactorInterval, jackknife_interval


@dataclass(frozen=True)
class Arm:
    """What networks of one share alpha score on one kind of test cases."""

    alpha: float
    estimate: Estimate
    names: tuple[str, ...]
    """The patients behind ``estimate.patients``, in its order."""


Term = tuple[float, Arm]
"""A weight and what it is a weight of."""


def contrast(terms: Sequence[Term], confidence: float, value: float | None = None) -> FactorInterval:
    r"""Return a weighted sum of scores with its interval.

    Networks of one alpha score all kinds of test cases, so that what a training seed does to them goes together; those
    of two alphas were trained apart. A patient counts once, with all that is known of him: where one side of a sum is
    about his real image and the other about its twin, both move together.

    Args:
        terms: Arms with their weights.
        confidence: Coverage of the interval.
        value: The number itself, where the terms are those of its derivative (as of a ratio); None for their sum.

    >>> scored = [Estimate(np.array([v, v]), np.array([[v - 0.1, v + 0.1]] * 2), None, 2, 2) for v in (0.6, 0.9)]
    >>> synthetic, real = (Arm(alpha, one, ("p", "q")) for alpha, one in zip((0.0, 1.0), scored))
    >>> round(contrast([(-1.0, synthetic), (1.0, real)], 0.95).value, 3)
    0.3
    """
    total = sum(weight * float(arm.estimate.values.mean()) for weight, arm in terms)
    influence: dict[str, float] = {}
    by_seed: dict[float, Array] = {}
    for weight, arm in terms:
        added = np.nanmean(arm.estimate.patients, axis=0) if arm.estimate.patients.size else np.array([])
        deviation = (added - np.nanmean(added)) / max(len(added) - 1, 1)
        for name, moved in zip(arm.names, deviation, strict=True):
            influence[name] = influence.get(name, 0.0) + weight * float(moved)
        by_seed[arm.alpha] = by_seed.get(arm.alpha, 0.0) + weight * arm.estimate.values
    shown = total if value is None else value
    n_cases = max(arm.estimate.n_cases for _, arm in terms)
    without = shown - np.array([influence[name] for name in sorted(influence)])
    return needing_seeds(jackknife_interval(shown, without, list(by_seed.values()), n_cases, level=confidence))


def ratio(top: Sequence[Term], bottom: Sequence[Term], chance: float, confidence: float) -> FactorInterval:
    """Return a weighted sum of scores over another one less chance, by its derivative (delta method)."""
    above, below = (sum(weight * float(arm.estimate.values.mean()) for weight, arm in terms) for terms in (top, bottom))
    below -= chance
    if not below > 0:
        nothing = contrast(top, confidence, np.nan)
        return replace(nothing, note="Undefined: the balanced mix learned nothing.")
    value = above / below
    terms = [(weight / below, arm) for weight, arm in top] + [(-value * weight / below, arm) for weight, arm in bottom]
    return contrast(terms, confidence, value)


def bounds(interval: FactorInterval, confidence: float) -> tuple[float, float]:
    """Return the one-sided lower and upper bound of a contrast; NaN where it has no interval."""
    if interval.uncertainty is None:
        return np.nan, np.nan
    return interval.uncertainty.limits(2 * confidence - 1)


Arms = Mapping[tuple[float, str], Arm]
"""By alpha and kind of test cases."""
