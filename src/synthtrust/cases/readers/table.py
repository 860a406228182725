"""A table of labelled images: a CSV file with a row per image."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.readers.attributes import attribute_columns, with_attributes
from synthtrust.cases.readers.findings import MISSING, Uncertain, check_options, role_of, with_findings
from synthtrust.cases.readers.labelled import LabelledImage, classified_cohort, image_cohort, part_of
from synthtrust.cases.readers.sheet import columns_of, path_in, read_rows
from synthtrust.refusals import CaseError

log = logging.getLogger(__name__)

COLUMNS = {"case_id": "case_id", "image": "image", "label": "label", "patient": "patient", "split": "split"}
"""What is read -> the column it is read from."""

OF_CHILDREN = {"parent": "parent"}
"""What is read of synthetic images besides: the id of the real case that an image was made from."""

NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


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
    attributes: Sequence[str] | None = None,
) -> Cohort:
    """Read the cases of a table, and check that each image is there and whole.

    An image has one class, unless ``labels`` or ``separator`` is given: then it may have several findings, or none.

    Args:
        file: CSV or TSV with a header, see ``sheet.read_rows``: case_id, image (a plane image or NIfTI), label (class
            name, or number from 0 on, also written 0.0) and, where known, patient (a column ``group`` is taken for it)
            and split (train, val or test). Without a patient each image counts as one of its own, but for DICOM files,
            which name them: images of one person may then come to lie in train and test.
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
        attributes: Further columns that are kept of each case, ``[age, scanner]``, for generators that paint by them.

    Returns:
        The cases; a row without a label or with several findings for one, and one whose image is missing or damaged,
        is in ``refused``.

    Raises:
        CaseError: If there is no such file, a column is missing, a split has an unknown name, or labels are numbers
            that are no classes; and as ``sheet.read_rows`` and ``classified_cohort``.
        ValueError: If the options for findings contradict each other.
    """
    file = Path(file)
    root = file.parent if root is None else Path(root)
    name = file.absolute().parent.name if file.stem == "cases" else file.stem
    classes = None if classes is None else [str(name) for name in classes]
    check_options(labels, separator, uncertain, classes)
    rows = _rows(file, columns, labels, attribute_columns(attributes))
    if labels is not None or separator is not None:
        findings = with_findings(rows, labels, separator, uncertain, classes, file, root)
        cohort = image_cohort(name, file, findings.images, findings.names, modalities, findings.refused)
        return with_attributes(replace(cohort, licence=licence), (row for _, row in rows), attributes)
    read = _with_classes(rows, classes, file, root)
    order = list(dict.fromkeys(read.names)) if classes is None else classes
    cohort = classified_cohort(name, file, read.images, order, modalities, read.refused)
    return with_attributes(replace(cohort, licence=licence), (row for _, row in rows), attributes)


class ClassesRead(NamedTuple):
    """A table of classes as it was read."""

    names: list[str]
    """The classes that occur, in the order of their values."""
    images: list[LabelledImage]
    refused: list[RefusedCase]


def read_class_rows(
    file: Path, root: Path | None, columns: Mapping[str, str] | None, classes: Sequence[str]
) -> ClassesRead:
    """Read the rows of a table of synthetic images with a class each; no image is looked at.

    Args:
        file: See ``read_table``; where a row has a cell in the column parent, that is the real case it was made from.
        root: Folder that the image paths start from; that of the table when not given.
        columns: Names of columns that are called otherwise.
        classes: Class names of the real cases, in the order of their values; a label that is a number is looked up in
            them. Other names are kept as they are.

    Raises:
        CaseError: As ``read_table``.
    """
    rows = _rows(file, columns, None, OF_CHILDREN)
    return _with_classes(rows, classes, file, file.parent if root is None else root)


def read_finding_rows(
    file: Path,
    root: Path | None,
    columns: Mapping[str, str] | None,
    names: Sequence[str],
    separator: str | None = None,
    uncertain: Uncertain = "refuse",
) -> ClassesRead:
    """Read the rows of a table of synthetic images with findings; no image is looked at.

    Args:
        file: See ``read_class_rows``.
        root: Folder that the image paths start from; that of the table when not given.
        columns: Names of columns that are called otherwise.
        names: Findings of the real cases, in order; each has a column, unless there is a ``separator``.
        separator: What stands between the findings in the column label.
        uncertain: How -1 in a column is read.

    Raises:
        CaseError: As ``read_table``.
    """
    labels = list(names) if separator is None else None
    rows = _rows(file, columns, labels, OF_CHILDREN)
    in_words = None if separator is None else list(names)
    read = with_findings(rows, labels, separator, uncertain, in_words, file, file.parent if root is None else root)
    parents = {row["case_id"]: row.get("parent", "") for _, row in rows}
    return ClassesRead(list(names), [replace(image, parent=parents[image.id]) for image in read.images], read.refused)


def _with_classes(
    rows: Sequence[tuple[str, dict[str, str]]], classes: Sequence[str] | None, file: Path, root: Path
) -> ClassesRead:
    """Read the class of each row; one that has none, or several, is refused."""
    first_row = _first_rows(rows)
    refused, labelled = [], []
    for where, row in rows:
        path = path_in(root, row["image"])
        if why := _reason_to_refuse(row, first_row, where):
            refused.append(RefusedCase(path, why))
        else:
            labelled.append((where, row, path))
    if refused and not labelled:
        raise CaseError(refused[0].why)  # what the labels are, rather than that there are no classes
    names = _class_names({row["label"]: first_row[row["label"]] for _, row, _ in labelled}, classes, file)
    images = [
        LabelledImage(
            id=row["case_id"],
            path=path,
            class_name=names[row["label"]],
            split=part_of(row["split"], where),
            patient=row["patient"],
            parent=row.get("parent", ""),
        )
        for where, row, path in labelled
    ]
    return ClassesRead(list(names.values()), images, refused)


def _rows(
    file: Path,
    columns: Mapping[str, str] | None,
    labels: Sequence[str] | None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[tuple[str, dict[str, str]]]:
    """Return where each row stands and what it says by role; each of the ``labels`` has a role of its own."""
    roles = {**COLUMNS, **more}
    called = columns_of(roles | {finding: finding for finding in labels or ()}, columns)
    of_findings = {role_of(finding): called[finding] for finding in labels or ()}
    called = {role: called[role] for role in roles}  # a finding may be called as a role is
    group = {} if "group" in called.values() else {"group": "group"}
    asked = (role for role in more if role not in OF_CHILDREN)
    needed = dict.fromkeys(("case_id", "image", *(of_findings or ("label",)), *(columns or {}), *asked))
    rows = list(
        read_rows(file, called | of_findings | group, [role for role in needed if role in called | of_findings])
    )
    for _, row in rows:
        row["patient"] = row["patient"] or row.get("group", "")
    return rows


def _first_rows(rows: Sequence[tuple[str, dict[str, str]]]) -> dict[str, str]:
    """Empty the labels that mean none, and return the others, each with the row where it stands first."""
    first: dict[str, str] = {}
    for where, row in rows:
        if row["label"].lower() in MISSING:
            row["label"] = ""
        elif row["label"]:
            first.setdefault(row["label"], where)
    return first


def _several(label: str, labels: Collection[str]) -> str:
    """Return what separates several findings in one label, nothing if it is one.

    A bar; a semicolon beside what is a label by itself; or commas between such labels alone.

    >>> _several("mass|edema", []), _several("mass;edema", ["edema"]), _several("mass, edema", ["mass", "edema"])
    ('|', ';', ',')
    >>> _several("normal, benign", ["malignant"]), _several("mass; large", ["mass, small"])
    ('', '')
    """
    semicolons, commas = ({part.strip() for part in label.split(mark)} for mark in (";", ","))
    if "|" in label:
        return "|"
    if len(semicolons) > 1 and semicolons & set(labels):
        return ";"
    return "," if len(commas) > 1 and commas <= set(labels) else ""


def _reason_to_refuse(row: Mapping[str, str], labels: Collection[str], where: str) -> str:
    """Return why the label of a row cannot be read, nothing if it can."""
    if not row["label"]:
        return f"Expected a label for {row['case_id']}, but got none in {where}."
    if separator := _several(row["label"], labels):
        return (
            f"Expected one class for {row['case_id']}, but got several findings in one cell, {row['label']!r}, in "
            f"""{where}. Read them as findings with 'cases.separator="{separator}"'."""
        )
    return ""


def _class_names(labels: Mapping[str, str], classes: Sequence[str] | None, file: Path) -> dict[str, str]:
    """Return label in the table -> class name, in the order of the classes.

    Args:
        labels: Each label, and the row where it stands first.
        classes: As the user gave them.
        file: The table, for messages.
    """
    numbers = {label: float(label) for label in labels if NUMBER.fullmatch(label)}
    if len(numbers) < len(labels) or (classes is not None and labels.keys() <= set(classes)):
        return {label: label for label in sorted(labels)}
    if odd := [label for label, number in numbers.items() if number < 0 or number % 1]:
        raise CaseError(
            f"Expected classes by name, or numbered from 0 on, but got {odd[0]!r} in {labels[odd[0]]}. Write names, or "
            "leave out its rows."
        )
    if pointed := [label for label in labels if "." in label]:
        log.info("Read labels such as %s in %s as whole numbers.", pointed[0], file)
    whole = {label: int(number) for label, number in sorted(numbers.items(), key=lambda pair: pair[1])}
    if classes is None:
        return {label: f"class {number}" for label, number in whole.items()}
    if beyond := [label for label, number in whole.items() if number >= len(classes)]:
        raise CaseError(
            f"Expected labels below {len(classes)}, as many as cases.classes, but got {beyond[-1]} in {file}."
        )
    return {label: classes[number] for label, number in whole.items()}
