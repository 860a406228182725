"""A table of labelled volumes: a CSV file with a row per case, and a column for each modality and the label map."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.grid import check_grid
from synthtrust.cases.readers.attributes import attribute_columns, with_attributes
from synthtrust.cases.readers.label_values import named_values, numbered
from synthtrust.cases.readers.labelled import part_of
from synthtrust.cases.readers.sheet import columns_of, path_in, read_rows
from synthtrust.refusals import CaseError, Refusal

COLUMNS = {name: name for name in ("case_id", "label", "patient", "split", "parent", "donor")}
"""What is read of a row besides its images -> the column it is read from."""


def read_volume_table(
    file: str | Path,
    modalities: Sequence[str],
    label_values: Mapping[Any, Any],
    *,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    licence: str = "unknown",
    attributes: Sequence[str] | None = None,
) -> Cohort:
    """Read the cases of a table by the headers of their files; no voxel is read.

    Args:
        file: CSV or TSV with a header, see ``sheet.read_rows``: case_id, a column with a file for each modality, label
            (the file of the label map) and, where known, patient, split (train, val or test), parent (the real case
            that a synthetic one was made from) and donor (a second one that a part of its label map is from).
        modalities: The columns of the images, in the order of the network's channels.
        label_values: Value in the label files -> name of the label, null for none.
        root: Folder that the paths start from; that of the table when not given.
        columns: Names of columns that are called otherwise, ``{label: mask}``.
        licence: Under which the images may be used.
        attributes: Further columns that are kept of each case, ``[age, scanner]``, for generators that paint by them.

    Returns:
        The cases; one without a file, or whose files do not lie on one grid, is in ``refused``.

    Raises:
        CaseError: If there is no such file, a column is missing, a split has an unknown name, or an id is there twice.
        Refusal: If no modality is given, one is given twice, or ``label_values`` has another form.
    """
    file = Path(file)
    root = file.parent if root is None else Path(root)
    modalities = list(modalities)
    if not modalities or len(set(modalities)) < len(modalities):
        raise Refusal(f"Expected the columns of the images as modalities, each once, but got {modalities}.")
    labels, relabel = numbered(named_values(label_values))
    kept = attribute_columns(attributes)
    called = columns_of(COLUMNS | {modality: modality for modality in modalities}, columns) | kept
    cases, refused, rows = [], [], []
    for where, row in read_rows(file, called, ["case_id", *modalities, "label", *kept], filled=("case_id",)):
        rows.append(row)
        files = {role: path_in(root, row[role]) for role in (*modalities, "label")}
        try:
            if empty := [role for role in files if not row[role]]:
                raise CaseError(f"Expected a file for {', '.join(empty)}, but got none in {where}.")
            case = Case(
                row["case_id"],
                {modality: files[modality] for modality in modalities},
                files["label"],
                patient=row["patient"],
                relabel=relabel,
                split=part_of(row["split"], where),
                parent=row["parent"],
                donor=row["donor"],
                label_hint="Name the value in label_values, or repair the file.",
            )
            check_grid(case)
            cases.append(case)
        except CaseError as error:
            refused.append(RefusedCase(files[modalities[0]], str(error), row["case_id"]))
    name = file.absolute().parent.name if file.stem == "cases" else file.stem
    cohort = Cohort(name, tuple(cases), tuple(modalities), labels, licence, tuple(refused))
    return with_attributes(cohort, rows, attributes)
