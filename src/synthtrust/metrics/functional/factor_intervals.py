"""Intervals of the trust factors: each patient is left out in turn, a case always together with its twin.

A factor is no mean over patients: it is bounded, skewed and, in few patients, biased. So its limits are made on a scale
on which it is nearly symmetric, from the jackknife, which corrects the bias as well, with a quantile of Student's whose
degrees of freedom shrink where few patients carry the variance. Measured coverage: ``docs/calibration.md``.
"""

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthtrust.metrics.functional.case_sums import WithoutEach
from synthtrust.metrics.functional.intervals import ALIKE, Array, Interval, skewness_of_mean
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.metrics.functional.satterthwaite import satterthwaite_df
from synthtrust.metrics.functional.seeds import cautious
from synthtrust.metrics.functional.student import t_quantile
from synthtrust.metrics.functional.trust import Scores, as_array
from synthtrust.refusals import Refusal

Statistic = Callable[..., Any]
"""A function of `synthtrust.metrics.functional.trust`, or a difference of some: it takes ``(..., M, K)`` arrays and the
keyword ``over``, and returns ``(...)`` or ``(..., K)``."""
Scale = Literal["identity", "log", "log_complement", "fisher"]
Map = Callable[[Array], Array]

STEP = 1e-6
"""Distance over which the derivative of a scale is taken."""

SCALES: Mapping[Scale, tuple[Map, Map]] = {
    "identity": (lambda x: x, lambda y: y),
    "log": (np.log, np.exp),
    "log_complement": (lambda x: np.log1p(-x), lambda y: -np.expm1(y)),
    "fisher": (np.arctanh, np.tanh),
}
"""Scale -> the map to it and the map back."""


@dataclass(frozen=True)
class Uncertainty:
    """An estimate on a scale, with the variance that patients and seeds give it."""

    estimate: float
    """On the scale, without the jackknife's estimate of its bias."""
    error: float
    """Standard error on the scale."""
    df: float
    """Satterthwaite's degrees of freedom."""
    skewness: float = 0.0
    """Skewness of the estimate. The limit on the side of the long tail moves outwards by it, see `satterthwaite`."""

    def limits(self, level: float = 0.95) -> tuple[float, float]:
        """Return the two-sided limits on the scale."""
        t = t_quantile((1 + level) / 2, self.df)
        below, above = (t + max(sign * self.skewness, 0.0) * (2 * t**2 + 1) / 6 for sign in (-1, 1))
        return self.estimate - below * self.error, self.estimate + above * self.error

    def p_above(self, null: float = 0.0) -> float:
        """Return the one-sided p of a true value above ``null``: small where it is shown to lie above.

        It is .025 where ``null`` is the lower limit of 95 %.

        >>> round(Uncertainty(2.0, 1.0, 10.0).p_above(), 4)
        0.0367
        """
        return self._tail((self.estimate - null) / self.error, max(-self.skewness, 0.0))

    def p_below(self, null: float = 0.0) -> float:
        """Return the one-sided p of a true value below ``null``: small where it is shown to lie below."""
        return self._tail((null - self.estimate) / self.error, max(self.skewness, 0.0))

    def p_different(self, null: float = 0.0) -> float:
        """Return the two-sided p of a true value other than ``null``."""
        return min(1.0, 2 * min(self.p_above(null), self.p_below(null)))

    def _tail(self, distance: float, skewness: float) -> float:
        """Return the p of a distance in standard errors, by solving ``t + skewness (2 t^2 + 1) / 6 = distance``."""
        if skewness > 0:
            root = 1 - 4 * skewness / 3 * (skewness / 6 - distance)
            if root < 0:
                return 1.0
            distance = (root**0.5 - 1) / (2 * skewness / 3)
        return float(stats.t.sf(distance, self.df))


@dataclass(frozen=True, kw_only=True)
class FactorInterval(Interval):
    """A trust factor with its doubt."""

    n_patients: int
    """Patients with a score: in this region, or in any for a factor over regions."""
    uncertainty: Uncertainty | None = None
    """Where the limits come from, for a p; None where there are none."""
    note: str = ""
    """Why there is no interval; empty where there is one."""


def uncertainty(value: float, without: Array, seeds: Sequence[Array], scale: Scale = "identity") -> Uncertainty | str:
    r"""Return what patients and training seeds leave open of one number, or why that is not known.

    With :math:`g` the scale and :math:`\theta_{(-p)}` the number without patient p, the bias is estimated by
    :math:`(P-1) (\overline{g(\theta_{(-)})} - g(\theta))` and taken off, and the variance is :math:`V_1 + V_2`:

    .. math:: V_1 = \frac{P-1}{P} \sum_p (g(\theta_{(-p)}) - \overline{g(\theta_{(-)})})^2, \quad
              V_2 = g'(\theta)^2 \sum_a var(\theta_{a,s})/S_a

    over arms a that were trained independently. Satterthwaite joins :math:`S_a - 1` degrees of freedom with those of
    :math:`V_1`. They are :math:`P - 1` on the scale ``identity``, where the skewness of the patients moves a limit
    outwards, as for `mean_interval`; on the others :math:`2 / (2/(P-1) + \kappa/P)` for an excess kurtosis
    :math:`\kappa > 0` of the patients. :math:`V_2` is enlarged where seeds are few, as in every interval, see
    `seed_caution`.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 11; O'Neill, "Some useful moment
    results in sampling problems", Am. Stat. 68 (2014), for the variance of a variance.

    Args:
        value: The number.
        without: The number without each of the P patients that carry it, ``(P,)``.
        seeds: For each arm the parts of the number that its seeds give, ``(S_a,)``; one seed: not assessed.
        scale: Where the number is nearly symmetric.

    >>> mean = uncertainty(0.7, np.array([0.7, 0.65, 0.75]), [])  # of .7, .8, .6
    >>> [round(x, 4) for x in mean.limits()]  # .7 +- 4.3027 * .1 / sqrt(3)
    [0.4516, 0.9484]
    """
    to_scale = SCALES[scale][0]
    n_patients = len(without)
    if n_patients < 2:
        return "No interval: it needs two patients."
    parts = [np.asarray(part) for part in seeds if len(part) > 1]
    with np.errstate(all="ignore"):
        centre, moved, above, below = (to_scale(np.asarray(x)) for x in (value, without, value + STEP, value - STEP))
        slope = (above - below) / (2 * STEP) if parts else 0.0
        v_seeds = [float(slope**2 * part.var(ddof=1) / len(part)) for part in parts]
        spread = moved - moved.mean()
        v_patients = float((n_patients - 1) / n_patients * (spread**2).sum())
    if not np.isfinite([float(centre), v_patients, *v_seeds]).all():
        return "No interval: undefined, or at the end of its range, with these patients or without one of them."
    if v_patients**0.5 < ALIKE:
        return "No interval: all patients are alike, which is no certainty about others."
    excess = 0.0 if scale == "identity" else float(n_patients * (spread**4).sum() / (spread**2).sum() ** 2) - 3
    dfs = [2 / (2 / (n_patients - 1) + max(excess, 0) / n_patients), *(len(part) - 1 for part in parts)]
    variances = cautious((v_patients, *v_seeds), dfs)
    total, df = sum(variances), satterthwaite_df(variances, dfs)
    bias = (n_patients - 1) * float(moved.mean() - centre)
    # a patient of a high score lowers the number by being left out
    skewness = skewness_of_mean(-moved) * (v_patients / total) ** 1.5 if scale == "identity" else 0.0
    return Uncertainty(float(centre) - bias, total**0.5, df, skewness)


def factor_interval(
    statistic: Statistic,
    scores: Sequence[Sequence[Scores]],
    scale: Scale = "identity",
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    min_patients: int = 2,
) -> tuple[FactorInterval, ...]:
    """Return a trust factor with its interval, one for each number that the factor gives.

    The value is the mean over seeds of the factor of each seed, and the limits are those of `uncertainty`, brought back
    from the scale: they never leave the factor's range on a scale that ends where it does. With one seed they are about
    these trained weights, over all patients. Only patients with a score in a region count for it.

    Args:
        statistic: A factor.
        scores: For each of S seeds the arrays ``(M, K)`` that the factor takes: one, or real and synthetic.
        scale: ``identity`` for means, ``log`` for T4 and T5, ``log_complement`` (of 1 - T2) for T2, ``fisher`` for T3,
            its null, the correlation and the concordance.
        groups: The patient of each case, for patients with several cases; they are left out together.
        level: Coverage.
        min_patients: Patients, below which there are no limits, since those of this factor do not cover then.

    Returns:
        One `FactorInterval` for T1 and T2, K for T3, T4 and T5. ``n_cases`` counts the cases with a score under all
        seeds. The limits are NaN, and ``note`` says why, where patients are too few, all alike, or the factor is
        undefined without one of them.

    Raises:
        Refusal: If the arrays are not all of one shape ``(M, K)``, or ``groups`` has another length than M.

    >>> from synthtrust.metrics.functional import overall_performance
    >>> (t1,) = factor_interval(overall_performance, [([[0.9, 0.7], [0.5, 0.3], [0.7, 0.5]],)])
    >>> round(t1.value, 4), round(t1.low, 4), round(t1.high, 4), t1.n_patients  # the case means are .8, .4 and .6
    (0.6, 0.1032, 1.0968, 3)
    """
    arrays = stack_scores(scores)
    members = patient_numbers(groups, arrays[0].shape[1])
    values = evaluate(statistic, arrays)  # (S, J)
    without = left_out(statistic, arrays, members).mean(axis=0)  # (P, J)
    carriers = patients_scored(arrays, members, values.shape[1])  # (P, J)
    intervals = []
    for j, n_cases in enumerate(cases_scored(arrays, values.shape[1])):
        carried = without[carriers[:, j], j]
        interval = jackknife_interval(
            float(values[:, j].mean()), carried, [values[:, j]], n_cases, scale, level, min_patients
        )
        intervals.append(interval)
    return tuple(intervals)


def jackknife_interval(
    value: float,
    without: Array,
    seeds: Sequence[Array],
    n_cases: int,
    scale: Scale = "identity",
    level: float = 0.95,
    min_patients: int = 2,
) -> FactorInterval:
    """Return a number with the limits of `uncertainty`, or with the reason why it has none.

    Args:
        value: The number.
        without: The number without each of the P patients that carry it, ``(P,)``.
        seeds: For each arm the parts of the number that its seeds give, ``(S_a,)``.
        n_cases: Cases that entered.
        scale: Where the number is nearly symmetric.
        level: Coverage.
        min_patients: Patients, below which there are no limits.
    """
    n_patients, n_seeds = len(without), min(len(parts) for parts in seeds)
    if np.isfinite(value) and 1 < n_patients < min_patients:
        doubt: Uncertainty | str = f"No interval: {n_patients} patients, and limits need {min_patients} to cover."
    else:
        doubt = uncertainty(value, without, seeds, scale)
    if isinstance(doubt, str):
        return FactorInterval(value, np.nan, np.nan, n_cases, n_seeds, level, n_patients=n_patients, note=doubt)
    low, high = np.sort(SCALES[scale][1](np.array(doubt.limits(level))))
    return FactorInterval(
        value, float(low), float(high), n_cases, n_seeds, level, n_patients=n_patients, uncertainty=doubt
    )


def stack_scores(scores: Sequence[Sequence[Scores]]) -> list[Array]:
    """Return each argument of a statistic as ``(S, M, K)`` float64.

    Raises:
        Refusal: If the arrays are not all of one shape ``(M, K)``, as many for each seed.
    """
    seeds = [[as_array(x).astype(np.float64) for x in arguments] for arguments in scores]
    shapes = {x.shape for arguments in seeds for x in arguments}
    if len({len(arguments) for arguments in seeds}) != 1 or len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise Refusal(f"Expected the same number of arrays of one shape (M, K) for each seed, but got {shapes}.")
    return [np.stack(argument) for argument in zip(*seeds, strict=True)]


def left_out(statistic: Statistic, arrays: Sequence[Array], members: NDArray[np.int64]) -> Array:
    """Return the statistic without each patient in turn, ``(S, P, J)``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a factor that is undefined without a patient has no limits, and says so there
        result: Array = statistic(*arrays, over=WithoutEach(members))
    return result[..., None] if result.ndim == arrays[0].ndim - 1 else result


def evaluate(statistic: Statistic, arrays: Sequence[Array]) -> Array:
    """Return the statistic of ``(..., M, K)`` arrays as ``(..., J)``, J = 1 for a statistic without regions."""
    result: Array = statistic(*arrays)
    return result[..., None] if result.ndim == arrays[0].ndim - 2 else result


def patients_scored(arrays: Sequence[Array], members: NDArray[np.int64], n_values: int) -> NDArray[np.bool_]:
    """Return which patients carry a number, ``(P, J)``: they have a score in the region, under any seed."""
    scored = np.asarray(_has_score(arrays).any(axis=0))  # (M, K)
    if n_values != scored.shape[1]:
        scored = np.repeat(scored.any(axis=1, keepdims=True), n_values, axis=1)
    carriers = np.zeros((int(members.max()) + 1, n_values), dtype=bool)
    np.logical_or.at(carriers, members, scored)
    return carriers


def cases_scored(arrays: Sequence[Array], n_values: int) -> list[int]:
    """Count the cases with a score under all seeds: by region, or in any region for a statistic without regions."""
    scored = np.asarray(_has_score(arrays).all(axis=0))  # (M, K)
    if n_values == scored.shape[1]:
        return [int(n) for n in scored.sum(axis=0)]
    return [int(scored.any(axis=1).sum())] * n_values


def _has_score(arrays: Sequence[Array]) -> NDArray[np.bool_]:
    """Return which regions of which cases have a score in every array, ``(S, M, K)``."""
    return np.asarray(~np.any(np.isnan(np.stack(arrays)), axis=0), dtype=np.bool_)
