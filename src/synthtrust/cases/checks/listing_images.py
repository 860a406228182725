"""What the dry run says about labelled images: their class, part, shape and format."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.markup import escape
from rich.table import Table

from synthtrust.cases.case import Case
from synthtrust.cases.checks.duplicates import Looks
from synthtrust.cases.cohort import Cohort
from synthtrust.cases.formats.rasters import is_raster, raster_kind
from synthtrust.cases.formats.volumes import describe_header, kind_of
from synthtrust.cases.readers.labelled import COLOURS
from synthtrust.cases.splits import PARTS
from synthtrust.cases.volumes import check_contrast
from synthtrust.refusals import CaseError

COLUMNS = ["id", "patient", "source", "class", "part", "shape", "format"]
NO_FINDING = "no finding"


def describe_image(case: Case, cohort: Cohort, looks: Looks) -> dict[str, Any]:
    """Read every pixel of a case, and return its row of the table.

    Args:
        case: To be read.
        cohort: Its cohort.
        looks: Keeps what is compared of volumes.

    Raises:
        CaseError: If an image cannot be read or has no contrast, or the modalities differ in shape.
    """
    images = {modality: case.load_image(modality) for modality in cohort.modalities}
    if len(shapes := {image.shape for image in images.values()}) > 1:
        raise CaseError(f"Expected images of one shape for case {case.id}, but got {sorted(shapes)}.")
    row: dict[str, Any] = {"id": case.id, "patient": case.patient, "source": case.source.value}
    row |= {
        "class": "; ".join(cohort.names_of(case)) or NO_FINDING,
        "part": case.split,
        "shape": " x ".join(map(str, shapes.pop())),
        "format": format_of(case),
    }
    scales: dict[str, list[NDArray]] = {}
    for modality, image in images.items():
        scales.setdefault("colours" if modality in COLOURS else modality, []).append(image)
        looks.keep(case, modality, image)
        row |= {f"{modality}_min": float(image.min()), f"{modality}_max": float(image.max())}
    for name, some in scales.items():
        check_contrast(np.stack(some), f"{name} of case {case.id} at {next(iter(case.images.values()))}")
    return row


def format_of(case: Case) -> str:
    """Return how the first file of a case keeps its values: ``PNG L`` (8 bits, grey), ``TIFF uint16``, ``JPEG RGB``."""
    path = next(iter(case.images.values()))
    if not is_raster(path):
        return f"{kind_of(path)} {describe_header(path).dtype}"
    kind = raster_kind(path)
    return f"{kind.format} {kind.mode}"


def classes_by_part(cohort: Cohort, table: pd.DataFrame) -> Table:
    """Say how many cases each class or finding has, in each part where the publisher has split them."""
    parts = [part for part in PARTS if (table["part"] == part).any()]
    several = cohort.task == "multilabel"  # findings in one case, or none
    shown = Table("finding" if several else "class", *parts, "cases")
    names_of = {case.id: cohort.names_of(case) or (NO_FINDING,) for case in cohort.cases}
    for name in [*cohort.labels, *([NO_FINDING] if several else [])]:
        own = table[[name in names_of[case_id] for case_id in table["id"]]]
        shown.add_row(escape(name), *(str(int((own["part"] == part).sum())) for part in parts), str(len(own)))
    shown.add_section()
    shown.add_row("all", *(str(int((table["part"] == part).sum())) for part in parts), str(len(table)))
    return shown
