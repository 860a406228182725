"""Does a score on a twin stand for the score on the patient? The verdict on alignment, from T3 and T4.

Only the model trained on real cases alone is judged, since it has never seen a twin. Between real and synthetic
training, the scores on real cases and on twins have to cross somewhere: that they agree at some mix follows from
continuity and is no evidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthtrust.audits.verdict import decide, not_assessed
from synthtrust.verdicts import Doubt, Reading, Reason, Subject, Verdict

REAL_ALONE = 1.0
"""Alpha of the model that is judged."""

CHANGE = {
    "SUPPORTED": "A region in which a case and its twin differ by more than the margin.",
    "NOT SUPPORTED": "Twins that are as hard for a model of real cases as the cases they were painted after.",
    "INCONCLUSIVE": "More test patients, and at least two training seeds for the floor of T4.",
}


@dataclass(frozen=True)
class AlignmentThresholds:
    """The margin and the least numbers that were set before looking at any result."""

    margin: float
    """Tolerable difference of Dice between a case and its twin, beyond the difference between two seeds."""
    min_seeds: int
    """Training seeds, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients, below which nothing is SUPPORTED."""


def alignment(factors: pd.DataFrame, thresholds: AlignmentThresholds, confidence: float, subject: Subject) -> Verdict:
    """Judge alignment at alpha 1.

    SUPPORTED if in every region the scores of cases and twins are correlated (the interval lies above 0: exactly then
    T3 lies above its null), and T4 exceeds its floor, what two seeds differ by on the same cases, by less than the
    margin. NOT SUPPORTED if in some region T4 exceeds its floor by more than the margin. Both by the intervals.

    Args:
        factors: The table ``factors`` of `synthtrust.audits.Trust`.
        thresholds: Margin and least numbers.
        confidence: Coverage of the intervals.
        subject: The generator.
    """
    settings = {"confidence": confidence, **vars(thresholds)}
    rows = factors[(factors["alpha"] == REAL_ALONE) & factors["factor"].isin(("T4", "T4_floor", "correlation"))]
    rows = rows[rows["mode"] == rows["mode"].iloc[0]] if len(rows) else rows
    by_region = rows.pivot(index="region", columns="factor", values=["value", "ci_low", "ci_high"])
    if ("value", "T4") not in by_region:
        reason = Reason("no_runs", "No model trained on real cases alone was scored on real cases and on their twins.")
        return not_assessed("alignment", reason, "Runs at alpha 1.", settings, subject)
    n_seeds, n_patients = (int(rows[name].min()) for name in ("n_seeds", "n_patients"))
    return decide(
        "alignment",
        _reading(by_region, thresholds),
        list(_by_region(by_region, thresholds)),
        list(_doubts(n_seeds, n_patients, thresholds)),
        change=CHANGE,
        thresholds=settings,
        subject=subject,
    )


def _reading(by_region: pd.DataFrame, thresholds: AlignmentThresholds) -> Reading:
    """Compare the intervals with the margin; an interval that is NaN shows nothing."""
    tolerable = by_region["value"]["T4_floor"] + thresholds.margin
    if (by_region["ci_low"]["T4"] > tolerable).any():
        return "NOT SUPPORTED"
    alike = (by_region["ci_high"]["T4"] <= tolerable) & (by_region["ci_low"]["correlation"] > 0)
    return "SUPPORTED" if alike.all() else "INCONCLUSIVE"


def _doubts(n_seeds: int, n_patients: int, thresholds: AlignmentThresholds) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED."""
    if n_seeds < thresholds.min_seeds:
        text = f"Training seeds: {n_seeds}, fewer than the {thresholds.min_seeds} asked for."
        yield Doubt("few_seeds", text, "More training seeds.")
    if n_patients < thresholds.min_patients:
        text = f"{n_patients} test patients, fewer than the {thresholds.min_patients} asked for."
        yield Doubt("few_patients", text, "More test patients.")


def _by_region(by_region: pd.DataFrame, thresholds: AlignmentThresholds) -> Iterator[Reason]:
    """Yield what was measured in each region, the one with the largest T4 first."""
    for region, row in by_region.sort_values(("value", "T4"), ascending=False).iterrows():
        t4, floor, correlation = (row["value"][name] for name in ("T4", "T4_floor", "correlation"))
        floor_text = f"floor {floor:.3f} between two seeds" if np.isfinite(floor) else "no floor: it needs two seeds"
        correlation_text = (
            f"correlation {correlation:.3f} [{row['ci_low']['correlation']:.3f}, {row['ci_high']['correlation']:.3f}]"
            if np.isfinite(correlation)
            else "correlation undefined"
        )
        yield Reason(
            "region",
            f"{region}, trained on real cases alone: the Dice of a case and its twin differ by {t4:.3f} "
            f"[{row['ci_low']['T4']:.3f}, {row['ci_high']['T4']:.3f}] ({floor_text}, margin {thresholds.margin:g}); "
            f"{correlation_text}.",
        )
