"""The verdict box: one line an axis, each with its reasons; the axes are never added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from synthtrust.conventions import NOT_APPLICABLE, NOT_ASSESSED
from synthtrust.report.formatting import listing
from synthtrust.report.settings import thresholds_sentence
from synthtrust.verdicts import AXES, Reason, Subject

QUESTIONS = {
    "utility": "Does a model trained on it do as well on real patients?",
    "alignment": "Does a model see real and synthetic cases alike?",
    "fidelity": "Does it look like real cases, and is it as diverse?",
    "privacy": "Does it give away the patients it was learned from?",
}
"""Axis -> what it asks, in the order of the page."""

WORST_FIRST = ("NOT SUPPORTED", NOT_ASSESSED, "INCONCLUSIVE", "SUPPORTED", NOT_APPLICABLE)


@dataclass(frozen=True)
class Finding:
    """The verdict of one audit on one subject."""

    subject: Subject
    verdict: str
    reasons: tuple[Reason, ...] = ()
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    would_change: str = ""

    @property
    def text(self) -> str:
        """The reasons, joined to a paragraph."""
        return joined_reasons(self.reasons)

    @property
    def headline(self) -> str:
        """The reason that decides."""
        return joined_reasons(self.reasons[:1])

    @property
    def others(self) -> str:
        """The other reasons, joined to a paragraph."""
        return joined_reasons(self.reasons[1:])

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it: codes and numbers for programs, sentences for people."""
        return {
            "subject": str(self.subject),
            "set": self.subject.synthetic_set,
            "generator": self.subject.generator,
            "mode": self.subject.mode,
            "verdict": self.verdict,
            "reasons": [{"code": reason.code, "text": reason.text} for reason in self.reasons],
            "thresholds": dict(self.thresholds),
            "would_change": self.would_change,
        }


def joined_reasons(reasons: Sequence[Reason]) -> str:
    """Join reasons to a paragraph.

    >>> joined_reasons([Reason("gap", "The loss is small."), Reason("n", "n = 40.")])
    'The loss is small. n = 40.'
    """
    return " ".join(reason.text for reason in reasons)


def thresholds_text(thresholds: Mapping[str, Any]) -> str:
    """Write thresholds as the config has them.

    >>> thresholds_text({"margin": 0.05, "min_seeds": 3})
    'margin=0.05, min_seeds=3'
    """
    return ", ".join(f"{name}={value}" for name, value in thresholds.items())


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
    def has_more(self) -> bool:
        """Whether there is more than the first reason of each group."""
        return any(finding.others or finding.thresholds for finding in self.findings) or any(
            len(group.findings) > 1 for group in self.groups
        )

    @property
    def groups(self) -> tuple["FindingGroup", ...]:
        """The findings by generator and mix: sets that one generator painted with several seeds are one group."""
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            subject = finding.subject
            groups.setdefault((subject.generator or subject.synthetic_set, subject.mode), []).append(finding)
        return tuple(FindingGroup(tuple(findings)) for findings in groups.values())

    @property
    def thresholds(self) -> tuple[str, ...]:
        """What was set before looking, each once, in words."""
        return tuple(
            dict.fromkeys(thresholds_sentence(finding.thresholds) for finding in self.findings if finding.thresholds)
        )


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one axis on the sets of one generator, of which the worst stands for all."""

    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Finding:
        """The first of the findings with the worst verdict."""
        return min(self.findings, key=lambda finding: WORST_FIRST.index(finding.verdict))

    @property
    def name(self) -> str:
        """The generator, or the set where there is one alone."""
        subject = self.worst.subject
        if len(self.findings) == 1:
            return str(subject)
        return str(replace(subject, synthetic_set="")) or str(subject)

    @property
    def share(self) -> str:
        """How many of its sets have this verdict, where there are several.

        >>> finding = Finding(Subject("A-1", "A"), "SUPPORTED")
        >>> FindingGroup((finding, replace(finding, verdict="INCONCLUSIVE"))).share
        '1 of 2 sets'
        """
        if len(self.findings) == 1:
            return ""
        alike = sum(finding.verdict == self.worst.verdict for finding in self.findings)
        n = len(self.findings)
        return f"{alike} of {n} sets" if alike < n else "both sets" if n == 2 else f"all {n} sets"


def axis_verdicts(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> list[AxisVerdict]:
    """Gather the tables ``verdict`` of all audits, one entry an axis; an axis without any is not assessed.

    >>> row = {"axis": "privacy", "set": "A-1", "generator": "A", "mode": "", "reasons": (), "thresholds": {},
    ...        "would_change": ""}
    >>> table = pd.DataFrame([row | {"verdict": "SUPPORTED"}, row | {"set": "B-1", "verdict": "INCONCLUSIVE"}])
    >>> [(axis.axis, axis.verdict) for axis in axis_verdicts({"privacy": {"verdict": table}})][2:]
    [('fidelity', 'not assessed'), ('privacy', 'INCONCLUSIVE')]
    """
    findings: dict[str, list[Finding]] = {axis: [] for axis in AXES}
    for audit in tables.values():
        for row in audit["verdict"].to_dict("records") if "verdict" in audit else ():
            subject = Subject(row["set"], row["generator"], row["mode"])
            findings[row["axis"]].append(
                Finding(subject, row["verdict"], row["reasons"], row["thresholds"], row["would_change"])
            )
    return [AxisVerdict(axis, worst_of(of_axis), tuple(of_axis)) for axis, of_axis in findings.items()]


def concerning(verdicts: Sequence[AxisVerdict], subject: Subject, others: Sequence[Subject]) -> list[AxisVerdict]:
    """Keep what concerns one synthetic set, or no set in particular.

    Args:
        verdicts: The verdicts on all sets.
        subject: The set.
        others: The other sets.
    """
    kept = []
    for axis in verdicts:
        findings = tuple(
            finding
            for finding in axis.findings
            if finding.subject.concerns(subject) or not any(finding.subject.concerns(other) for other in others)
        )
        kept.append(AxisVerdict(axis.axis, worst_of(findings), findings))
    return kept


def worst_of(findings: Sequence[Finding]) -> str:
    """Return the worst verdict of some findings; without any nothing was assessed."""
    return min((finding.verdict for finding in findings), key=WORST_FIRST.index, default=NOT_ASSESSED)


def not_assessed(verdicts: Sequence[AxisVerdict]) -> list[str]:
    """Name every axis that nobody assessed, and the subjects on which nobody assessed it.

    >>> finding = Finding(Subject("B"), NOT_ASSESSED)
    >>> not_assessed([AxisVerdict("utility", NOT_ASSESSED), AxisVerdict("privacy", "NOT SUPPORTED", (finding,))])
    ['utility', 'privacy of B']
    """
    pairs = [
        (axis.axis, str(finding.subject))
        for axis in verdicts
        for finding in axis.findings or [Finding(Subject(), axis.verdict)]
        if finding.verdict == NOT_ASSESSED
    ]
    return [f"{axis} of {subject}" if subject else axis for axis, subject in pairs]


def reading(verdicts: Sequence[AxisVerdict]) -> dict[str, str]:
    """Say how the verdicts are to be read: without privacy nothing else makes a set safe to share."""
    by_axis = {axis.axis: axis.verdict for axis in verdicts}
    missing = not_assessed(verdicts)
    if by_axis["privacy"] == NOT_ASSESSED:
        return {
            "verdict": NOT_ASSESSED,
            "title": "Safety to share: not assessed.",
            "sentence": "No privacy audit was run on this set, whatever the other numbers say. Good scores say nothing "
            "about whether the images give away their training patients; not assessed is not the same as safe. A copy "
            "of the training images would score best of all.",
        }
    closed = ("SUPPORTED", NOT_ASSESSED, NOT_APPLICABLE)
    open_axes = [axis for axis, verdict in by_axis.items() if verdict not in closed]
    return {
        "verdict": "assessed in part" if missing else "assessed on each axis",
        "title": "The axes are not added up.",
        "sentence": "Each use asks for its own axes, and none makes up for another."
        + (f" Not supported here, or open: {listing(open_axes)}." if open_axes else "")
        + (f" Not assessed: {listing(missing)}." if missing else ""),
    }


def verdict_records(verdicts: Sequence[AxisVerdict]) -> list[dict[str, Any]]:
    """Return the verdicts as plain JSON values."""
    return [
        {
            "axis": axis.axis,
            "question": axis.question,
            "verdict": axis.verdict,
            "of": [finding.plain() for finding in axis.findings],
        }
        for axis in verdicts
    ]
