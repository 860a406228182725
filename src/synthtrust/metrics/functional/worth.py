r"""How many real training cases a training set is worth: where its score lies on the learning curve of real cases.

An arm is an array ``(S, P)``: the score of each of P patients under each of S training seeds. The learning curve has an
arm for each number of real cases; between two numbers it is a straight line over :math:`\log n`. A number n is among
the limits if the score of the arm is not shown to differ from the curve at n: with :math:`f(n) = (1 - w) A + w B`
between two arms of the curve,

.. math:: V(n) = var(d_p)/P + var(\bar X_s)/S_X + (1 - w)^2 var(\bar A_s)/S_A + w^2 var(\bar B_s)/S_B

with :math:`d_p` the difference of patient p, averaged over seeds, and limits as `satterthwaite` has them.

Source: Fieller, JRSS B 16 (1954), for limits of an abscissa from a test at each of its values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from synthtrust.metrics.functional.intervals import Array, skewness_of_mean, variance_of_mean
from synthtrust.metrics.functional.satterthwaite import satterthwaite
from synthtrust.refusals import Refusal

STEPS = 40
"""Numbers of real cases that are tested, evenly over their logarithm."""
HALVINGS = 10
"""How often the way between two of them is halved in search of a limit."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Worth:
    """A number of real cases, with its doubt."""

    value: float
    """Where the score lies on the curve, which is taken to rise; NaN if it lies below or above all of it."""
    low: float
    """Lower limit; 0 where the score is not shown to exceed that of the fewest real cases."""
    high: float
    """Upper limit; infinite where it is not shown to stay below that of the most real cases."""
    n_patients: int
    n_seeds: int
    """Training seeds, the fewest of any arm; with one, the doubt about another training is not assessed."""


def worth_in_real_cases(arm: ArrayLike, curve: Mapping[int, ArrayLike], level: float = 0.95) -> Worth:
    """Return how many real cases score as an arm does.

    Args:
        arm: Scores ``(S, P)``.
        curve: Number of real training cases, above 0 -> scores ``(S_n, P)`` of the same patients, in the same order.
        level: Coverage.

    Raises:
        Refusal: If the curve has fewer than two numbers of cases, or the patients differ in number.

    >>> rng = np.random.default_rng(0)
    >>> patients = rng.normal(0, 0.05, 200)
    >>> curve = {n: 0.1 * np.log2(n) + patients + rng.normal(0, 0.01, (3, 200)) for n in (10, 20, 40, 80)}
    >>> worth = worth_in_real_cases(0.1 * np.log2(30) + patients + rng.normal(0, 0.01, (3, 200)), curve)
    >>> 29 < worth.low < worth.value < worth.high < 31
    True
    """
    sizes = sorted(curve)
    arms = [np.asarray(values, np.float64) for values in (arm, *(curve[n] for n in sizes))]
    if len(sizes) < 2 or sizes[0] < 1:
        raise Refusal(f"Expected scores of two numbers of real cases at least, but got {sizes}.")
    if any(values.ndim != 2 or 0 in values.shape for values in arms) or len({v.shape[1] for v in arms}) > 1:
        raise Refusal(f"Expected scores (S, P) of the same patients, but got {[values.shape for values in arms]}.")
    scored = np.all([np.isfinite(values).all(axis=0) for values in arms], axis=0)
    first, *others = (values[:, scored] for values in arms)
    at = np.log(sizes)
    value = _abscissa(float(first.mean()), [float(values.mean()) for values in others], sizes)
    steps = [*np.linspace(at[0], at[-1], STEPS), *([np.log(value)] if np.isfinite(value) else [])]

    def allowed(log_n: float) -> bool:
        return _not_excluded(first, others, at, log_n, level)

    low, high = _limits(allowed, np.sort(steps)) or _beyond(first, others, sizes)
    return Worth(
        value,
        0.0 if low <= sizes[0] * (1 + ROUNDING) else float(low),
        np.inf if high >= sizes[-1] * (1 - ROUNDING) else float(high),
        n_patients=int(scored.sum()),
        n_seeds=min(len(values) for values in (first, *others)),
    )


def _limits(allowed: Callable[[float], bool], steps: Array) -> tuple[float, float] | None:
    """Return the least and the largest number of cases that is allowed, found more exactly between two steps."""
    kept = [k for k, log_n in enumerate(steps) if allowed(log_n)]
    if not kept:
        return None
    first, last = kept[0], kept[-1]
    low = steps[0] if first == 0 else _edge(allowed, steps[first], steps[first - 1])
    high = steps[-1] if last == len(steps) - 1 else _edge(allowed, steps[last], steps[last + 1])
    return float(np.exp(low)), float(np.exp(high))


def _edge(allowed: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return where what is allowed ends, between a number that is and one that is not."""
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if allowed(middle) else (inside, middle)
    return outside


def _not_excluded(arm: Array, curve: list[Array], at: Array, log_n: float, level: float) -> bool:
    """Return whether an arm is not shown to differ from the curve at one number of cases."""
    right = int(np.clip(np.searchsorted(at, log_n), 1, len(at) - 1))
    weight = (log_n - at[right - 1]) / (at[right] - at[right - 1])
    parts = [(1.0, arm), (weight - 1, curve[right - 1]), (-weight, curve[right])]
    difference = np.sum([factor * values.mean(axis=0) for factor, values in parts], axis=0)  # (P,)
    variances = (
        variance_of_mean(difference),
        *(factor**2 * variance_of_mean(values.mean(axis=1)) for factor, values in parts),
    )
    dfs = (len(difference) - 1, *(len(values) - 1 for _, values in parts))
    skewness = skewness_of_mean(difference)
    low, high, _ = satterthwaite(float(difference.mean()), variances, dfs, level, skewness)
    return not (low > 0 or high < 0)  # without limits nothing is excluded


def _beyond(arm: Array, curve: list[Array], sizes: list[int]) -> tuple[float, float]:
    """Return the limits of an arm that differs from the curve everywhere: it lies below or above all of it."""
    return (0.0, sizes[0]) if arm.mean() < np.mean([values.mean() for values in curve]) else (sizes[-1], np.inf)


def _abscissa(score: float, means: list[float], sizes: list[int]) -> float:
    """Return where a rising curve takes a value; the middle where it takes it over a stretch."""
    rising = isotonic_regression(means).x
    if not rising[0] <= score <= rising[-1]:
        return np.nan
    at = np.log(sizes)
    left, right = (int(np.searchsorted(rising, score, side)) for side in ("left", "right"))
    if left < right:  # a value that the curve has at one number of cases, or over a stretch
        return float(np.exp((at[left] + at[right - 1]) / 2))
    return float(np.exp(np.interp(score, rising[left - 1 : left + 1], at[left - 1 : left + 1])))
