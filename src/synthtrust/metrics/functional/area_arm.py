"""One area under a ROC curve with what its doubt is made of: DeLong's variance, and what it would be elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from synthtrust.metrics.functional.intervals import Array
from synthtrust.metrics.functional.satterthwaite import satterthwaite_df
from synthtrust.metrics.functional.seeds import cautious
from synthtrust.metrics.functional.student import t_quantile
from synthtrust.refusals import Refusal

ROUNDING = 1e-20
"""A variance up to which patients that all add the same differ by rounding alone."""


def area_variance(area: float, n_positive: ArrayLike, n_negative: ArrayLike) -> float:
    r"""Return the variance that an area would have if it were the true one, averaged over classes.

    Source: Hanley and McNeil, Radiology 143 (1982), with both sides' numbers replaced by their mean in the terms that
    depend on the shape: Newcombe, Statistics in Medicine 25 (2006).

    >>> round(area_variance(0.9, 20, 20) ** 0.5, 4), area_variance(1.0, 20, 20)
    (0.0514, 0.0)
    """
    m, n = np.asarray(n_positive, dtype=float), np.asarray(n_negative, dtype=float)
    half = (m + n) / 2 - 1
    shape = 1 + half * (1 - area) / (2 - area) + half * area / (1 + area)
    return float(np.mean(area * (1 - area) * shape / (m * n)))


def shrunk_area(area: float | Array, counts: tuple[Array, Array]) -> Array:
    """Return areas with half a pair in the wrong order added to each class, so that none is 0 or 1.

    >>> float(shrunk_area(1.0, (np.array([5.0]), np.array([5.0]))))  # 25.5 of 26 pairs
    0.9807692307692307
    """
    pairs = counts[0] * counts[1]
    shrunk: Array = np.mean((np.asarray(area)[..., None] * pairs + 0.5) / (pairs + 1), axis=-1)
    return shrunk


@dataclass(frozen=True)
class AreaArm:
    """One arm's area with what its doubt is made of."""

    area: float
    shrunk: float
    """The area with half a pair in the wrong order added to each class, so that it is never 0 or 1."""
    delong: float
    """DeLong's variance of the area, from the patients; NaN from one patient."""
    deviations: Array
    """What each patient adds beyond the area, averaged over seeds, ``(P,)``."""
    counts: tuple[Array, Array]
    """Patients of each class, and not of it."""
    design_effect: float
    """How many times the variance of `area_variance` it has."""
    v_patients: float
    """The variance of the area that other patients would bring."""
    v_seeds: float
    """The variance of the area that other training seeds would bring; 0 with one seed."""
    n_seeds: int

    @property
    def n_patients(self) -> int:
        """Patients behind it."""
        return len(self.deviations)

    @property
    def fewest(self) -> float:
        """Patients on the smaller side, averaged over classes."""
        return float(np.minimum(*self.counts).mean())

    @property
    def dfs(self) -> tuple[float, int]:
        """Degrees of freedom of both variances; those of the patients come from the smaller side."""
        return 2 * self.fewest - 1, self.n_seeds - 1

    def variance(self, area: float) -> float:
        """Return the variance from the patients if this were the true area."""
        return self.design_effect * area_variance(area, *self.counts)


def area_arm(patients: ArrayLike, n_positive: ArrayLike, n_negative: ArrayLike) -> AreaArm:
    """Return an arm from what each patient adds under each seed, ``(S, P)``, see `area_interval`.

    Raises:
        Refusal: If the patients are not ``(S, P)``, or a count is below 1.
    """
    values = np.asarray(patients, dtype=np.float64)
    counts = np.atleast_1d(np.asarray(n_positive, float)), np.atleast_1d(np.asarray(n_negative, float))
    if values.ndim != 2 or 0 in values.shape:
        raise Refusal(f"Expected what each patient adds, of shape (S, P), but got {values.shape}.")
    if min(counts[0].min(), counts[1].min()) < 1:
        raise Refusal(
            f"Expected patients on both sides of every area, but got {counts[0].tolist()} and {counts[1].tolist()}."
        )
    area = float(values.mean())
    deviations = values.mean(axis=0) - area
    n_patients = len(deviations)
    delong = float((deviations**2).sum() / (n_patients * (n_patients - 1))) if n_patients > 1 else np.nan
    v_seeds = float(values.mean(axis=1).var(ddof=1) / len(values)) if len(values) > 1 else 0.0
    return area_arm_of(area, deviations, delong, counts, v_seeds, len(values))


def area_arm_of(
    area: float, deviations: Array, delong: float, counts: tuple[Array, Array], v_seeds: float, n_seeds: int
) -> AreaArm:
    """Return an arm whose design effect is drawn to 1, the fewer patients stand in the wrong order."""
    shrunk = float(shrunk_area(area, counts))
    expected = area_variance(shrunk, *counts)
    weight = min(1.0, min(area, 1 - area) * float(np.minimum(*counts).mean())) if delong > ROUNDING else 0.0
    design_effect = weight * delong / expected + 1 - weight if np.isfinite(delong) else np.nan
    return AreaArm(area, shrunk, delong, deviations, counts, design_effect, design_effect * expected, v_seeds, n_seeds)


def limits_of(arm: AreaArm, level: float) -> tuple[float, float]:
    """Return the limits of one area."""
    if not np.isfinite(arm.v_patients):
        return np.nan, np.nan

    def distance(area: float) -> float:
        half, _ = half_width((arm.variance(area), arm.v_seeds), arm.dfs, (1 + level) / 2)
        return abs(area - arm.area) - half

    return crossing(distance, arm.shrunk, 0.0), crossing(distance, arm.shrunk, 1.0)


def half_width(variances: tuple[float, ...], dfs: tuple[float, ...], quantile: float) -> tuple[float, float]:
    """Return t times the standard error that patients and the seeds of each arm leave, and its degrees of freedom.

    The variances of the seeds are enlarged where they are few, see `seed_caution`.
    """
    variances = cautious(variances, dfs)
    total = sum(v for v, df in zip(variances, dfs, strict=True) if df > 0)
    if total <= 0:
        return 0.0, float(dfs[0])
    df = satterthwaite_df(variances, dfs)
    return t_quantile(quantile, df) * total**0.5, df


def crossing(distance: Callable[[float], float], start: float, end: float) -> float:
    """Return where a distance that is negative at the start becomes positive, or the end if it never does."""
    if distance(end) <= 0 or start == end:
        return end
    return float(brentq(distance, start, end, xtol=1e-10)) if distance(start) < 0 else start
