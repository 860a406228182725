"""Does a score on a twin stand for the score on the patient? The verdict on alignment, from T3 and T4.

It is asked of the model that was trained on real cases alone. That model has never met a twin; between there and
synthetic training the scores on real cases and on twins have to meet somewhere, so that their agreement at some mix is
continuity and no evidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthtrust.audits.verdict import Reading, Verdict

QUESTION_AT = 1.0


@dataclass(frozen=True)
class Limits:
    """What was settled before looking."""

    margin: float
    """Difference of Dice between a case and its twin, beyond that between two seeds, that is held to be tolerable."""
    min_seeds: int
    """Training seeds, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients, below which nothing is SUPPORTED."""


def alignment(factors: pd.DataFrame, limits: Limits, level: float, subject: str) -> Verdict:
    """Judge alignment at alpha 1.

    SUPPORTED if in every region the scores of cases and twins are correlated (the interval lies above 0: exactly then
    T3 lies above its null), and T4 exceeds its floor, what two seeds differ by on the same cases, by less than the
    margin. NOT SUPPORTED if in some region T4 exceeds its floor by more than the margin. Both by the intervals.

    Args:
        factors: Of `synthtrust.audits.Trust`.
        limits: Margin and least numbers.
        level: Coverage of the intervals.
        subject: What it is about.
    """
    settings = {"level": level, **vars(limits)}
    here = factors[(factors["alpha"] == QUESTION_AT) & factors["factor"].isin(("T4", "T4_floor", "correlation"))]
    here = here[here["mode"] == here["mode"].iloc[0]] if len(here) else here
    by_region = here.pivot(index="region", columns="factor", values=["value", "ci_low", "ci_high"])
    if ("value", "T4") not in by_region:
        reason = "No model trained on real cases alone was scored on real cases and on their twins."
        return Verdict("alignment", "not assessed", [reason], "Runs at alpha 1.", settings, subject)
    seeds, patients = (int(here[name].min()) for name in ("n_seeds", "n_patients"))
    reasons = list(_by_region(by_region, limits))
    found = _reading(by_region, limits)
    doubts = []
    if seeds < limits.min_seeds:
        doubts.append(f"Training seeds: {seeds}, fewer than the {limits.min_seeds} asked for.")
    if patients < limits.min_patients:
        doubts.append(f"{patients} test patients, fewer than the {limits.min_patients} asked for.")
    if doubts and found == "SUPPORTED":
        return Verdict("alignment", "INCONCLUSIVE", doubts + reasons, "More seeds or patients.", settings, subject)
    change = {
        "SUPPORTED": "A region in which a case and its twin differ by more than the margin.",
        "NOT SUPPORTED": "Twins that are as hard for a model of real cases as the cases they were painted after.",
        "INCONCLUSIVE": "More test patients, and at least two training seeds for the floor of T4.",
    }[found]
    return Verdict("alignment", found, reasons + doubts, change, settings, subject)


def _reading(by_region: pd.DataFrame, limits: Limits) -> Reading:
    """Compare the intervals with the margin; what is NaN shows nothing."""
    tolerable = by_region["value"]["T4_floor"] + limits.margin
    if (by_region["ci_low"]["T4"] > tolerable).any():
        return "NOT SUPPORTED"
    alike = (by_region["ci_high"]["T4"] <= tolerable) & (by_region["ci_low"]["correlation"] > 0)
    return "SUPPORTED" if alike.all() else "INCONCLUSIVE"


def _by_region(by_region: pd.DataFrame, limits: Limits) -> Iterator[str]:
    """Say what was found in each region, the one with the largest T4 first."""
    for region, row in by_region.sort_values(("value", "T4"), ascending=False).iterrows():
        (t4, floor, correlation) = (row["value"][name] for name in ("T4", "T4_floor", "correlation"))
        known = f"floor {floor:.3f} between two seeds" if np.isfinite(floor) else "no floor: it needs two seeds"
        related = (
            f"correlation {correlation:.3f} [{row['ci_low']['correlation']:.3f}, {row['ci_high']['correlation']:.3f}]"
            if np.isfinite(correlation)
            else "correlation undefined"
        )
        yield (
            f"{region}, trained on real cases alone: the Dice of a case and its twin differ by {t4:.3f} "
            f"[{row['ci_low']['T4']:.3f}, {row['ci_high']['T4']:.3f}] ({known}, margin {limits.margin:g}); {related}."
        )
