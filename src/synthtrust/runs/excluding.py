"""Cases that a user names by id, to exclude them or to test on them, and the table of refused cases as such a list."""

from collections.abc import Collection, Iterable, Sequence
from csv import QUOTE_ALL
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from synthtrust.cases import CaseError, Cohort, RefusedCase
from synthtrust.cases.patients import plain_id
from synthtrust.generators.synthesis.id_lists import words_of
from synthtrust.tables import write_csv

COLUMNS = ("case_id", "file", "reason")
OPTIONS = {"cases.exclude": "cases to leave out", "split.test_patients": "patients to test on"}
"""Options that take ids or a file with them, and whom they name."""


def read_case_ids(source: str | Path | Sequence[object] | None, option: str = "cases.exclude") -> list[str]:
    """Read the ids that an option names, of cases to exclude or of patients to test on, from a list or a file.

    Args:
        source: The ids; or a text file with one id per line, or a CSV or TSV table with a column such as ``case_id``,
            as ``write_refused`` writes it. None to exclude no case.
        option: The option that names them, for messages.

    Returns:
        Each id once, sorted.

    Raises:
        CaseError: If the file is missing, it is unclear which of its words are ids, or the source is no list.

    >>> read_case_ids(["b", 7, "a", "b"])
    ['7', 'a', 'b']
    """
    if source is None:
        return []
    if isinstance(source, str | Path):
        return sorted(set(words_of(Path(source), OPTIONS[option])))
    if not isinstance(source, Sequence):
        raise CaseError(
            f"Expected ids in brackets, or a text or CSV file, as {option}, but got {source!r}. Write "
            f"{option}=[{source}]."
        )
    return sorted({str(word).strip() for word in source})


def without(cohort: Cohort, ids: Collection[str]) -> Cohort:
    """Return a cohort without the usable or refused cases that the ids name.

    Args:
        cohort: The cohort as a reader returned it.
        ids: Ids of cases; ids of patients, which name all their cases; or the name or path of a file or folder, for
            refused cases whose id the reader could not tell. The case of letters and file endings do not matter.

    Raises:
        CaseError: If an id names no case; the message suggests the nearest id that does.
    """
    cases: dict[str, set[str]] = {}
    for case in cohort.cases:
        cases.setdefault(plain_id(case.patient), set()).add(case.id)
    cases |= {plain_id(case.id): {case.id} for case in cohort.cases}
    refused = {name for refusal in cohort.refused for name in _names(refusal)}
    excluded = {plain_id(word) for word in ids}
    if unknown := [word for word in sorted(ids) if plain_id(word) not in cases.keys() | refused]:
        raise CaseError(
            f"Expected ids of {cohort.name} in cases.exclude, but got {', '.join(map(repr, unknown[:8]))}"
            f"{_nearest(unknown[0], [case.id for case in cohort.cases])}."
        )
    excluded_ids = set().union(*(cases.get(name, ()) for name in excluded))
    return replace(
        cohort,
        cases=tuple(case for case in cohort.cases if case.id not in excluded_ids),
        refused=tuple(refusal for refusal in cohort.refused if not excluded & set(_names(refusal))),
    )


def write_refused(path: str | Path, refused: Iterable[RefusedCase], excluded: Iterable[str] = ()) -> None:
    """Write the refused cases as a table with the columns case_id, file and reason, which ``cases.exclude`` can read.

    Args:
        path: The path of the CSV file.
        refused: The refused cases.
        excluded: Ids that were excluded already; they are listed too, so that the new file can replace the old list.
    """
    rows = [(r.case or str(r.where), str(r.where), " ".join(r.why.split())) for r in refused]
    rows += [(word, "", "left out by cases.exclude") for word in excluded]
    write_csv(path, pd.DataFrame(rows, columns=list(COLUMNS)), quoting=QUOTE_ALL)


def _names(refusal: RefusedCase) -> list[str]:
    return [plain_id(name) for name in (refusal.case, refusal.where.name, str(refusal.where)) if name]


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f". The nearest is {near[0]!r}" if near else f". One of its ids is {known[0]!r}" if known else ""
