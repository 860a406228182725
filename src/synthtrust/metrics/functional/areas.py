r"""Intervals of areas under ROC curves that hold near 1, where DeLong's are too short.

An area near 1 rests on the few pairs that stand in the wrong order. Its sampling distribution is skewed, and where no
pair does, DeLong's variance is 0: as if finite data left no doubt. So the variance is not taken at the estimate alone.
For each area :math:`\theta` that might be the true one it is

.. math:: V(\theta) = \kappa \, \frac{\theta (1 - \theta)}{m n}
   \left(1 + \frac{(h - 1)(1 - \theta)}{2 - \theta} + \frac{(h - 1) \theta}{1 + \theta}\right),
   \quad h = \frac{m + n}{2}

(Hanley and McNeil's, averaged over classes), scaled by a factor :math:`\kappa` that makes it DeLong's variance at the
estimate. The fewer patients stand in the wrong order, the less DeLong's variance is worth, and the more
:math:`\kappa` is drawn to 1. A true value lies within the limits if the estimate is less than t standard errors away
from it, with the error that this true value would have. A difference or a ratio of two arms is tested in the same way,
with the areas of both arms moved to where the hypothesis holds, each by the same amount.

In studies of 3 seeds with a true loss of exactly the margin of .05 and TRTR at .99, DeLong's bound on the raw scale
calls 9 to 30 % harmless, this one at most 5 % (``make calibration``).

Source: Hanley and McNeil, Radiology 143 (1982); Newcombe, Statistics in Medicine 25 (2006), method 5, for one area; the
restricted variance of a difference as in Farrington and Manning, Statistics in Medicine 9 (1990).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from synthtrust.metrics.functional.area_arm import (
    ROUNDING,
    AreaArm,
    area_arm,
    area_arm_of,
    crossing,
    half_width,
    limits_of,
    shrunk_area,
)
from synthtrust.metrics.functional.intervals import Array, GapInterval, Interval
from synthtrust.refusals import Refusal

EDGE = 1e-9
"""How near to 0 and 1 an area that might be the true one may lie."""


def area_interval(patients: ArrayLike, n_positive: ArrayLike, n_negative: ArrayLike, level: float = 0.95) -> Interval:
    """Return an area under the ROC curve, or a mean of several over classes, with an interval that holds near 1.

    Args:
        patients: What each patient adds under each seed, ``(S, P)``, see `auc_by_class`; their mean is the area.
        n_positive: Patients of each class that the area is a mean over, ``(C,)`` or one number.
        n_negative: Patients that are not of it, likewise.
        level: Coverage.

    Raises:
        Refusal: If the patients are not ``(S, P)``, or a count is below 1.

    >>> from synthtrust.metrics.functional.placements import auc_by_class
    >>> score = np.arange(40) / 40
    >>> _, patients = auc_by_class(np.stack([1 - score, score], axis=1), np.arange(40) >= 20)
    >>> perfect = area_interval(patients[None, :, 1], 20, 20)
    >>> perfect.value, round(perfect.low, 3), perfect.high
    (1.0, 0.892, 1.0)
    """
    arm = area_arm(patients, n_positive, n_negative)
    low, high = limits_of(arm, level)
    return Interval(arm.area, low, high, n_cases=arm.n_patients, n_seeds=arm.n_seeds, level=level)


def logit_contributions(patients: ArrayLike, n_positive: ArrayLike, n_negative: ArrayLike) -> Array:
    """Return what each patient adds to the logit of an area, ``(S, P)``, with the variance of `area_interval`.

    The mean of each seed is the logit of its area, of which half a pair is always in the wrong order, so that an area
    of 1 has a finite logit. Where no pair is in the wrong order, patients are given deviations in turn that have the
    variance which such an area has.

    Args:
        patients: What each patient adds under each seed, ``(S, P)``, see `auc_by_class`.
        n_positive: Patients of each class that the area is a mean over, ``(C,)`` or one number.
        n_negative: Patients that are not of it, likewise.

    Raises:
        Refusal: If the patients are not ``(S, P)``, or a count is below 1.

    >>> added = logit_contributions(np.full((1, 10), 1.0), 5, 5)  # half a pair of 26
    >>> round(float(added.mean()), 4), bool(added.var() > 0)
    (3.9318, True)
    """
    values = np.atleast_2d(np.asarray(patients, dtype=np.float64))
    arm = area_arm(values, n_positive, n_negative)
    area = values.mean(axis=1, keepdims=True)  # (S, 1)
    if arm.delong > ROUNDING:
        deviations = (values - area) * (arm.v_patients / arm.delong) ** 0.5
    else:
        turns = np.where(np.arange(arm.n_patients) % 2, 1.0, -1.0)
        turns -= turns.mean()
        deviations = turns * (arm.v_patients * arm.n_patients / turns.var(ddof=1)) ** 0.5
    slope = 1 / (arm.shrunk * (1 - arm.shrunk))
    logits: Array = logit(shrunk_area(area, arm.counts)) + deviations * slope
    return logits


def area_limits(
    area: float, variance: float, n_positive: int, n_negative: int, level: float = 0.95
) -> tuple[float, float]:
    """Return the limits of one area with DeLong's variance, as `area_interval` has them; NaN without a variance.

    >>> [round(limit, 3) for limit in area_limits(0.9, 0.05**2, 20, 20)]
    [0.747, 0.962]
    """
    counts = np.array([n_positive], float), np.array([n_negative], float)
    return limits_of(area_arm_of(area, np.zeros(0), variance, counts, 0.0, 1), level)


def area_gap(
    a: ArrayLike, b: ArrayLike, n_positive: ArrayLike, n_negative: ArrayLike, level: float = 0.95
) -> GapInterval:
    """Return the area of arm ``a`` minus that of arm ``b`` (TSTR minus TRTR), scored on the same patients.

    Args:
        a: What each patient adds under each seed, ``(S_A, P)``.
        b: The same patients in the other arm, ``(S_B, P)``.
        n_positive: Patients of each class that the area is a mean over, ``(C,)`` or one number.
        n_negative: Patients that are not of it, likewise.
        level: Coverage.

    Raises:
        Refusal: If an arm is not ``(S, P)``, the patients differ in number, or a count is below 1.

    >>> from synthtrust.metrics.functional.placements import auc_by_class
    >>> score = np.stack([np.sin(np.arange(40)), np.arange(40) / 10], axis=1)
    >>> _, patients = auc_by_class(score, np.arange(40) >= 20)
    >>> gap = area_gap(patients[None, :, 1], patients[None, :, 1], 20, 20)  # the very same scores
    >>> gap.value, gap.lower_bound < 0 < gap.upper_bound
    (0.0, True)
    """
    return _contrast(
        area_arm(a, n_positive, n_negative), area_arm(b, n_positive, n_negative), level,
        lambda gap: (1.0, gap), lambda first, second: first - second, (-1.0, 1.0),
    )  # fmt: skip


def area_ratio(
    a: ArrayLike,
    b: ArrayLike,
    n_positive: ArrayLike,
    n_negative: ArrayLike,
    level: float = 0.95,
    chance: float = 0.0,
) -> GapInterval:
    """Return what arm ``a`` has above chance over what arm ``b`` has (TSTR over TRTR), see `area_gap`.

    Args:
        a: What each patient adds under each seed, ``(S_A, P)``.
        b: The same patients in the other arm, ``(S_B, P)``.
        n_positive: Patients of each class that the area is a mean over, ``(C,)`` or one number.
        n_negative: Patients that are not of it, likewise.
        level: Coverage.
        chance: What is taken off both areas: 0.5 for the share of a model's skill that is kept.

    Returns:
        The ratio; everything is NaN unless both areas lie above chance.

    Raises:
        Refusal: If an arm is not ``(S, P)``, the patients differ in number, or a count is below 1.
    """
    first, second = area_arm(a, n_positive, n_negative), area_arm(b, n_positive, n_negative)
    largest = 1e3
    if not (first.area > chance and second.area > chance):
        largest = np.nan
    return _contrast(
        first, second, level,
        lambda ratio: (ratio, chance * (1 - ratio)),
        lambda x, y: (x - chance) / (y - chance), (0.0, largest),
    )  # fmt: skip


def _contrast(
    first: AreaArm,
    second: AreaArm,
    level: float,
    hypothesis: Callable[[float], tuple[float, float]],
    estimate: Callable[[float, float], float],
    ends: tuple[float, float],
) -> GapInterval:
    """Return a difference or a ratio with its limits.

    Args:
        first: The arm that is compared.
        second: The arm that it is compared with.
        level: Coverage.
        hypothesis: A value of the contrast -> slope and intercept of the line on which both areas then lie.
        estimate: Both areas -> the contrast.
        ends: The least and the largest value that the contrast can have; the largest is NaN where it is undefined.
    """
    if first.n_patients != second.n_patients:
        raise Refusal(f"Expected the same patients in both arms, but got {first.n_patients} and {second.n_patients}.")
    defined = np.isfinite([first.v_patients, second.v_patients, *ends]).all()
    value = estimate(first.area, second.area) if np.isfinite(ends).all() else np.nan
    n = first.n_patients
    together = float(first.deviations @ second.deviations) / (n * (n - 1)) if defined else np.nan
    scale = (first.v_patients * second.v_patients) ** 0.5
    # Two arms with the very same scores still differ on other patients, the more the fewer were seen.
    correlation = float(np.clip(together / scale, -1, 1)) * (1 - 1 / first.fewest) if defined else np.nan

    def half_width_at(contrast: float, quantile: float) -> tuple[float, float]:
        """Return how far the estimate may be from a true contrast, in areas, and the degrees of freedom."""
        slope, intercept = hypothesis(contrast)
        miss = first.area - (slope * second.area + intercept)
        moved = np.clip(second.area + miss / (2 * max(slope, EDGE)), EDGE, 1 - EDGE)
        moved_first = float(np.clip(slope * moved + intercept, EDGE, 1 - EDGE))
        v_first, v_second = first.variance(moved_first), second.variance(float(moved))
        v_patients = v_first + slope**2 * v_second - 2 * correlation * slope * (v_first * v_second) ** 0.5
        return half_width(
            (max(v_patients, 0.0), first.v_seeds, slope**2 * second.v_seeds),
            (first.dfs[0], first.dfs[1], second.dfs[1]), quantile,
        )  # fmt: skip

    def limits(quantile: float) -> tuple[float, float]:
        def distance(contrast: float) -> float:
            slope, intercept = hypothesis(contrast)
            return abs(first.area - (slope * second.area + intercept)) - half_width_at(contrast, quantile)[0]

        return crossing(distance, value, ends[0]), crossing(distance, value, ends[1])

    low, high = limits((1 + level) / 2) if defined else (np.nan, np.nan)
    lower_bound, upper_bound = limits(level) if defined else (np.nan, np.nan)
    return GapInterval(
        value=value,
        low=low,
        high=high,
        n_cases=n,
        n_seeds=min(first.n_seeds, second.n_seeds),
        level=level,
        lower_bound=lower_bound,
        upper_bound=upper_bound,
        v_patients=first.v_patients + second.v_patients - 2 * correlation * scale,
        v_seeds_a=first.v_seeds,
        v_seeds_b=second.v_seeds,
        df=half_width_at(value, level)[1] if defined else np.nan,
    )
