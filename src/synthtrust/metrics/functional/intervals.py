"""Intervals of means, gaps and ratios when a recipe was trained with several seeds and scored on the same patients.

An arm is an array ``(S, P)``: the score of each of P patients (one column each, the same patients in every arm) under
each of S training seeds. Two sources of doubt are added: other patients, and another run of the same recipe. The seeds
are few, so the quantile is Student's with Satterthwaite's degrees of freedom, and their variance is enlarged a little,
see `synthtrust.metrics.functional.seeds`. Measured coverage of the nominal 95 % interval with 250 patients, 3 seeds and
a seed spread of .03 Dice: .95; a bootstrap of the patients alone: .28.

With one seed the doubt about another run cannot be assessed. The interval then is about these trained weights only, and
``n_seeds=1`` says so. A patient with a NaN under any seed of any arm is left out, and ``n_cases`` says how many remain.

Where all patients agree and so do all seeds, there is no variance to build upon, and yet no certainty: of n patients
alike, a share of up to :math:`1 - ((1 - level)/2)^{1/n}` of all may be unlike them (the rule of three). The limits are
those of that share at the far end of what can be scored, ``bounds``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from synthtrust.metrics.functional.satterthwaite import satterthwaite
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]

ALIKE = 1e-9
"""Length of an interval below which the scores differ by nothing but rounding."""
MOST_SKEWED = 3.0
"""Skewness of patients beyond which the expansion behind the limits no longer holds."""


@dataclass(frozen=True)
class Interval:
    """A number with its doubt."""

    value: float
    low: float
    """Lower limit; NaN if it cannot be assessed (one patient)."""
    high: float
    n_cases: int
    """Cases that entered."""
    n_seeds: int
    """Training seeds that entered, the fewest of any arm; 1: the doubt about another run is not assessed."""
    level: float = 0.95


@dataclass(frozen=True, kw_only=True)
class GapInterval(Interval):
    """How one arm differs from another, with the parts that its interval is made of.

    The variances are those of the gap itself, or of the logarithm of the ratio.
    """

    lower_bound: float
    """One-sided: the true value lies above it with probability ``level``; for non-inferiority."""
    upper_bound: float
    """One-sided: the true value lies below it with probability ``level``."""
    v_patients: float
    """V1, from the patients."""
    v_seeds_a: float
    """V2, from the seeds of the first arm, as estimated; 0 with one seed, where it cannot be assessed."""
    v_seeds_b: float
    """V3, from the seeds of the second arm; likewise."""
    df: float
    """Satterthwaite's degrees of freedom, with the variances of the seeds as the limits take them."""


def gap_interval(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, bounds: tuple[float, float] = (0.0, 1.0)
) -> GapInterval:
    r"""Return the mean of arm ``a`` minus the mean of arm ``b`` (TSTR minus TRTR), with its interval.

    With :math:`d_p` the difference of patient p, averaged over seeds, and :math:`\bar A_s` the mean of a seed,

    .. math:: V = V_1 + V_2 + V_3 = var(d_p)/P + var(\bar A_s)/S_A + var(\bar B_s)/S_B

    (``ddof=1``, :math:`V_2` and :math:`V_3` enlarged where seeds are few, see `seed_caution`) and the limits are
    :math:`\bar d \pm t_{df} \sqrt V` with :math:`df = V^2 / (V_1^2/(P-1) + V_2^2/(S_A-1) + V_3^2/(S_B-1))`, and that on
    the side of the patients' long tail moved outwards, see `satterthwaite`.

    Args:
        a: Scores ``(S_A, P)``.
        b: Scores ``(S_B, P)`` of the same patients, in the same order.
        level: Coverage.
        bounds: The least and the largest score of a patient.

    Raises:
        Refusal: If an arm is not ``(S, P)`` with at least one of each, or the patients differ in number.

    >>> gap = gap_interval([[0.7, 0.8, 0.6]], [[0.8, 0.8, 0.7]])  # differences -.1, 0, -.1
    >>> round(gap.value, 4), round(gap.v_patients, 6), gap.df, gap.n_seeds
    (-0.0667, 0.001111, 2.0, 1)
    """
    first, second = _arms(a, b)
    difference = first.mean(axis=0) - second.mean(axis=0)
    v = (variance_of_mean(difference), variance_of_mean(_seed_means(first)), variance_of_mean(_seed_means(second)))
    return _contrast(_mean(difference), v, skewness_of_mean(difference), first, second, level, bounds, logarithm=False)


def ratio_interval(
    a: ArrayLike, b: ArrayLike, level: float = 0.95, bounds: tuple[float, float] = (0.0, 1.0)
) -> GapInterval:
    r"""Return the mean of arm ``a`` over the mean of arm ``b`` (TSTR over TRTR), with its interval.

    The interval is made for the logarithm, by the delta method: with :math:`l_p = A_p/\bar A - B_p/\bar B`,
    :math:`V = var(l_p)/P + var(\bar A_s)/(S_A \bar A^2) + var(\bar B_s)/(S_B \bar B^2)`, the limits are
    :math:`\exp(\log U \pm t_{df} \sqrt V)`.

    Args:
        a: Scores ``(S_A, P)``.
        b: Scores ``(S_B, P)`` of the same patients, in the same order.
        level: Coverage.
        bounds: The least and the largest score of a patient.

    Returns:
        The ratio; everything is NaN unless both means are above 0.

    Raises:
        Refusal: If an arm is not ``(S, P)`` with at least one of each, or the patients differ in number.

    >>> round(ratio_interval([[0.7, 0.8, 0.6]], [[0.8, 0.9, 0.7]]).value, 4)  # .7 / .8
    0.875
    """
    first, second = _arms(a, b)
    mean_a, mean_b = _mean(first), _mean(second)
    if not (mean_a > 0 and mean_b > 0):
        v = (np.nan, np.nan, np.nan)
        return _contrast(np.nan, v, 0.0, first, second, level, bounds, logarithm=True)
    relative = first.mean(axis=0) / mean_a - second.mean(axis=0) / mean_b
    v = (
        variance_of_mean(relative),
        variance_of_mean(_seed_means(first) / mean_a),
        variance_of_mean(_seed_means(second) / mean_b),
    )
    skewness = skewness_of_mean(relative)
    return _contrast(float(np.log(mean_a / mean_b)), v, skewness, first, second, level, bounds, logarithm=True)


def mean_interval(a: ArrayLike, level: float = 0.95, bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """Return the mean of one arm ``(S, P)`` with its interval: `gap_interval` without a second arm.

    Args:
        a: Scores ``(S, P)``.
        level: Coverage.
        bounds: The least and the largest score of a patient.

    Raises:
        Refusal: If the arm is not ``(S, P)`` with at least one of each.

    >>> interval = mean_interval([[0.7, 0.8, 0.6]])
    >>> round(interval.value, 4), round(interval.low, 4), round(interval.high, 4)  # .7 +- 4.3027 * .1 / sqrt(3)
    (0.7, 0.4516, 0.9484)
    >>> alike = mean_interval(np.full((3, 40), 0.8))  # .025 ** (1 / 40) = .9119
    >>> round(alike.low, 4), round(alike.high, 4)
    (0.7295, 0.8176)
    """
    (arm,) = _arms(a)
    v = (variance_of_mean(arm.mean(axis=0)), variance_of_mean(_seed_means(arm)))
    value = _mean(arm)
    dfs = arm.shape[1] - 1, arm.shape[0] - 1
    low, high, _ = satterthwaite(value, v, dfs, level, skewness_of_mean(arm.mean(axis=0)))
    if high - low < ALIKE:
        low, high = _of_patients_alike(value, arm.shape[1], level, bounds)
    return Interval(value, low, high, n_cases=arm.shape[1], n_seeds=arm.shape[0], level=level)


def _arms(*arms: ArrayLike) -> list[Array]:
    """Return the arms without the patients that have a NaN in any of them."""
    arrays = [np.asarray(arm, dtype=np.float64) for arm in arms]
    if any(arm.ndim != 2 or 0 in arm.shape for arm in arrays):
        raise Refusal(f"Expected scores of shape (S, P), but got {[arm.shape for arm in arrays]}.")
    if len({arm.shape[1] for arm in arrays}) > 1:
        raise Refusal(f"Expected the same patients in both arms, but got {[arm.shape[1] for arm in arrays]}.")
    scored = np.all([np.isfinite(arm).all(axis=0) for arm in arrays], axis=0)
    return [arm[:, scored] for arm in arrays]


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else np.nan


def _seed_means(arm: Array) -> Array:
    means: Array = arm.sum(axis=1) / max(arm.shape[1], 1)  # without patients 0, no warning; the limits are NaN anyway
    return means


def variance_of_mean(values: Array) -> float:
    """Return the variance of the mean of independent values; 0 for a single one, which tells nothing."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _of_patients_alike(value: float, n_patients: int, level: float, bounds: tuple[float, float]) -> tuple[float, float]:
    """Return limits where every patient scored the same under every seed, by the rule of three."""
    unlike = 1 - ((1 - level) / 2) ** (1 / n_patients)  # the largest share of other patients that were still missed
    return value - unlike * (value - bounds[0]), value + unlike * (bounds[1] - value)


def skewness_of_mean(values: Array) -> float:
    """Return the skewness of the mean of independent values; 0 where they are too few or all alike."""
    if len(values) < 3 or np.ptp(values) < ALIKE:
        return 0.0
    return float(np.clip(stats.skew(values, bias=False), -MOST_SKEWED, MOST_SKEWED) / len(values) ** 0.5)


def _contrast(
    value: float,
    v: tuple[float, float, float],
    skewness: float,
    a: Array,
    b: Array,
    level: float,
    bounds: tuple[float, float],
    *,
    logarithm: bool,
) -> GapInterval:
    dfs = (a.shape[1] - 1, a.shape[0] - 1, b.shape[0] - 1)
    widest = bounds[1] - bounds[0]

    def limits(coverage: float) -> tuple[float, float]:
        low, high, _ = satterthwaite(value, v, dfs, coverage, skewness)
        if not high - low < ALIKE:
            return tuple(np.exp([low, high]).tolist()) if logarithm else (low, high)
        if not logarithm:
            return _of_patients_alike(value, a.shape[1], coverage, (-widest, widest))
        (low_a, high_a), (low_b, high_b) = (
            _of_patients_alike(_mean(arm), a.shape[1], coverage, bounds) for arm in (a, b)
        )
        return low_a / high_b, high_a / low_b

    low, high = limits(level)
    lower_bound, upper_bound = limits(2 * level - 1)  # each a side of an interval of 90 %
    df = satterthwaite(value, v, dfs, level)[2]
    if logarithm:
        value = float(np.exp(value))
    return GapInterval(
        value=value,
        low=low,
        high=high,
        n_cases=a.shape[1],
        n_seeds=min(len(a), len(b)),
        level=level,
        lower_bound=lower_bound,
        upper_bound=upper_bound,
        v_patients=v[0],
        v_seeds_a=v[1],
        v_seeds_b=v[2],
        df=df,
    )
