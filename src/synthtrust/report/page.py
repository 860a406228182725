"""The page: everything inlined in one file, with the same facts as JSON and the tables as CSV beside it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from synthtrust.files import DAY, remove_leftovers, write_json, write_text
from synthtrust.report.amounts import amounts_chapter
from synthtrust.report.appendix import provenance_section, settings_section
from synthtrust.report.calibration import calibration_chapter
from synthtrust.report.card import limits_of, write_cards
from synthtrust.report.cases import cases_chapter
from synthtrust.report.citation import references
from synthtrust.report.elsewhere import elsewhere_chapter
from synthtrust.report.fidelity import fidelity_chapter
from synthtrust.report.formatting import number
from synthtrust.report.glossary import grouped
from synthtrust.report.labels import labels_chapter
from synthtrust.report.layout import Chapter, Section, Table
from synthtrust.report.methods import LIMITS, methods_of, study_sentences
from synthtrust.report.onset import onset_chapter
from synthtrust.report.privacy import privacy_chapter
from synthtrust.report.records import csv_cell, csv_name, plain_value, records
from synthtrust.report.shortcuts import shortcuts_chapter
from synthtrust.report.side_by_side import side_by_side
from synthtrust.report.size import size_chapter
from synthtrust.report.slices import Slices, twins_section, with_addresses
from synthtrust.report.subgroups import subgroups_chapter
from synthtrust.report.template import environment, slug, without_direction
from synthtrust.report.trust import trust_chapter
from synthtrust.report.utility import utility_chapter
from synthtrust.report.verdicts import (
    AxisVerdict,
    axis_verdicts,
    not_assessed,
    reading,
    verdict_records,
)
from synthtrust.tables import csv_text

log = logging.getLogger(__name__)

Tables = Mapping[str, pd.DataFrame]
ChapterMaker = Callable[[Tables], Chapter]

CHAPTERS: Mapping[str, ChapterMaker] = {
    "cases": cases_chapter,
    "elsewhere": elsewhere_chapter,
    "utility": utility_chapter,
    "amounts": amounts_chapter,
    "subgroups": subgroups_chapter,
    "shortcuts": shortcuts_chapter,
    "trust": trust_chapter,
    "size": size_chapter,
    "onset": onset_chapter,
    "fidelity": fidelity_chapter,
    "privacy": privacy_chapter,
    "calibration": calibration_chapter,
    "labels": labels_chapter,
}
"""Audit name -> the function that lays out its tables; other audits are shown as plain tables."""

SCHEMA = files("synthtrust.report").joinpath("report.schema.json").read_text(encoding="utf-8")
"""The JSON schema of ``report.json``; it is written beside each report."""
SCHEMA_FILE, SCHEMA_ID = "report.schema.json", "urn:synthtrust:report:1"

QUESTION = "Does a model trained on the synthetic cases do as well on real patients as one trained on real cases?"


def write_report(
    folder: str | Path,
    facts: Mapping[str, Any],
    tables: Mapping[str, Tables],
    pictures: Sequence[Slices] = (),
    sets: Sequence[Mapping[str, Any]] = (),
    runs: Sequence[Mapping[str, Any]] = (),
    *,
    title: str = "Can this synthetic image set be trusted?",
    question: str = QUESTION,
    judges: bool = True,
    chapters: Mapping[str, ChapterMaker] | None = None,
) -> Path:
    """Write ``index.html``, ``report.json`` with its schema, one CSV per table and the trust cards, each whole or not.

    The page comes last.

    Args:
        folder: The folder of the report, created if needed. Files of the same names are replaced.
        facts: Where the numbers come from, plain values, nested as deep as needed; shown under Provenance.
        tables: Audit name -> table name -> tidy table. The audits appear in this order.
        pictures: Slices through cases and their twins.
        sets: What `write_cards` needs to know about each synthetic set, to write its trust card; with
            ``expected_outcome``, what a control has to show.
        runs: A row for each trained run, see `synthtrust.report.appendix.RUN_COLUMNS`; all under Provenance.
        title: The title of the page.
        question: The one that the answers at the top answer.
        judges: Whether the page is about synthetic sets, so that it has a verdict on each axis.
        chapters: More makers of chapters, by audit name; they go before the built-in ones.

    Returns:
        The page.
    """
    folder = Path(folder)
    remove_leftovers(folder, older_than=DAY)
    with_addresses(tables, pictures)
    makers = {**CHAPTERS, **(chapters or {})}
    parts = [_chapter(name, makers.get(name, _plain(name)), audit) for name, audit in tables.items()]
    verdicts = axis_verdicts(tables)
    judged = {
        "reading": reading(verdicts),
        "verdicts": verdict_records(verdicts),
        "not_assessed": not_assessed(verdicts),
    }
    facts = {str(name): plain_value(value) for name, value in facts.items()}
    for audit, audit_tables in tables.items():
        for name, table in audit_tables.items():
            file = folder / csv_name(audit, name)
            if len(table):
                write_text(file, csv_text(table, csv_cell))
            else:
                file.unlink(missing_ok=True)  # of an earlier report in this folder
    write_text(folder / SCHEMA_FILE, SCHEMA)
    write_json(
        folder / "report.json",
        {
            "schema": SCHEMA_ID,
            "title": title,
            "question": question,
            "answers": [answer for chapter in parts for answer in chapter.answers],
            **(judged if judges else {}),
            "facts": facts,
            "runs": [plain_value(run) for run in runs],
            "tables": {
                audit: {name: records(t) for name, t in audit_tables.items()} for audit, audit_tables in tables.items()
            },
        },
    )
    sections = [twins_section(pictures)] if pictures else []
    sections += [section for chapter in parts for section in chapter.sections]
    sections = [section.shown for section in sections if not section.is_empty]
    sections += [
        section.shown
        for section in _appendix(facts, tables, verdicts if judges else [], sets, runs)
        if not section.is_empty
    ]
    beside = side_by_side(verdicts, tables, sets) if judges else None
    cards = write_cards(folder, tables, sets)
    page = environment().get_template("page.html.j2").render(
        title=title,
        question=question,
        about=_about(facts),
        not_finished=facts.get("not_finished", []),
        to_finish=facts.get("to_finish", []),
        judges=judges,
        answers=[answer for chapter in parts for answer in chapter.answers],
        beside=beside,
        summary=[table for chapter in parts for table in chapter.summary],
        verdicts=verdicts,
        reading=reading(verdicts),
        cards=[(name, card.relative_to(folder).as_posix()) for name, card in cards.items()],
        sections=addressed(sections),
        glossary=grouped(),
        schema=SCHEMA_FILE,
        files=[csv_name(audit, name) for audit, audit_tables in tables.items() for name in audit_tables],
    )  # fmt: skip
    write_text(folder / "index.html", without_direction(page))
    return folder / "index.html"


def addressed(sections: Sequence[Section]) -> list[tuple[str, Section]]:
    """Return each section behind its address on the page, which is made of its title.

    >>> [address for address, _ in addressed([Section("Copies?"), Section("Is it so? (A)"), Section("Copies!")])]
    ['copies', 'is-it-so-a', 'copies-2']
    """
    addresses: dict[str, int] = {}
    named = []
    for section in sections:
        name = slug(section.title)
        addresses[name] = addresses.get(name, 0) + 1
        named.append((name if addresses[name] == 1 else f"{name}-{addresses[name]}", section))
    return named


def _about(facts: Mapping[str, Any]) -> str:
    """Say in one line what the page is about: study, cohort, generator, cases, seeds, licence, date of evaluation.

    >>> _about({"cohort": "BraTS", "cases": {"train": 7, "test": 2}, "seeds": [0, 1], "licence": "CC BY."})
    'BraTS · 7 train, 2 test cases · seeds 0, 1 · licence: CC BY'
    """
    generator = facts.get("generator")
    target = str(generator.get("_target_", "")) if isinstance(generator, Mapping) else ""
    generators = facts.get("generators") or [target.rpartition(".")[2]]
    cases, seeds = facts.get("cases"), facts.get("seeds")
    parts = [
        str(facts.get("study") or ""),
        str(facts.get("cohort") or ""),
        ", ".join(generators),
        f"{', '.join(f'{n} {part}' for part, n in cases.items())} cases" if isinstance(cases, Mapping) else "",
        f"seeds {', '.join(map(str, seeds))}" if isinstance(seeds, list) and seeds else "",
        f"licence: {str(facts['licence']).rstrip('.')}" if facts.get("licence") else "",
        str(facts.get("date") or ""),
    ]
    return " · ".join(part for part in parts if part)


def _chapter(name: str, make: ChapterMaker, tables: Tables) -> Chapter:
    """Return a chapter; its plain tables, and a word about it, if it cannot be drawn, since audits take hours."""
    try:
        return make(tables)
    except Exception as error:  # of a library that draws, of a name that it cannot draw, of a plugin's maker
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        log.error("The chapter %s could not be drawn; its tables are on the page as they are. %s", name, why)
        log.debug("Where it came about:", exc_info=error)
        (section,) = _plain(name)(tables).sections
        return Chapter(sections=(replace(section, lead=f"This chapter could not be drawn ({why})."),))


def _plain(name: str) -> ChapterMaker:
    """Return a maker that shows the tables of an audit as they are."""

    def chapter(tables: Tables) -> Chapter:
        shown = tuple(
            Table(
                table,
                frame.map(lambda cell: number(cell) if isinstance(cell, float) else cell),
                inference="intervals" if "ci_low" in frame else "described",
            )
            for table, frame in tables.items()
        )
        return Chapter(sections=(Section(name.capitalize(), tables=shown),))

    return chapter


def _appendix(
    facts: Mapping[str, Any],
    tables: Mapping[str, Tables],
    verdicts: Sequence[AxisVerdict],
    sets: Sequence[Mapping[str, Any]],
    runs: Sequence[Mapping[str, Any]],
) -> list[Section]:
    """Return what makes the page whole for a reader who has nothing else."""
    methods = [f"{method.audit.capitalize()}: {method.text}" for method in methods_of(list(tables))]
    limits = [*LIMITS, *dict.fromkeys(limit for synthetic_set in sets for limit in limits_of(synthetic_set))]
    return [
        Section("Methods", " ".join(study_sentences(facts)), notes=tuple(methods)),
        settings_section(verdicts),
        provenance_section(facts, runs),
        Section("Limits", "What no number on this page says.", notes=tuple(limits)),
        Section("How to cite", "A study with these numbers cites:", notes=tuple(map(str, references()))),
    ]
