"""One way to train against another: the gap and the ratio of every measure, with the doubt of patients and seeds."""

from collections.abc import Iterator

import numpy as np

from synthtrust.audits.scores import Row
from synthtrust.audits.utility.measures import LOWER_IS_BETTER, OVERALL, Estimate, Measures
from synthtrust.metrics import functional as formulas

TSTR, TRTR, AUGMENTED = "TSTR", "TRTR", "real + synthetic"


def comparison_rows(arm: Measures, reference: Measures, confidence: float) -> Iterator[Row]:
    """Yield an arm minus and over the reference, both scored on the same real cases, in every measure of the whole."""
    for (name, part), first in arm.items():
        if part == OVERALL:
            yield {
                "measure": name,
                **compare(first, reference[name, part], confidence, ratios=name not in LOWER_IS_BETTER),
            }


def compare(first: Estimate, second: Estimate, confidence: float, *, ratios: bool = True) -> Row:
    """Return the gap between two arms, and their ratio: of the scores, and of what is above chance.

    The gap is the first minus the second, its interval `gap_interval`: for an area under the ROC curve it is DeLong's
    paired comparison, with the variance of the seed means added. ``*_lower`` and ``*_upper`` are one-sided bounds. The
    ratio above chance is NaN unless both arms were shown to be above chance: its logarithm means nothing near 0.
    """
    gap = formulas.gap_interval(first.patients, second.patients, confidence)
    row = {
        **_cells("value", first, confidence),
        **_cells("reference", second, confidence),
        "gap": gap.value if np.isfinite(gap.value) else float(first.values.mean() - second.values.mean()),
        "ci_low": gap.low, "ci_high": gap.high, "gap_lower": gap.lower_bound, "gap_upper": gap.upper_bound,
        "df": gap.df, "v_patients": gap.v_patients, "v_seeds": gap.v_seeds_a + gap.v_seeds_b,
    }  # fmt: skip
    pairs = {
        "ratio": (first.patients, second.patients, ratios),
        "ratio_above_chance": (
            first.above_chance,
            second.above_chance,
            ratios and _both_above_chance(first, second, confidence),
        ),
    }
    for name, (a, b, defined) in pairs.items():
        ratio = formulas.ratio_interval(a, b, confidence)
        known = (ratio.value, ratio.low, ratio.high, ratio.lower_bound) if defined else (np.nan,) * 4
        row |= dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_lower"), known, strict=True))
    return row | {
        "reference_above_chance": lower_bound_above_chance(second, confidence),
        "n_cases": first.n_cases, "n_patients": first.n_patients,
        "n_seeds": len(first.values), "n_seeds_reference": len(second.values), "confidence": confidence,
        "target": "training recipe" if gap.n_seeds > 1 else "these trained weights",
        "note": " ".join(dict.fromkeys(note for note in (first.note, second.note) if note)),
    }  # fmt: skip


def lower_bound_above_chance(estimate: Estimate, confidence: float) -> float:
    """Return the one-sided lower bound of what an arm scores above chance; NaN where chance is not known."""
    return formulas.mean_interval(estimate.above_chance, 2 * confidence - 1).low


def _both_above_chance(first: Estimate, second: Estimate, confidence: float) -> bool:
    return lower_bound_above_chance(first, confidence) > 0 and lower_bound_above_chance(second, confidence) > 0


def _cells(name: str, estimate: Estimate, confidence: float) -> Row:
    low, high = estimate.interval(confidence)
    return {name: float(estimate.values.mean()), f"{name}_low": low, f"{name}_high": high}
