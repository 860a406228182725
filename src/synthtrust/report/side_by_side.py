"""Generators side by side: a row each with its four marks, controls beside what they have to show."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthtrust.conventions import NOT_ASSESSED
from synthtrust.report.layout import Table
from synthtrust.report.verdicts import AxisVerdict, worst_of
from synthtrust.verdicts import Subject

Tables = Mapping[str, Mapping[str, pd.DataFrame]]


def side_by_side(
    verdicts: Sequence[AxisVerdict], tables: Tables, sets: Sequence[Mapping[str, Any]] = ()
) -> Table | None:
    """Return one row for each generator and mix with its verdict on each axis; None of a single one that is no control.

    The rows stand in the order of the runs and are sorted by no number: axes are not added up.

    Args:
        verdicts: Those of the page.
        tables: Audit name -> table name -> tidy table; ``generators`` of utility says what a control has to show.
        sets: The facts of each synthetic set, which say it where utility was not asked.
    """
    expected = _expected(tables, sets)
    subjects: dict[tuple[str, str], Subject] = {}
    for axis in verdicts:
        for finding in axis.findings:
            subject = finding.subject
            if subject.generator or subject.synthetic_set:
                key = (subject.generator or subject.synthetic_set).rpartition(".")[2], subject.mode
                subjects.setdefault(key, subject)
    mixed = {name for name, mode in subjects if mode}
    shown = [subject for (name, mode), subject in subjects.items() if mode or name not in mixed]
    if len(shown) < 2 and not any(_outcome(subject, expected) for subject in shown):
        return None
    rows = [
        {
            "Generator": _name(subject, bool(_outcome(subject, expected))),
            **{axis.axis.capitalize(): _verdict(axis, subject) for axis in verdicts},
            "What a control must show": _outcome(subject, expected) or "no control",
        }
        for subject in shown
    ]
    frame = pd.DataFrame(rows)
    if not expected:
        frame = frame.drop(columns="What a control must show")
    return Table(
        "Generators side by side" if len(rows) > 1 else "A control generator",
        frame,
        "Each is judged on its own, by the worst of its sets. The order says nothing."
        + (" A page on which a control does not behave is not to be believed." if expected else ""),
        "no estimates",
    )


def _expected(tables: Tables, sets: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what each control has to show, by the name of its class."""
    outcomes = {str(s["generator"]).rpartition(".")[2]: str(s.get("expected_outcome") or "") for s in sets}
    generators = tables.get("utility", {}).get("generators", pd.DataFrame())
    for row in generators.to_dict("records"):
        outcomes[str(row["generator"]).rpartition(".")[2]] = str(row["expected_outcome"] or "")
    return {name: outcome for name, outcome in outcomes.items() if outcome}


def _outcome(subject: Subject, expected: Mapping[str, str]) -> str:
    return expected.get(subject.generator.rpartition(".")[2], "")


def _name(subject: Subject, is_control: bool) -> str:
    name = (subject.generator or subject.synthetic_set) + (f", mix {subject.mode}" if subject.mode else "")
    return f"{name}\ncontrol" if is_control else name


def _verdict(axis: AxisVerdict, subject: Subject) -> str:
    """Return the worst verdict on an axis about one generator; that on a mix where it was asked of mixes."""
    findings = [
        finding
        for finding in axis.findings
        if finding.subject.concerns(Subject("", subject.generator or subject.synthetic_set))
        and finding.subject.mode in ("", subject.mode)
    ]
    return worst_of(findings) if findings else NOT_ASSESSED
