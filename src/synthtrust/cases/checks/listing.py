"""The dry run: read every voxel of a cohort once, and say what is there before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.cases.case import Case
from synthtrust.cases.checks.duplicates import Looks
from synthtrust.cases.checks.in_place import mirrored_gain, mirrored_labels
from synthtrust.cases.checks.inspection import Facts, inspect
from synthtrust.cases.checks.listing_images import COLUMNS, classes_by_part, describe_image
from synthtrust.cases.cohort import Cohort, RefusedCase
from synthtrust.cases.formats.volumes import describe_header
from synthtrust.cases.geometry import CANONICAL
from synthtrust.cases.volumes import check_contrast
from synthtrust.files import writable
from synthtrust.progress import track
from synthtrust.refusals import CaseError

GAIN = "gain"  # what a label map explains more of its images when these are mirrored; is no column
QUANTILES = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}


@dataclass(frozen=True)
class Listing:
    """What a cohort holds."""

    table: pd.DataFrame
    """A row per case: id, patient, source, shape, spacing_mm (towards right, anterior, superior), orientation (as it is
    stored; read are all in RAS), and for each name ``<modality>_min``, ``<modality>_max`` [intensity units],
    ``<label>_voxels``, ``<label>_ml``. Labelled images have class (the findings, joined by "; "), part and format
    instead of spacing and volumes."""
    volumes: pd.DataFrame
    """The volumes once more, tidy, a row per case and label: case, patient, source, region, n_voxels, volume_ml; no row
    for labelled images."""
    refused: tuple[RefusedCase, ...]
    """What the reader refused, and what failed when its voxels were read."""
    warnings: tuple[str, ...] = ()
    """What makes the cohort as a whole doubtful."""


def describe(
    cohort: Cohort, *, max_cases: int | None = None, progress: bool = False, folder: str | Path | None = None
) -> Listing:
    """Read every voxel of a cohort, so that each check of ``Case`` is made, and those of preprocessing.

    A case that fails is listed as refused, and not in the tables.

    Args:
        cohort: The cases.
        max_cases: Read only so many, spread evenly over the ids.
        progress: Show a bar.
        folder: Where it is remembered what was read, by content; all is read again when not given.
    """
    cases = cohort.cases
    if max_cases is not None and max_cases < len(cases):
        cases = tuple(cases[i] for i in np.linspace(0, len(cases) - 1, max_cases).round().astype(int))
    labelled = cohort.task != "segmentation"
    folder = writable(folder)
    looks = Looks.to_keep(cases, folder)

    def read(case: Case) -> Facts:
        row, parts = (describe_image(case, cohort, looks), []) if labelled else _describe_case(case, cohort, looks)
        return {"row": row, "volumes": parts}

    rows: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    gains: list[dict[str, float]] = []
    refused = list(cohort.refused)
    results = inspect(cases, read, [cohort.modalities, dict(cohort.labels)], folder)
    title = f"Reading {cohort.name}"
    for _, result in track(results, title, total=len(cases), disable=not progress):
        if isinstance(result, RefusedCase):
            refused.append(result)
        else:
            row = result["row"]
            gains.extend([row.pop(GAIN)] if GAIN in row else [])
            rows.append(row)
            volumes.extend(result["volumes"])
    columns = COLUMNS if labelled else ["id", "patient", "source", "shape", "spacing_mm", "orientation"]
    columns = [*columns, *(f"{modality}_{end}" for modality in cohort.modalities for end in ("min", "max"))]
    if not labelled:
        columns += [f"{name}_{unit}" for name in cohort.labels for unit in ("voxels", "ml")]
    return Listing(
        pd.DataFrame(rows, columns=columns),
        pd.DataFrame(volumes, columns=["case", "patient", "source", "region", "n_voxels", "volume_ml"]),
        tuple(refused),
        _warnings(gains),
    )


def readable(cohort: Cohort, folder: str | Path | None = None) -> Cohort:
    """Return a cohort whose cases can all be read and preprocessed; the others are in ``refused``, as in a listing.

    Args:
        cohort: As a reader gave it.
        folder: As for ``describe``.
    """
    listing = describe(cohort, progress=True, folder=folder)
    ids = set(listing.table["id"])
    return replace(cohort, cases=tuple(case for case in cohort.cases if case.id in ids), refused=listing.refused)


def print_listing(
    cohort: Cohort, *, max_cases: int | None = None, console: Console | None = None, folder: str | Path | None = None
) -> Listing:
    """Describe a cohort on the terminal, with a progress bar; return what was found."""
    console = console or Console()
    listing = describe(cohort, max_cases=max_cases, progress=True, folder=folder)
    table = listing.table
    console.print(
        f"[bold]{escape(cohort.name)}[/bold]: {len(table)} of {len(cohort.cases)} cases read, "
        f"{table['patient'].nunique()} patients, {len(listing.refused)} refused. Licence: {escape(cohort.licence)}."
    )
    if len(table) and cohort.task != "segmentation":
        console.print(classes_by_part(cohort, table), _counts(table, "shape"), _counts(table, "format"))
        console.print(_images(cohort, table))
    elif len(table):
        console.print(*(_counts(table, column) for column in ("shape", "spacing_mm", "orientation")))
        console.print(_images(cohort, table), _labels(listing.volumes))
    for warning in listing.warnings:
        console.print(f"[yellow]warning[/yellow] {escape(warning)}", soft_wrap=True)
    for passed in cohort.passed_over:
        console.print(
            f"[yellow]passed over[/yellow] {len(passed.files)} files, first {escape(str(passed.files[0]))}: "
            f"{escape(passed.why)}",
            soft_wrap=True,
        )
    for refusal in listing.refused:
        console.print(f"[red]refused[/red] {escape(str(refusal.where))}: {escape(refusal.why)}", soft_wrap=True)
    return listing


def _describe_case(case: Case, cohort: Cohort, looks: Looks) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header = describe_header(case.require_label_map())
    affine = header.affine
    label = case.load_label()
    owner = {"patient": case.patient, "source": case.source.value}
    row: dict[str, Any] = {
        "id": case.id,
        **owner,
        "shape": " x ".join(map(str, label.shape)),
        "spacing_mm": " x ".join(f"{side:.3g}" for side in np.linalg.norm(affine[:3, :3], axis=0)),
        "orientation": _stored(case),
    }
    gains = []
    for modality in cohort.modalities:
        image = case.load_image(modality)
        if image.shape != label.shape:
            raise CaseError(
                f"Expected {case.images[modality]} on the grid {label.shape} of its label, but got {image.shape}."
            )
        check_contrast(
            image[image != 0], f"{modality} of case {case.id}, voxels of 0 aside, at {case.images[modality]}"
        )
        looks.keep(case, modality, image)
        row |= {f"{modality}_min": float(image.min()), f"{modality}_max": float(image.max())}
        gains.append(mirrored_gain(label, image))
    if label.any():
        row[GAIN] = dict(pd.DataFrame(gains).mean())
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000  # [mm^3] -> [ml]
    counts = np.bincount(label.ravel(), minlength=256)  # a label map is uint8
    volumes = []
    for name, value in cohort.labels.items():
        n_voxels, volume_ml = int(counts[value]), float(counts[value] * voxel_ml)
        row |= {f"{name}_voxels": n_voxels, f"{name}_ml": volume_ml}
        volumes.append({"case": case.id, **owner, "region": name, "n_voxels": n_voxels, "volume_ml": volume_ml})
    return row, volumes


def _warnings(gains: Sequence[dict[str, float]]) -> tuple[str, ...]:
    if not (code := mirrored_labels(gains)):
        return ()
    return (
        f"The label maps explain the images better when these are taken as {code} instead of {CANONICAL}: were the "
        "arrays of one of them mirrored without their header? Look at some cases.",
    )


def _stored(case: Case) -> str:
    """Return the orientation in which a label map is stored, and that of images that have another."""
    headers = [describe_header(path) for path in (case.require_label_map(), *case.images.values())]
    if not all(header.oriented for header in headers):
        return "no orientation in the header"
    label, *images = (header.orientation for header in headers)
    others = sorted(set(images) - {label})
    return f"{label}, images {' and '.join(others)}" if others else label


def _counts(table: pd.DataFrame, column: str) -> Table:
    """Say how many cases have each value; the rare ones are what one looks for."""
    shown = Table(column, "cases")
    counts = table[column].value_counts()
    for value, count in counts.head(8).items():
        shown.add_row(str(value), str(count))
    if len(counts) > 8:
        shown.add_row(f"and {len(counts) - 8} others", str(counts.iloc[8:].sum()))
    return shown


def _images(cohort: Cohort, table: pd.DataFrame) -> Table:
    """Show how far the scales of the cases lie apart: a scanner's units mean nothing in common."""
    shown = Table("modality", "lowest value", "maximum of a case: lowest", "median", "highest")
    for modality in cohort.modalities:
        maxima = table[f"{modality}_max"]
        numbers = (table[f"{modality}_min"].min(), maxima.min(), maxima.median(), maxima.max())
        shown.add_row(escape(modality), *(f"{number:,.6g}" for number in numbers))
    return shown


def _labels(volumes: pd.DataFrame) -> Table:
    shown = Table("label", *(f"{name} [ml]" for name in QUANTILES), "cases without")
    for region, part in volumes.groupby("region", sort=False):
        quantiles = part["volume_ml"].quantile(list(QUANTILES.values()))
        shown.add_row(escape(str(region)), *(f"{ml:.3g}" for ml in quantiles), str(int((part["n_voxels"] == 0).sum())))
    return shown
