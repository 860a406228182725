"""The verdict box: one line an axis, each with its reasons; the axes are never added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthtrust.conventions import CONDITIONS, NOT_ASSESSED
from synthtrust.report.words import listing

QUESTIONS = {
    "utility": "Does a model trained on it do as well on real patients?",
    "alignment": "Does a model see real and synthetic cases alike?",
    "fidelity": "Does it look like real cases, and is it as diverse?",
    "privacy": "Does it give away the patients it was learned from?",
}
"""Axis -> what it asks, in the order of the page."""

WORST_FIRST = ("NOT SUPPORTED", NOT_ASSESSED, "INCONCLUSIVE", "SUPPORTED")


@dataclass(frozen=True)
class Finding:
    """What one audit said about one subject."""

    subject: str
    verdict: str
    reasons: str
    thresholds: str
    would_change: str


@dataclass(frozen=True)
class AxisVerdict:
    """The verdict on one axis: the worst of its findings, all of which are kept."""

    axis: str
    verdict: str
    findings: tuple[Finding, ...] = ()

    @property
    def question(self) -> str:
        """What the axis asks."""
        return QUESTIONS[self.axis]

    @property
    def thresholds(self) -> tuple[str, ...]:
        """What was set before looking, each once."""
        return tuple(dict.fromkeys(found.thresholds for found in self.findings if found.thresholds))


def axis_verdicts(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> list[AxisVerdict]:
    """Gather the tables ``verdict`` of all audits, one entry an axis; an axis that no audit spoke on is not assessed.

    >>> said = {"axis": "privacy", "subject": "A", "reasons": "", "thresholds": "", "would_change": ""}
    >>> table = pd.DataFrame([said | {"verdict": "SUPPORTED"}, said | {"subject": "B", "verdict": "INCONCLUSIVE"}])
    >>> [(found.axis, found.verdict) for found in axis_verdicts({"privacy": {"verdict": table}})][2:]
    [('fidelity', 'not assessed'), ('privacy', 'INCONCLUSIVE')]
    """
    said: dict[str, list[Finding]] = {axis: [] for axis in QUESTIONS}
    for audit in tables.values():
        for row in audit["verdict"].to_dict("records") if "verdict" in audit else ():
            fields = ("subject", "verdict", "reasons", "thresholds", "would_change")
            said[row["axis"]].append(Finding(*(str(row[name]) for name in fields)))
    return [
        AxisVerdict(axis, min((f.verdict for f in found), key=WORST_FIRST.index, default=NOT_ASSESSED), tuple(found))
        for axis, found in said.items()
    ]


def about(verdicts: Sequence[AxisVerdict], name: str, others: Sequence[str]) -> list[AxisVerdict]:
    """Keep what is said about one synthetic set, or about no set in particular.

    Args:
        verdicts: Of all sets.
        name: The set's.
        others: Names of the other sets.
    """
    kept = []
    for one in verdicts:
        found = tuple(
            f
            for f in one.findings
            if _is_about(f.subject, name) or not any(_is_about(f.subject, other) for other in others)
        )
        worst = min((f.verdict for f in found), key=WORST_FIRST.index, default=NOT_ASSESSED)
        kept.append(AxisVerdict(one.axis, worst, found))
    return kept


def _is_about(subject: str, name: str) -> bool:
    """Whether a subject names a set, or the generator of a set that is called by it.

    >>> [_is_about(subject, "Noise-77b1") for subject in ("Noise-77b1", "Noise", "mine.Noise", "Tissue", "")]
    [True, True, True, False, False]
    >>> [_is_about(subject, "Tissue-1") for subject in ("Tissue-12", "Tissue, mix additive")]
    [False, True]
    """
    whom = subject.partition(", mix ")[0]
    return whom == name or whom.rpartition(".")[2] == (name.rpartition("-")[0] or name)


def not_assessed(verdicts: Sequence[AxisVerdict]) -> list[str]:
    """Name every axis that nobody assessed, and the subjects on which nobody assessed it.

    >>> b = Finding("B", NOT_ASSESSED, "", "", "")
    >>> not_assessed([AxisVerdict("utility", NOT_ASSESSED), AxisVerdict("privacy", "NOT SUPPORTED", (b,))])
    ['utility', 'privacy of B']
    """
    pairs = [
        (one.axis, found.subject)
        for one in verdicts
        for found in one.findings or [Finding("", one.verdict, "", "", "")]
        if found.verdict == NOT_ASSESSED
    ]
    return [f"{axis} of {subject}" if subject else axis for axis, subject in pairs]


def reading(verdicts: Sequence[AxisVerdict]) -> dict[str, str]:
    """Say how the verdicts are to be read: without privacy nothing else makes a set safe to share."""
    of = {one.axis: one.verdict for one in verdicts}
    missing = not_assessed(verdicts)
    if of["privacy"] == NOT_ASSESSED:
        return {
            "verdict": NOT_ASSESSED,
            "title": "Safety to share: not assessed.",
            "sentence": "No privacy audit speaks here, whatever the other numbers say. Good scores say nothing about "
            "whether the images give away their training patients; not assessed is not the same as safe. A copy of "
            "the training images would score best of all.",
        }
    open_axes = [axis for axis, verdict in of.items() if verdict not in ("SUPPORTED", NOT_ASSESSED)]
    return {
        "verdict": "assessed in part" if missing else "assessed on each axis",
        "title": "The axes are not added up.",
        "sentence": "Each use asks for its own axes, and none makes up for another."
        + (f" Not supported here, or open: {listing(open_axes)}." if open_axes else "")
        + (f" Not assessed: {listing(missing)}." if missing else ""),
    }


def failures(tables: Mapping[str, Mapping[str, pd.DataFrame]], conditions: Sequence[str]) -> list[str]:
    """Return one sentence for each condition that holds; what two of them say is said once."""
    of = {one.axis: one for one in axis_verdicts(tables)}
    said = []
    for name in conditions:
        axis, bad = CONDITIONS[name]
        if of[axis].verdict == NOT_ASSESSED in bad and not of[axis].findings:
            said.append(f"{axis} is {NOT_ASSESSED}")
        for verdict in WORST_FIRST:  # each set by its own verdict: a worse one beside it hides none
            found = [f for f in of[axis].findings if f.verdict == verdict in bad]
            subjects = [f.subject for f in found if f.subject]
            if found:
                said.append(f"{axis} is {verdict}" + (f" for {listing(subjects)}" if subjects else ""))
    return list(dict.fromkeys(said))


def plain(verdicts: Sequence[AxisVerdict]) -> list[dict[str, Any]]:
    """Return the verdicts as plain JSON values."""
    return [
        {"axis": one.axis, "question": one.question, "verdict": one.verdict, "of": [vars(f) for f in one.findings]}
        for one in verdicts
    ]
