"""Findings in tables: several that do not exclude each other, as columns of 0 and 1 or as words in one column."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from synthtrust.cases.case import Findings
from synthtrust.cases.cohort import RefusedCase
from synthtrust.cases.readers.labelled import LabelledImage, part_of
from synthtrust.cases.readers.sheet import path_in
from synthtrust.refusals import CaseError, Refusal

Uncertain = Literal["refuse", "negative", "positive"]
"""How -1 is read, by which CheXpert and MIMIC-CXR mean that a report leaves a finding open."""

NO_FINDING = ("no finding", "no findings", "normal", "none")
"""Words for an image without any finding: no finding of its own, but the vector of zeros."""

MISSING = ("nan", "<na>")
"""Words that pandas writes for missing values, in lower case."""

PRESENT = {"1": True, "true": True, "0": False, "false": False, "": False, **dict.fromkeys(MISSING, False)}
"""What a column says of a finding; blank is what a report does not mention, which by convention is absent."""


def role_of(finding: str) -> str:
    """Return what the column of a finding is kept under among those of a table, apart from id, image and the rest."""
    return f"finding {finding}"


def with_findings(
    rows: Sequence[tuple[str, Mapping[str, str]]],
    labels: Sequence[str] | None,
    separator: str | None,
    uncertain: Uncertain,
    classes: Sequence[str] | None,
    file: Path,
    root: Path,
) -> "FindingsRead":
    """Read the findings of a table's rows, by the options of `synthtrust.cases.read_table`.

    Args:
        rows: Where each stands, and what it says by role.
        labels: Columns.
        separator: Within the column label, where there are no ``labels``.
        uncertain: How -1 is read.
        classes: Names in order, where there is a ``separator``.
        file: The table.
        root: Folder that the image paths start from.

    Returns:
        What was read; a row that does not say what its image shows is in ``refused``.

    Raises:
        CaseError: If no row names a finding, or one names another than ``classes``.
    """
    names = list(labels) if labels is not None else _names([row["label"] for _, row in rows], separator, classes, file)
    images: list[LabelledImage] = []
    refused: list[RefusedCase] = []
    for where, row in rows:
        path = path_in(root, row["image"])
        try:
            if labels is None:
                findings = _from_words(row["label"], str(separator), names)
            else:
                findings = from_columns({name: row[role_of(name)] for name in names}, names, uncertain)
        except CaseError as error:
            refused.append(RefusedCase(path, f"{str(error).rstrip('.')} (case {row['case_id']}, {where})."))
            continue
        images.append(
            LabelledImage(
                row["case_id"], path, split=part_of(row["split"], file), patient=row["patient"], findings=findings
            )
        )
    return FindingsRead(names, images, refused)


class FindingsRead(NamedTuple):
    """A table of findings as it was read."""

    names: list[str]
    """The names of the findings, in order."""
    images: list[LabelledImage]
    refused: list[RefusedCase]


def _names(labels: Sequence[str], separator: str | None, classes: Sequence[str] | None, file: Path) -> list[str]:
    """Return the findings that a column names, in order."""
    words = {word for label in set(labels) for word in words_of(label, str(separator)) if not means_none(word)}
    names = sorted(words) if classes is None else list(classes)
    if unknown := sorted(words - set(names)):
        raise CaseError(f"Expected findings among {names}, but got {unknown[:8]} in {file}. Name all in cases.classes.")
    if not names:
        raise CaseError(f"Expected findings in the labels of {file}, but got none.")
    return names


def _from_words(label: str, separator: str, names: Sequence[str]) -> Findings:
    words = words_of(label, separator)
    findings = [word for word in words if not means_none(word)]
    if not words or 0 < len(findings) < len(words):
        raise CaseError(
            f'Expected findings, or a word such as "No Finding" alone, but got {label!r}.'
            if words
            else "Expected findings, but got an empty label."
        )
    return Findings(name in findings for name in names)


def from_columns(row: Mapping[str, str], names: Sequence[str], uncertain: Uncertain) -> Findings:
    """Return the findings of a row with a column for each.

    >>> from_columns({"effusion": "1.0", "mass": "", "edema": "-1"}, ["effusion", "mass", "edema"], "negative")
    (1, 0, 0)

    Args:
        row: Name of a finding -> what its column says: 1 or 0 (also 1.0, true), nothing for what is not mentioned, -1
            for what is uncertain.
        names: Findings in order.
        uncertain: How -1 is read.

    Raises:
        CaseError: If a value is none of these, or uncertain and not to be read.
    """
    doubtful = {"-1": uncertain == "positive"} if uncertain != "refuse" else {}
    known = PRESENT | doubtful
    values = {name: _whole(row[name].lower()) for name in names}
    if wrong := [name for name, value in values.items() if value not in known]:
        uncertain_alone = {values[name] for name in wrong} == {"-1"}
        cure = "-1 is uncertain: cases.uncertain=negative or positive reads it" if uncertain_alone else "Repair it"
        raise CaseError(f"Expected 0 or 1 for {wrong[0]}, but got {row[wrong[0]]!r}. {cure}.")
    return Findings(known[value] for value in values.values())


def _whole(text: str) -> str:
    """Write a number that pandas has made 1.0 as 1."""
    head, point, tail = text.partition(".")
    return head if point and head and not tail.strip("0") else text


def words_of(label: str, separator: str) -> list[str]:
    """Return the words of a cell, each once; none for a missing value.

    >>> words_of("Effusion| Mass|Effusion", "|"), words_of("nan", "|")
    (['Effusion', 'Mass'], [])
    """
    words = dict.fromkeys(word.strip() for word in label.split(separator))
    return [word for word in words if word and word.lower() not in MISSING]


def means_none(word: str) -> bool:
    """Whether a word says that there is no finding."""
    return word.strip().lower() in NO_FINDING


def check_options(
    labels: Sequence[str] | None, separator: str | None, uncertain: str, classes: Sequence[str] | None
) -> None:
    """Refuse options that contradict each other.

    Raises:
        Refusal: If both ways to say findings are asked for, an option is empty, would not be looked at or has an
            unknown word, or a name stands twice or means that there is no finding.
    """
    if uncertain not in get_args(Uncertain):
        raise Refusal(f"Expected cases.uncertain among {list(get_args(Uncertain))}, but got {uncertain!r}.")
    if labels is None and uncertain != "refuse":
        raise Refusal(f"Expected cases.uncertain beside cases.labels alone, but got {uncertain!r} without them.")
    if labels is not None and (separator, classes) != (None, None):
        other, value = ("separator", separator) if separator is not None else ("classes", list(classes or ()))
        raise Refusal(
            f"Expected cases.labels, a column for each finding, or cases.separator, all in one column with their names "
            f"in cases.classes, but got cases.labels={list(labels)} beside cases.{other}={value!r}."
        )
    if separator == "" or (labels is not None and not labels):
        raise Refusal(
            """Expected columns of findings, such as cases.labels=[effusion], or what stands between them, such as """
            f"""'cases.separator="|"', but got {labels if separator is None else separator!r}."""
        )
    if labels is not None or separator is not None:
        _check_names(labels or classes or ())


def _check_names(names: Sequence[str]) -> None:
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise Refusal(f"Expected each finding once, but got {repeated} several times.")
    if normal := [name for name in names if means_none(name)]:
        raise Refusal(
            f"Expected findings, but got {normal}: an image without any is 0 in all of them. Leave it out of "
            "cases.labels or cases.classes."
        )
