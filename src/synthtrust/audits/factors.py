"""The trust factors as the audit computes them: formula, scale of the interval, range, and the patients it takes."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from synthtrust.metrics import functional as formulas
from synthtrust.metrics.functional.factor_intervals import FactorInterval, Scale
from synthtrust.metrics.functional.trust import Scores

FEWEST_PATIENTS = 20
"""Patients, below which spreads and correlations have no interval: failures that 1 patient in 20 has go unseen there,
and 95 % limits covered .89 to .92 with 10 patients (docs/calibration.md)."""
FEWEST_PATIENTS_ONE_SEED = 200
"""Patients, below which T3 of a single network has none: it hangs on failures in a case or its twin alone, and 95 %
limits covered .82 to .89 with 50 to 100 patients."""


@dataclass(frozen=True)
class Factor:
    """How one factor is computed and its interval made."""

    formula: Callable[..., Scores]
    scale: Scale = "identity"
    limits: tuple[float, float] = (0.0, 1.0)
    """What it can be. Limits of intervals beyond are cut: no true value is lost."""
    min_patients: int = 2
    """Patients, below which there is no interval, since it would not cover."""
    min_patients_one_seed: int = 2
    """The same with one training seed."""

    def intervals(
        self,
        scores: Sequence[Sequence[Scores]],
        groups: Sequence[Hashable] | None = None,
        level: float = 0.95,
    ) -> tuple[FactorInterval, ...]:
        """Return the factor with its interval, see `synthtrust.metrics.functional.factor_interval`."""
        fewest = self.min_patients_one_seed if len(scores) == 1 else self.min_patients
        return formulas.factor_interval(
            self.formula, scores, self.scale, groups=groups, level=level, min_patients=max(fewest, self.min_patients)
        )


SINGLE_SOURCE_FACTORS: Mapping[str, Factor] = {
    "T1": Factor(formulas.overall_performance),
    "T2": Factor(formulas.case_consistency, "log_complement"),
    "T2_regions": Factor(formulas.region_consistency, "log_complement"),
    "T5": Factor(formulas.variability, "log", (0.0, float("inf")), FEWEST_PATIENTS),
}
PAIRED_FACTORS: Mapping[str, Factor] = {
    "T3": Factor(formulas.alignment, "fisher", (0.0, 1.0), FEWEST_PATIENTS, FEWEST_PATIENTS_ONE_SEED),
    "T3_null": Factor(formulas.alignment_null, "fisher", (0.0, 1.0), FEWEST_PATIENTS),
    "correlation": Factor(formulas.correlation, "fisher", (-1.0, 1.0), FEWEST_PATIENTS),
    "concordance": Factor(formulas.concordance, "fisher", (-1.0, 1.0), FEWEST_PATIENTS),
    "T4": Factor(formulas.performance_gap, "log"),
    "signed_gap": Factor(formulas.signed_gap, limits=(-1.0, 1.0)),
}
OVER_REGIONS = ("T1", "T2", "T2_regions")
"""Factors that are one number over all regions."""
