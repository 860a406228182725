"""Parity: whether real cases and their twins look alike to a network before any content is compared."""

import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.cases.case import Case
from synthtrust.cases.checks.in_place import labels_in_place, out_of_place, properties_in_place
from synthtrust.cases.checks.inspection import Ledger
from synthtrust.cases.checks.listing_images import format_of
from synthtrust.cases.checks.parity_images import OF_WHOLE_IMAGES, check_classes, different_rounding, different_shapes
from synthtrust.cases.content import content_of
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.formats.volumes import describe_header, read_header
from synthtrust.cases.geometry import CANONICAL, GRID_LIMIT, grid_distance
from synthtrust.cases.volumes import mean_and_sd
from synthtrust.files import fingerprint, writable
from synthtrust.refusals import CaseError

log = logging.getLogger(__name__)

QUANTILES = (0.05, 0.5, 0.95)
Z_SCORES = {quantile: f"z at {quantile:.0%}" for quantile in QUANTILES}
"""Quantile -> the property that holds the z-score there."""
LABELS = {value: f"label {value}" for value in range(1, 256)}
"""Value in a label map -> the property that counts its voxels."""
COLUMNS = ("case", "modality", "property", "taken_as", "real", "synthetic")
GEOMETRY = ("shape", "orientation", "spacing [mm]")
APART = "apart [voxels]"
DARK = 0.05  # [share of the 99th percentile]: nearer to 0 than that is background, not tissue
BACKGROUND_LIMIT = 0.2  # difference in share of voxels; outlines of twins vary by some per cent, a background by half
Z_LIMIT = 0.5  # [sd] between the quantiles of real and synthetic images


def parity(
    real: Sequence[Case],
    twins: Sequence[Case],
    modalities: Sequence[str],
    *,
    n: int = 8,
    folder: str | Path | None = None,
) -> pd.DataFrame:
    """Compare real cases with their twins as they lie on disk.

    Scales differ from case to case, so that intensities are compared as quantiles of z-scores of the voxels that are
    not 0, as a network sees them; the raw range is shown beside them. Of labelled images a pair shares its class alone,
    so that only the medians of many pairs tell more than chance: give ``n`` some dozens.

    Args:
        real: Real cases.
        twins: Their twins, paired by id, in any order; others are left out.
        modalities: Which images to compare.
        n: Read at most so many pairs, spread evenly over the ids.
        folder: Where the table is remembered, by the content of the pairs, so that the runs of a sweep read them once;
            they are read again when not given.

    Returns:
        A row per pair, modality and property: case, modality (``label`` for the label map), property, taken_as (the
        orientation that the arrays are taken in, ``RAS`` if in place), real, synthetic.
        Properties: shape; orientation (as stored), spacing [mm] and dtype of a volume, how far the grids lie apart
        [voxels], how much a twin is like its real image and its label explains of it, in place and in the other
        orientations that keep the shape (see ``in_place``); or the format of a plane image; background (share of voxels
        that are exactly 0), dark (share that is nearly but not exactly 0), lowest and highest [intensity units], how
        many different values, z-scores at 5, 50 and 95 %; voxels of each label, or the class or findings.

    Raises:
        CaseError: If no case has a twin among those given, or a file cannot be read.
    """
    twin_of = {twin.id: twin for twin in twins}
    pairs = [(case, twin_of[case.id]) for case in sorted(real, key=lambda case: case.id) if case.id in twin_of]
    if not pairs:
        raise CaseError(f"Expected real cases and their twins, but none of {len(real)} ids is among the twins.")
    chosen = np.unique(np.linspace(0, len(pairs) - 1, min(n, len(pairs))).round().astype(int))
    compared = [pairs[i] for i in chosen]
    if (folder := writable(folder)) is None:
        return pd.DataFrame(_rows(compared, modalities), columns=list(COLUMNS))
    ledger = Ledger(folder / "parity.jsonl")
    contents = [(case.id, content_of(case), content_of(twin)) for case, twin in compared]
    key = fingerprint([version("synthtrust"), contents, list(modalities)])
    if (rows := ledger.entries().get(key)) is None:
        ledger.add({key: (rows := _rows(compared, modalities))})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(pairs: Sequence[tuple[Case, Case]], modalities: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the rows of the table as plain values."""
    rows: list[tuple[Any, ...]] = []
    for case, twin in pairs:
        labels = (case.load_label(), twin.load_label()) if case.has_label_map else None
        for name in (*modalities, "label"):
            real_facts, twin_facts = properties(case, name), properties(twin, name)
            if real_facts.keys() & twin_facts.keys() >= set(GEOMETRY):
                real_facts[APART], twin_facts[APART] = 0.0, _apart(case, twin, name)
            # a label that only one of them has counts 0 voxels in the other
            rows.extend(
                (case.id, name, key, CANONICAL, real_facts.get(key, 0), twin_facts.get(key, 0))
                for key in real_facts | twin_facts
            )
            if labels is not None:
                rows.extend((case.id, name, *key, *values) for key, values in _in_place(case, twin, name, labels))
    return rows


def check_parity(table: pd.DataFrame) -> list[str]:
    """Refuse twins that a network would see through another preprocessing than real cases; warn of lesser differences.

    Args:
        table: From ``parity``.

    Returns:
        The warnings, which are logged too: label maps that differ, quantiles of z-scores that lie apart; of labelled
        images also another shape, background or rounding, since they are resized and not cropped to their foreground.

    Raises:
        CaseError: If the grids of a pair lie apart; or twins are mirrored or turned, by ``out_of_place``; or background
            is exactly 0 in one source and something else in the other, so that foreground cropping and z-scores would
            tell the sources apart. Of labelled images: if the class, or a finding, of a pair differs.
    """
    background = _different_background(table)
    if table["property"].isin(OF_WHOLE_IMAGES).any():
        check_classes(table)
        warnings = [*different_shapes(table), *background, *different_rounding(table)]
    else:
        warnings = []
        if errors := _different_geometry(table) + background + out_of_place(table):
            raise CaseError(
                f"Expected real cases and twins of one preprocessing, but {' '.join(errors)} Paint the twins on the "
                "grid of their labels, voxel on voxel, with background exactly as in real cases."
            )
    warnings += _different_labels(table) + _different_contrast(table)
    for warning in warnings:
        log.warning(warning)
    return warnings


def print_parity(table: pd.DataFrame, console: Console | None = None) -> None:
    """Show the table on the terminal: medians over the pairs, or how many pairs agree where there are no numbers."""
    shown = Table("", "property", "real", "synthetic", title=f"Parity of {table['case'].nunique()} pairs")
    table = table[table["taken_as"] == CANONICAL]  # the others are many, and only to be compared with those in place
    rows: dict[tuple[str, str, str], list[str]] = {}
    for (modality, subject), part in table.groupby(["modality", "property"], sort=False):
        row = (str(subject), _summary(part["real"]), _summary(part["synthetic"]))
        rows.setdefault(row, []).append(str(modality))  # what all images share is one row
    for row, names in rows.items():
        shown.add_row(escape(", ".join(names)), *map(escape, row), style="" if row[1] == row[2] else "yellow")
    (console or Console(stderr=True)).print(shown)


def properties(case: Case, name: str) -> dict[str, Any]:
    """Return what a network meets in one file of a case: grid, orientation, voxel size, intensities, counts of labels.

    Args:
        case: The case.
        name: A modality, or ``label``.
    """
    if name == "label" and case.class_index is not None:
        return {"class": case.class_index}
    if name == "label" and case.findings is not None:
        return {"findings": " ".join(map(str, case.findings))}
    path = case.files[name]
    if is_raster(path):  # knows neither orientation nor spacing
        image = case.load_image(name)
        return {"shape": " x ".join(map(str, image.shape)), "format": format_of(case)} | _intensities(image)
    header = describe_header(path)
    facts: dict[str, Any] = {
        "shape": " x ".join(map(str, header.shape[:3])),
        "orientation": header.orientation,
        "spacing [mm]": " x ".join(f"{side:.3f}" for side in np.linalg.norm(header.affine[:3, :3], axis=0)),
        "dtype": str(header.dtype),
    }
    if name == "label":
        values, counts = np.unique(case.load_label(), return_counts=True)
        return facts | {LABELS[int(value)]: int(count) for value, count in zip(values, counts) if value}
    return facts | _intensities(case.load_image(name))


def _intensities(image: NDArray[np.float32]) -> dict[str, float]:
    inside = image[image != 0].astype(np.float64)
    dark = np.abs(inside) < DARK * np.quantile(np.abs(inside), 0.99)
    mean, sd = mean_and_sd(inside)
    z = (np.quantile(inside, QUANTILES) - mean) / sd
    return {
        "background": float((image == 0).mean()),
        "dark": float(dark.sum() / image.size),
        "lowest": float(image.min()),
        "highest": float(image.max()),
        "different values": len(np.unique(image)),
        **dict(zip(Z_SCORES.values(), map(float, z))),
    }


def _apart(case: Case, twin: Case, name: str) -> float:
    """Return how far the grid of a twin lies from that of its real case [voxels]; infinity where shapes differ."""
    (shape, affine), (other, twin_affine) = (read_header(whose.files[name]) for whose in (case, twin))
    return grid_distance(affine, twin_affine, shape) if shape[:3] == other[:3] else float("inf")


def _in_place(
    case: Case, twin: Case, name: str, labels: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> Iterable[tuple[tuple[str, str], tuple[float, float]]]:
    if name == "label":
        return labels_in_place(*labels).items()
    return properties_in_place(case.load_image(name), twin.load_image(name), labels).items()


def _different_geometry(table: pd.DataFrame) -> list[str]:
    """Name the grids that lie apart, by what differs in their headers; one place in two orientations is no fault."""
    apart = table[(table["property"] == APART) & (table["synthetic"].map(_number) > GRID_LIMIT)]
    errors = []
    for row in apart.head(3).itertuples():
        of_pair = table[(table["case"] == row.case) & (table["modality"] == row.modality)]
        differ = of_pair[of_pair["property"].isin(GEOMETRY) & (of_pair["real"] != of_pair["synthetic"])]
        differences = [f"{d.property} {d.synthetic} against {d.real}" for d in differ.itertuples()]
        errors.append(
            f"{row.modality} of {row.case} has {', '.join(differences) or f'voxels {row.synthetic:.2g} away'}."
        )
    return errors


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _different_background(table: pd.DataFrame) -> list[str]:
    errors = []
    for subject, words in (("background", "exactly 0"), ("dark", "nearly, but not exactly 0")):
        for modality, part in table[table["property"] == subject].groupby("modality", sort=False):
            real, synthetic = float(part["real"].median()), float(part["synthetic"].median())
            if abs(real - synthetic) > BACKGROUND_LIMIT:
                errors.append(f"{synthetic:.0%} of the voxels of {modality} are {words}, against {real:.0%} in real.")
    return errors


def _different_labels(table: pd.DataFrame) -> list[str]:
    rows = table[table["property"].isin(LABELS.values()) & (table["real"] != table["synthetic"])]
    if rows.empty:
        return []
    first = rows.iloc[0]
    n, total = rows["case"].nunique(), table["case"].nunique()
    return [
        f"Label maps of {n} of {total} twins differ from their real cases, first "
        f"{first['case']}: {first['synthetic']} voxels of {first['property']} against {first['real']}."
    ]


def _different_contrast(table: pd.DataFrame) -> list[str]:
    warnings = []
    rows = table[table["property"].isin(Z_SCORES.values())]
    for (modality, subject), part in rows.groupby(["modality", "property"], sort=False):
        real, synthetic = float(part["real"].median()), float(part["synthetic"].median())
        if abs(real - synthetic) > Z_LIMIT:
            warnings.append(
                f"Twins have another contrast in {modality}: {subject} is {synthetic:.2f}, in real cases {real:.2f} "
                "[sd]."
            )
    return warnings


def _summary(values: pd.Series) -> str:
    if all(isinstance(value, int | float) for value in values):
        return f"{float(np.median(values.astype(float))):.4g}"
    first, n = values.value_counts().index[0], int(values.value_counts().iloc[0])
    return str(first) if n == len(values) else f"{first} ({n} of {len(values)})"
