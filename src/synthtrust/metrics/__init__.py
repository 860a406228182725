"""Predictions in, numbers out: the formulas in `functional`, and thin torchmetrics around them."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.metrics.case_counts import CaseCounts, DiceVectors
    from synthtrust.metrics.case_probabilities import CaseProbabilities
    from synthtrust.metrics.case_surfaces import CaseSurfaces, SurfaceRules, surfaces_of_case
    from synthtrust.metrics.trust import (
        Alignment,
        CaseConsistency,
        OverallPerformance,
        PerformanceGap,
        RegionConsistency,
        TrustFactor,
        Variability,
        trust_factors,
    )

import_when_asked(__name__)

__all__ = [
    "CaseCounts",
    "CaseProbabilities",
    "CaseSurfaces",
    "SurfaceRules",
    "surfaces_of_case",
    "DiceVectors",
    "TrustFactor",
    "OverallPerformance",
    "CaseConsistency",
    "RegionConsistency",
    "Alignment",
    "PerformanceGap",
    "Variability",
    "trust_factors",
]
