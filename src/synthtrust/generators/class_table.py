"""Class table: imports images of classes that were painted elsewhere, by a table with a row for each image."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from synthtrust.cases import CaseError, Cohort
from synthtrust.cases.readers.findings import Uncertain
from synthtrust.cases.readers.labelled import image_cohort
from synthtrust.cases.readers.table import read_class_rows, read_finding_rows
from synthtrust.generators.class_set import ClassSet


@dataclass
class ClassTable(ClassSet):
    """Imports the images that a table lists, each with its class and, where known, the real case it was made from.

    Where real cases have findings, each of them has a column of 0 and 1, or all stand in the column label.
    """

    reads_findings: ClassVar[bool] = True
    not_in_recipe: ClassVar[frozenset[str]] = frozenset(
        {"file", "root", "columns", "separator", "uncertain", "train_ids", "patients_own"}
    )

    file: str = ""
    """CSV or TSV with a header: case_id, image, label (class name, or number from 0 on in the order of the real
    classes) and, where known, parent (id of the real case that the image was made from). Ids are of the set's own."""
    root: str | None = None
    """Folder that the image paths start from; that of the table when not given."""
    columns: dict[str, str] | None = field(default=None)
    """Names of columns that are called otherwise, ``{label: diagnosis}``."""
    separator: str | None = None
    """What stands between findings in the column label; None where each has a column."""
    uncertain: Uncertain = "refuse"
    """How -1 in a column of a finding is read: ``refuse``, ``negative`` or ``positive``."""

    @property
    def where(self) -> Path:
        """The table."""
        return Path(self.file)

    def read(self, cohort: Cohort) -> Cohort:
        """Read every row, and check each image; each has to be usable.

        Raises:
            CaseError: If there is no such table, a column is missing, a row has no class or another than real cases
                have, or an image cannot be used.
        """
        if not self.file:
            raise CaseError("Expected a table of images, but got none. Set generator.file.")
        classes = sorted(cohort.labels, key=lambda name: cohort.labels[name])
        root = None if self.root is None else Path(self.root)
        try:
            if cohort.task == "multilabel":
                rows = read_finding_rows(self.where, root, self.columns, classes, self.separator, self.uncertain)
            else:
                rows = read_class_rows(self.where, root, self.columns, classes)
            if others := sorted({image.class_name for image in rows.images} - {*classes, ""}):
                raise CaseError(
                    f"Expected classes among {classes}, as the real cases have, but {self.file} has {others[:8]}. "
                    "Rename them, or leave out their rows."
                )
            images = image_cohort(cohort.name, self.where, rows.images, classes, cohort.modalities, rows.refused)
        except CaseError as error:  # options of a reader are options of this importer
            raise CaseError(_for_this_importer(str(error))) from error
        if images.refused:
            first = images.refused[0]
            raise CaseError(
                f"Expected images that can be used, but {len(images.refused)} of {self.file} cannot, first "
                f"{first.where}: {_for_this_importer(first.why)} Paint them anew, or leave out their rows."
            )
        if not images.cases:
            raise CaseError(f"Expected images in {self.file}, but it has no rows. Add some, or set generator.file.")
        return images


def _for_this_importer(message: str) -> str:
    """Return a message of the reader of real tables in the options of this importer.

    >>> _for_this_importer("Expected a table at x.csv, but there is none. Set cases.file.")
    'Expected a table at x.csv, but there is none. Set generator.file.'
    """
    message = re.sub(r"\bcases\.(file|columns|root|separator|uncertain)\b", r"generator.\1", message)
    message = message.replace("cases.classes", "classes of the real cases")
    message = message.replace("cases.labels", "findings of the real cases")
    return re.sub(r"Read them as findings with .*", "Keep one class in each row.", message)
