"""One way to train against another: the gap and the ratio of every measure, with the doubt of patients and seeds."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from synthtrust.audits.scores import Row
from synthtrust.audits.utility.estimate import OVERALL, Estimate
from synthtrust.audits.utility.measures import LOWER_IS_BETTER, Measures
from synthtrust.metrics import functional as formulas
from synthtrust.metrics.functional import GapInterval

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

    The gap is the first minus the second, with the limits of `gap_interval`, or for areas and recalls those of
    `area_gap`. ``*_lower`` and ``*_upper`` are one-sided bounds. The ratio above chance is NaN unless both arms were
    shown to be above chance: near 0 it means nothing. So is the raw ratio of a measure that can be negative.
    """
    first = replace(first, chance=second.chance, trivial=second.trivial)  # both are measured from one zero
    gap = _gap(first, second, confidence)
    row = {
        **_cells("value", first, confidence),
        **_cells("reference", second, confidence),
        "gap": gap.value if np.isfinite(gap.value) else float(first.values.mean() - second.values.mean()),
        "ci_low": gap.low, "ci_high": gap.high, "gap_lower": gap.lower_bound, "gap_upper": gap.upper_bound,
        "df": gap.df, "v_patients": gap.v_patients, "v_seeds": gap.v_seeds_a + gap.v_seeds_b,
    }  # fmt: skip
    ratios = ratios and second.is_inferred
    both = ratios and _both_above_chance(first, second, confidence)
    of_scores = both if second.limits[0] < 0 else ratios
    for name, defined, above_chance in (("ratio", of_scores, False), ("ratio_above_chance", both, True)):
        ratio = _ratio(first, second, confidence, above_chance=above_chance) if defined else None
        known = (np.nan,) * 5 if ratio is None else (
            ratio.value, ratio.low, ratio.high, ratio.lower_bound, ratio.upper_bound,
        )  # fmt: skip
        row |= dict(zip((name, *(f"{name}_{end}" for end in ("low", "high", "lower", "upper"))), known, strict=True))
    fewest = min(second.carriers, key=lambda name: second.carriers[name], default="")
    return row | {
        "reference_above_chance": lower_bound_above_chance(second, confidence), "trivial": second.trivial,
        "n_cases": first.n_cases, "n_patients": first.n_patients,
        "fewest_part": fewest, "fewest_patients": second.carriers.get(fewest, first.n_patients),
        "n_seeds": len(first.values), "n_seeds_reference": len(second.values), "confidence": confidence,
        "target": "training recipe" if gap.n_seeds > 1 else "these trained weights",
        "note": " ".join(dict.fromkeys(note for note in (first.note, second.note) if note)),
    }  # fmt: skip


def lower_bound_above_chance(estimate: Estimate, confidence: float) -> float:
    """Return the one-sided lower bound of what an arm scores above chance; NaN where chance is not known."""
    if estimate.sides is not None and estimate.chance is not None:
        return float(estimate.interval(2 * confidence - 1)[0] - estimate.chance)
    return formulas.mean_interval(estimate.above_chance, 2 * confidence - 1, (-1.0, 1.0)).low


def _gap(first: Estimate, second: Estimate, confidence: float) -> GapInterval:
    """Return the gap between two arms that are scored on the same cases; without limits where none would cover."""
    if not second.is_inferred:
        gap = formulas.gap_interval(first.patients, second.patients, confidence, second.limits)
        return replace(gap, low=np.nan, high=np.nan, lower_bound=np.nan, upper_bound=np.nan)
    if second.sides is not None:
        counts = second.sides.positive, second.sides.negative
        return formulas.area_gap(first.patients, second.patients, *counts, confidence)
    return formulas.gap_interval(first.patients, second.patients, confidence, second.limits)


def _ratio(first: Estimate, second: Estimate, confidence: float, *, above_chance: bool) -> GapInterval:
    """Return the ratio of two arms' scores, or of what they have above chance."""
    if second.sides is not None:
        counts, chance = (second.sides.positive, second.sides.negative), second.chance if above_chance else 0.0
        return formulas.area_ratio(first.patients, second.patients, *counts, confidence, chance=float(chance or 0.0))
    arms = (first.above_chance, second.above_chance) if above_chance else (first.patients, second.patients)
    return formulas.ratio_interval(*arms, confidence, second.limits)


def _both_above_chance(first: Estimate, second: Estimate, confidence: float) -> bool:
    return lower_bound_above_chance(first, confidence) > 0 and lower_bound_above_chance(second, confidence) > 0


def _cells(name: str, estimate: Estimate, confidence: float) -> Row:
    low, high = estimate.interval(confidence)
    return {name: float(estimate.values.mean()), f"{name}_low": low, f"{name}_high": high}
