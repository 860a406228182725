"""Attributes of cases: further columns of a table that a user asks for, such as age, sex, site or scanner."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from synthtrust.cases.cohort import Cohort
from synthtrust.cases.readers.findings import MISSING
from synthtrust.refusals import Refusal


def attribute_columns(attributes: Sequence[str] | None) -> dict[str, str]:
    """Return what each column of an attribute is kept under among those of a table -> the column.

    >>> attribute_columns(["age", "scanner"])
    {'attribute age': 'age', 'attribute scanner': 'scanner'}

    Raises:
        Refusal: If they are no list of columns, each once.
    """
    names = [] if attributes is None else attributes
    if isinstance(names, str) or len(set(names)) < len(names) or not all(isinstance(n, str) and n for n in names):
        raise Refusal(f"Expected columns as cases.attributes, each once, such as [age, scanner], but got {attributes}.")
    return {f"attribute {name}": name for name in names}


def with_attributes(cohort: Cohort, rows: Iterable[Mapping[str, str]], attributes: Sequence[str] | None) -> Cohort:
    """Return the cohort with the attributes of each case; one whose cell is blank has no such attribute.

    Args:
        cohort: The cases.
        rows: What a table says by role, `attribute_columns` and ``case_id`` among them.
        attributes: The columns.
    """
    columns = attribute_columns(attributes)
    known = {
        row["case_id"]: {name: row[role] for role, name in columns.items() if row[role].lower() not in ("", *MISSING)}
        for row in rows
    }
    cases = tuple(replace(case, attributes=known[case.id]) for case in cohort.cases)
    return replace(cohort, cases=cases) if columns else cohort
