"""Rows of verdict tables, as audits give them."""

from synthtrust.audits.verdict import verdict_table
from synthtrust.verdicts import Reason, Subject, Verdict


def verdict_row(axis, verdict, subject="Tissue-0f3a", reasons="Because of <this>."):
    """Return a row of a verdict table about a set, or about a generator and perhaps its mix."""
    if not isinstance(subject, Subject):
        is_set = "-" in subject
        subject = Subject(subject if is_set else "", subject.rpartition("-")[0] if is_set else subject)
    thresholds = {"min_patients": 50}
    verdict = Verdict(axis, verdict, (Reason("because", reasons),), "More patients.", thresholds, subject)
    return verdict_table([verdict]).to_dict("records")[0]
