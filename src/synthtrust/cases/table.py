"""A table of labelled images: a CSV file with a row per image."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthtrust.cases.cohort import Cohort, Refusal
from synthtrust.cases.errors import CaseError
from synthtrust.cases.findings import Uncertain, check_one_class, check_options, role_of, with_findings
from synthtrust.cases.labelled import LabelledImage, classified_cohort, image_cohort, part_of

COLUMNS = {"case_id": "case_id", "image": "image", "label": "label", "patient": "patient", "split": "split"}
"""What is read -> the column it is read from."""


def read_table(
    file: str | Path,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    classes: Sequence[str] | None = None,
    modalities: Sequence[str] | None = None,
    licence: str = "unknown",
    labels: Sequence[str] | None = None,
    separator: str | None = None,
    uncertain: Uncertain = "refuse",
) -> Cohort:
    """Read the cases of a table, and check that each image is there and whole.

    An image has one class, unless ``labels`` or ``separator`` is given: then it may have several findings, or none.

    Args:
        file: CSV with a header: case_id, image (PNG, JPEG, TIFF, BMP or NIfTI), label (class name or number) and, where
            known, patient (a column ``group`` is taken for it) and split (train, val or test). Without a patient each
            image counts as one of its own: images of one person may then come to lie in train and test.
        root: Folder that the image paths start from; that of the table when not given.
        columns: Names of columns that are called otherwise, ``{label: diagnosis}``.
        classes: Class names in the order of their values; a label that is a number is looked up in them, from 0 on.
            When not given: the labels in alphabetical order, or ``class 0``, ``class 1``, ... for numbers.
        modalities: ``[grey]`` or ``[red, green, blue]``; what most images show when not given.
        licence: Under which the images may be used.
        labels: Findings in order, each with a column of 0 and 1, in the place of label; blank counts as absent.
        separator: What stands between the findings in the column label, such as ``|``; a word such as "No Finding" is
            an image without any. Findings are in the order of ``classes``, or of the alphabet.
        uncertain: How -1 in a column of ``labels`` is read: ``refuse``, ``negative`` or ``positive``.

    Returns:
        The cases; a row without a label, or whose image is missing or damaged, is in ``refused``.

    Raises:
        CaseError: If there is no such file, a column is missing, a split has an unknown name, or a class looks like
            several findings; and as ``classified_cohort``.
        ValueError: If the options for findings contradict each other.
    """
    file = Path(file)
    root = file.parent if root is None else Path(root)
    name = file.absolute().parent.name if file.stem == "cases" else file.stem
    check_options(labels, separator, uncertain, classes)
    called = COLUMNS | dict(columns or {})
    of_findings = {role_of(finding): called.get(finding, finding) for finding in labels or ()}
    needed = ("case_id", "image", *(of_findings or ("label",)))
    rows = list(_rows(file, called | of_findings, needed))
    if labels is not None or separator is not None:
        findings = with_findings(rows, labels, separator, uncertain, classes, file, root)
        cohort = image_cohort(name, file, findings.images, findings.names, modalities, findings.refused)
        return replace(cohort, licence=licence)
    labelled = [(where, row) for where, row in rows if row["label"]]
    refused = [
        Refusal(root / row["image"], f"Expected a label for {row['case_id']}, but got none in {where}.")
        for where, row in rows
        if not row["label"]
    ]
    check_one_class([row["label"] for _, row in labelled], file)
    names = _class_names([row["label"] for _, row in labelled], classes, file)
    images = [
        LabelledImage(
            id=row["case_id"],
            path=root / row["image"],
            category=names[row["label"]],
            part=part_of(row["split"], file),
            patient=row["patient"],
        )
        for _, row in labelled
    ]
    order = list(dict.fromkeys(names.values())) if classes is None else classes
    return replace(classified_cohort(name, file, images, order, modalities, refused), licence=licence)


def _rows(file: Path, columns: Mapping[str, str], needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give where each row stands, and what it says about the roles in ``columns``, of which some are ``needed``."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            header = table.fieldnames or []
            if missing := [columns[role] for role in needed if columns[role] not in header]:
                raise CaseError(
                    f"Expected columns {missing} in {file}, but got {list(header)}. Rename them, or say how they are "
                    "called in cases.columns."
                )
            if columns["patient"] not in header and "group" in header:
                columns = {**columns, "patient": "group"}
            for row in table:
                said = {role: (row.get(column) or "").strip() for role, column in columns.items()}
                if not (said["case_id"] and said["image"]):
                    raise CaseError(f"Expected an id and an image in line {table.line_num} of {file}, but got none.")
                yield f"line {table.line_num} of {file}", said
    except FileNotFoundError:
        raise CaseError(f"Expected a table at {file}, but there is none. Set cases.file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaseError(f"Expected a CSV table, but could not read {file}: {error}.") from error


def _class_names(labels: Sequence[str], classes: Sequence[str] | None, file: Path) -> dict[str, str]:
    """Return label in the table -> class name, in the order of the classes."""
    found = sorted(set(labels))
    if not all(label.isdecimal() for label in found):
        return {label: label for label in found}
    found.sort(key=int)
    if classes is None:
        return {label: f"class {int(label)}" for label in found}
    if found and int(found[-1]) >= len(classes):
        raise CaseError(
            f"Expected labels below {len(classes)}, as many as cases.classes, but got {found[-1]} in {file}."
        )
    return {label: classes[int(label)] for label in found}
