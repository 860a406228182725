"""The formulas, free of state."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.metrics.functional.alpha_band import AlphaBand, alpha_band
    from synthtrust.metrics.functional.area_arm import area_variance
    from synthtrust.metrics.functional.areas import area_gap, area_interval, area_ratio, logit_contributions
    from synthtrust.metrics.functional.contrasts import (
        Contrast,
        Crossing,
        Minimum,
        Order,
        alpha_slope,
        crossing,
        minimum_place,
        region_order,
        source_contrast,
    )
    from synthtrust.metrics.functional.copy_search import CopySearch, copy_search, most_suspicious, similarity_z
    from synthtrust.metrics.functional.dice import case_dice, confusion, dice_from_counts, overlap
    from synthtrust.metrics.functional.diversity import ms_ssim_pairs, vendi
    from synthtrust.metrics.functional.factor_intervals import FactorInterval, factor_interval
    from synthtrust.metrics.functional.frechet import FlooredDistance, frechet_distance, real_floor
    from synthtrust.metrics.functional.gap_floor import gap_above_floor, gap_floor
    from synthtrust.metrics.functional.interiors import TextureBank, texture_bank
    from synthtrust.metrics.functional.intervals import (
        GapInterval,
        Interval,
        gap_interval,
        mean_interval,
        ratio_interval,
    )
    from synthtrust.metrics.functional.kernel_distance import (
        KernelDistance,
        kernel_test,
        kid,
        median_bandwidth,
    )
    from synthtrust.metrics.functional.label_shapes import ShapeSpace, label_shapes, signed_distance
    from synthtrust.metrics.functional.manifold import Manifold, expected_coverage, manifold
    from synthtrust.metrics.functional.membership import Membership, membership_auc
    from synthtrust.metrics.functional.multiplicity import holm
    from synthtrust.metrics.functional.nearest_distance import (
        authenticity,
        closeness_z,
        copying_statistic,
        dcr_quantiles,
        nearest_features,
        nndr_ratio,
    )
    from synthtrust.metrics.functional.nearest_share import NearestShare, nearest_real_share
    from synthtrust.metrics.functional.placements import delong
    from synthtrust.metrics.functional.planted_collapse import CollapseMargin, planted_collapse
    from synthtrust.metrics.functional.planted_shift import ShiftMargin, planted_shift
    from synthtrust.metrics.functional.repeated_splits import OverSplits, over_splits, split_overlap
    from synthtrust.metrics.functional.roc import Auc, auc_interval, separation_test, tpr_at_fpr
    from synthtrust.metrics.functional.similarity import most_similar, pairwise_similarity
    from synthtrust.metrics.functional.size_slope import size_slope
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
    from synthtrust.metrics.functional.twin_leak import paired_twin_test, region_residual_similarity
    from synthtrust.metrics.functional.twin_likeness import RegionDistances, region_distances, twin_ssim
    from synthtrust.metrics.functional.worth import worth_in_real_cases

import_when_asked(__name__)

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
    "OverSplits",
    "over_splits",
    "worth_in_real_cases",
    "split_overlap",
    "factor_interval",
    "FactorInterval",
    "gap_floor",
    "Contrast",
    "source_contrast",
    "Order",
    "region_order",
    "alpha_slope",
    "Minimum",
    "minimum_place",
    "Crossing",
    "crossing",
    "gap_above_floor",
    "alpha_band",
    "holm",
    # areas under the ROC curve
    "area_interval",
    "area_gap",
    "area_ratio",
    "area_variance",
    "logit_contributions",
    "Auc",
    "auc_interval",
    "delong",
    "separation_test",
    "tpr_at_fpr",
    # privacy: P1 to P4
    "TextureBank",
    "ShapeSpace",
    "label_shapes",
    "signed_distance",
    "texture_bank",
    "most_similar",
    "most_suspicious",
    "pairwise_similarity",
    "CopySearch",
    "copy_search",
    "similarity_z",
    "size_slope",
    "Membership",
    "membership_auc",
    "NearestShare",
    "nearest_real_share",
    "region_residual_similarity",
    "paired_twin_test",
    # privacy: reported, never decisive
    "nearest_features",
    "dcr_quantiles",
    "nndr_ratio",
    "authenticity",
    "closeness_z",
    "copying_statistic",
    # fidelity
    "KernelDistance",
    "kid",
    "median_bandwidth",
    "kernel_test",
    "ShiftMargin",
    "planted_shift",
    "FlooredDistance",
    "frechet_distance",
    "real_floor",
    "Manifold",
    "manifold",
    "expected_coverage",
    "CollapseMargin",
    "planted_collapse",
    "vendi",
    "ms_ssim_pairs",
    "RegionDistances",
    "region_distances",
    "twin_ssim",
]
