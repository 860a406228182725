"""How every audit reaches its verdict: a reading of the numbers, which doubts may hold back."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthtrust.verdicts import Doubt, Reading, Reason, Subject, Verdict

COLUMNS = (
    "axis", "subject", "set", "generator", "mode", "verdict", "reasons", "thresholds", "would_change",
)  # fmt: skip


def decide(
    axis: str,
    reading: Reading,
    evidence: Sequence[Reason],
    doubts: Sequence[Doubt],
    *,
    change: Mapping[str, str],
    thresholds: Mapping[str, Any],
    subject: Subject,
    remarks: Sequence[Reason] = (),
) -> Verdict:
    """Return the verdict on one axis.

    Any doubt turns SUPPORTED into INCONCLUSIVE, and one that blocks turns NOT SUPPORTED into it, too. Then the first
    doubt is the reason that decides, and what would change the verdict is what removes the doubts; otherwise the
    evidence decides.

    Args:
        axis: One of `synthtrust.verdicts.AXES`.
        reading: What the numbers say by themselves.
        evidence: The numbers, with the one that decides at the beginning.
        doubts: What stands against believing them, the gravest first.
        change: Reading -> what would have to be seen for another one.
        thresholds: What was set before looking.
        subject: The set, or the generator.
        remarks: What is said whatever the verdict; the last reasons.

    >>> few = Doubt("few_patients", "8 test patients.", "More test patients.")
    >>> gap = Reason("gap", "The loss is at most 0.01.")
    >>> one = decide("utility", "SUPPORTED", [gap], [few], change={}, thresholds={"margin": 0.05}, subject=Subject())
    >>> one.verdict, one.codes, one.would_change
    ('INCONCLUSIVE', ('few_patients', 'gap'), 'More test patients.')
    """
    cures = " ".join(dict.fromkeys(doubt.cure for doubt in doubts if doubt.cure))
    if (reading == "SUPPORTED" and doubts) or any(doubt.blocks for doubt in doubts):
        first, *others = sorted(doubts, key=lambda doubt: not doubt.blocks)
        return Verdict(axis, "INCONCLUSIVE", (first, *evidence, *others, *remarks), cures, thresholds, subject)
    would_change = change.get(reading, "")
    if reading == "INCONCLUSIVE":
        would_change = f"{would_change} {cures}".strip()
    return Verdict(axis, reading, (*evidence, *doubts, *remarks), would_change, thresholds, subject)


def not_assessed(axis: str, reason: Reason, cure: str, thresholds: Mapping[str, Any], subject: Subject) -> Verdict:
    """Return the verdict on a subject that could not be assessed."""
    return Verdict(axis, "not assessed", (reason,), cure, thresholds, subject)


def not_applicable(axis: str, reason: Reason, subject: Subject) -> Verdict:
    """Return the verdict on a subject that lacks what the axis asks about, which is no failure."""
    return Verdict(axis, "not applicable", (reason,), "", {}, subject)


def without_pairs(subject: Subject) -> Verdict:
    """Return the verdict on a synthetic set whose cases are the twins of none: there is nothing to pair."""
    text = "The synthetic cases are the twins of no real case: T3, T4 and alignment compare a case with its twin."
    return not_applicable("alignment", Reason("no_twins", text), subject)


def verdict_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return verdicts as the table ``verdict`` that every audit gives beside its numbers.

    The cells of ``reasons`` are tuples of `Reason`, and those of ``thresholds`` mappings of names to numbers.
    """
    rows = [
        (
            verdict.axis, str(verdict.subject), verdict.subject.synthetic_set, verdict.subject.generator,
            verdict.subject.mode, verdict.verdict, verdict.reasons, dict(verdict.thresholds), verdict.would_change,
        )
        for verdict in verdicts
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))
