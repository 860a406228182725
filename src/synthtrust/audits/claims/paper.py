"""The position paper's claims about the trust factors, each as the contrast that decides it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthtrust.audits.claims.claim import Claim, Part, Weights
from synthtrust.audits.factors import FEWEST_PATIENTS
from synthtrust.metrics import functional as formulas
from synthtrust.metrics.functional.factor_intervals import Statistic
from synthtrust.metrics.functional.intervals import Array
from synthtrust.metrics.functional.trust import Scores


def _at(**by_alpha: float) -> Weights:
    """Return given weights at given alphas, written as ``a0_5=1.0``, and 0 at the others."""
    given = {float(name[1:].replace("_", ".")): weight for name, weight in by_alpha.items()}
    return lambda alphas: np.array([given.get(alpha, 0.0) for alpha in alphas.tolist()])


def _average(alphas: Array) -> Array:
    return np.full(len(alphas), 1 / len(alphas))


def _slope(alphas: Array) -> Array:
    """Return the weights of the least squares slope, per 1 of alpha."""
    centred = alphas - alphas.mean()
    slope: Array = centred / (centred**2).sum()
    return slope


def _across_the_middle(alphas: Array) -> Array:
    """Return the last share below 1 less the first above 0."""
    inner = np.flatnonzero((alphas > 0) & (alphas < 1))
    weights = np.zeros(len(alphas))
    weights[inner[-1]], weights[inner[0]] = 1.0, -1.0
    return weights


def _t1_difference(regions: Sequence[str]) -> Statistic:
    """Return T1 on real cases less T1 on synthetic ones."""
    return lambda real, twin, **over: (
        formulas.overall_performance(real, **over) - formulas.overall_performance(twin, **over)
    )


def _t2_difference(regions: Sequence[str]) -> Statistic:
    """Return T2 on synthetic cases less T2 on real ones."""
    return lambda real, twin, **over: formulas.case_consistency(twin, **over) - formulas.case_consistency(real, **over)


def _t3_fall(first: str, second: str) -> Callable[[Sequence[str]], Statistic]:
    """Return T3 in one region less T3 in another."""

    def fall(regions: Sequence[str]) -> Statistic:
        def statistic(real: Scores, twin: Scores, **over: Any) -> Scores:
            by_region = formulas.alignment(real, twin, **over)
            return by_region[..., regions.index(first)] - by_region[..., regions.index(second)]

        return statistic

    return fall


def _over_regions(formula: Callable[..., Scores]) -> Callable[[Sequence[str]], Statistic]:
    """Return the mean over regions of a factor of real and synthetic scores."""
    return lambda regions: lambda real, twin, **over: formula(real, twin, **over).mean(-1)


def _t5_difference(real: Scores, twin: Scores, **over: Any) -> Scores:
    return formulas.variability(twin, **over) - formulas.variability(real, **over)


def _t5_synthetic(real: Scores, twin: Scores, **over: Any) -> Scores:
    return formulas.variability(twin, **over)


CLAIMS = (
    Claim(
        "T1_ends",
        (Part("alpha_0", _t1_difference, _at(a0=1), "below"), Part("alpha_1", _t1_difference, _at(a1=1), "above")),
        alphas=(0.0, 1.0),
    ),
    Claim("T1_middle", (Part("alpha_0.5", _t1_difference, _at(a0_5=1), "within"),), alphas=(0.5,)),
    Claim("T2_higher", (Part("mean", _t2_difference, _average, "above"),)),
    Claim(
        "T3_order",
        (
            Part("ED_ET", _t3_fall("ED", "ET"), _average, "above"),
            Part("ET_NCR", _t3_fall("ET", "NCR"), _average, "above"),
        ),
        regions=("ED", "ET", "NCR"), min_patients=FEWEST_PATIENTS,
    ),
    Claim(
        "T3_falls", (Part("slope", _over_regions(formulas.alignment), _slope, "below"),), min_patients=FEWEST_PATIENTS
    ),
    Claim(
        "T4_middle",
        (
            Part("alpha_0", _over_regions(formulas.performance_gap), _at(a0_5=1, a0=-1), "below"),
            Part("alpha_1", _over_regions(formulas.performance_gap), _at(a0_5=1, a1=-1), "below"),
        ),
        alphas=(0.0, 0.5, 1.0),
    ),
    Claim(
        "T5_lower", (Part("mean", _over_regions(_t5_difference), _average, "below"),), min_patients=FEWEST_PATIENTS
    ),
    Claim(
        "T5_stable", (Part("change", _over_regions(_t5_synthetic), _across_the_middle, "within"),), n_inner=2,
        min_patients=FEWEST_PATIENTS,
    ),
)  # fmt: skip
"""Settled before looking at any sweep; the tolerance of ``within`` is the audit's."""
