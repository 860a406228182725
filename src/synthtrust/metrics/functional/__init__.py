"""The formulas, free of state."""

from synthtrust.metrics.functional.alpha_band import AlphaBand, alpha_band
from synthtrust.metrics.functional.bootstrap import factor_interval
from synthtrust.metrics.functional.dice import case_dice, confusion, dice_from_counts, overlap
from synthtrust.metrics.functional.intervals import (
    GapInterval,
    Interval,
    gap_interval,
    holm,
    mean_interval,
    ratio_interval,
)
from synthtrust.metrics.functional.trust import (
    alignment,
    alignment_null,
    case_consistency,
    concordance,
    correlation,
    overall_performance,
    performance_gap,
    region_consistency,
    signed_gap,
    variability,
)

__all__ = [
    # Dice
    "confusion",
    "overlap",
    "dice_from_counts",
    "case_dice",
    # trust factors
    "overall_performance",
    "case_consistency",
    "region_consistency",
    "alignment",
    "performance_gap",
    "variability",
    # what they should be read with
    "alignment_null",
    "correlation",
    "concordance",
    "signed_gap",
    # their doubt
    "Interval",
    "GapInterval",
    "AlphaBand",
    "mean_interval",
    "gap_interval",
    "ratio_interval",
    "factor_interval",
    "alpha_band",
    "holm",
]
