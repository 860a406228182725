"""Predictions in, numbers out: the formulas in `functional`, and thin torchmetrics around them."""

from synthtrust.metrics.case_counts import CaseCounts, DiceVectors
from synthtrust.metrics.case_probabilities import CaseProbabilities
from synthtrust.metrics.feature_rows import FeatureRows
from synthtrust.metrics.fidelity import FrechetDistance, KernelInceptionDistance, ManifoldOverlap
from synthtrust.metrics.privacy import (
    Authenticity,
    CopyingStatistic,
    MembershipArea,
    NearestTrainingShare,
    NeighbourRatio,
)
from synthtrust.metrics.trust import (
    Alignment,
    CaseConsistency,
    OverallPerformance,
    PerformanceGap,
    RegionConsistency,
    TrustFactor,
    Variability,
)

__all__ = [
    "CaseCounts",
    "CaseProbabilities",
    "DiceVectors",
    "TrustFactor",
    "OverallPerformance",
    "CaseConsistency",
    "RegionConsistency",
    "Alignment",
    "PerformanceGap",
    "Variability",
    "FeatureRows",
    "KernelInceptionDistance",
    "FrechetDistance",
    "ManifoldOverlap",
    "MembershipArea",
    "NearestTrainingShare",
    "NeighbourRatio",
    "Authenticity",
    "CopyingStatistic",
]
