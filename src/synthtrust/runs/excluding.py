"""Cases that a user leaves out, by name; and the list of refused ones, which can be such a list."""

from collections.abc import Collection, Iterable, Sequence
from csv import QUOTE_ALL
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from synthtrust.cases import CaseError, Cohort, RefusedCase
from synthtrust.cases.patients import plain_id
from synthtrust.files import aside
from synthtrust.generators.synthesis.id_lists import words_of

COLUMNS = ("case_id", "file", "reason")


def read_excluded(source: str | Path | Sequence[object] | None) -> list[str]:
    """Read the ids of cases to leave out, from a list or from a file; each once, in order.

    Args:
        source: The ids; or a text file with one per line, or a CSV or TSV table with a column such as ``case_id``, as
            ``write_refused`` leaves it. None for nobody.

    Raises:
        CaseError: If the file is missing or does not say which of its words are ids, or this is no list.

    >>> read_excluded(["b", 7, "a", "b"])
    ['7', 'a', 'b']
    """
    if source is None:
        return []
    if isinstance(source, str | Path):
        return sorted(set(words_of(Path(source), "cases to leave out")))
    if not isinstance(source, Sequence):
        raise CaseError(
            f"Expected ids in brackets, or a text or CSV file, as cases.exclude, but got {source!r}. Write "
            f"cases.exclude=[{source}]."
        )
    return sorted({str(word).strip() for word in source})


def without(cohort: Cohort, ids: Collection[str]) -> Cohort:
    """Leave out the cases that some ids name, be they usable or refused.

    Args:
        cohort: As a reader gave it.
        ids: The ids of cases, or of patients, all of whose cases are meant; or of refused cases, by the name or the
            path of their file or folder where the reader knew no id. Capital and small letters are the same, and so are
            names with the ending of a file.

    Raises:
        CaseError: If an id names nobody; with the nearest that does.
    """
    cases: dict[str, set[str]] = {}
    for case in cohort.cases:
        cases.setdefault(plain_id(case.patient), set()).add(case.id)
    cases |= {plain_id(case.id): {case.id} for case in cohort.cases}
    refused = {name for refusal in cohort.refused for name in _names(refusal)}
    gone = {plain_id(word) for word in ids}
    if unknown := [word for word in sorted(ids) if plain_id(word) not in cases.keys() | refused]:
        raise CaseError(
            f"Expected ids of {cohort.name} in cases.exclude, but got {', '.join(map(repr, unknown[:8]))}"
            f"{_nearest(unknown[0], [case.id for case in cohort.cases])}."
        )
    ids_gone = set().union(*(cases.get(name, ()) for name in gone))
    return replace(
        cohort,
        cases=tuple(case for case in cohort.cases if case.id not in ids_gone),
        refused=tuple(refusal for refusal in cohort.refused if not gone & set(_names(refusal))),
    )


def write_refused(path: str | Path, refused: Iterable[RefusedCase], excluded: Iterable[str] = ()) -> None:
    """Write the refused cases as a table that ``cases.exclude`` reads: case_id, file, reason.

    Args:
        path: The path of the CSV file.
        refused: The cases.
        excluded: Ids that were left out already, and stay so when the file is used in the place of the former.
    """
    rows = [(r.case or str(r.where), str(r.where), " ".join(r.why.split())) for r in refused]
    rows += [(word, "", "left out by cases.exclude") for word in excluded]
    with aside(path) as temporary:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(temporary, index=False, quoting=QUOTE_ALL)


def _names(refusal: RefusedCase) -> list[str]:
    return [plain_id(name) for name in (refusal.case, refusal.where.name, str(refusal.where)) if name]


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f". The nearest is {near[0]!r}" if near else f". They are called as {known[0]!r} is" if known else ""
