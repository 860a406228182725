"""Fig. 2 of the paper: a real case and its twin side by side, with the outline of every label."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from synthtrust.report.layout import Figure, LegendEntry, Section
from synthtrust.report.style import COLOURS, region_colour

TILE = 220  # [pixel], the longer side of one image on disk


@dataclass(frozen=True)
class SliceRow:
    """One case in one slice."""

    name: str
    images: Mapping[str, NDArray]
    """Modality name -> ``(rows, columns)``, turned as it is shown, in its own intensity units."""
    label: NDArray
    """Label map, ``(rows, columns)``."""


@dataclass(frozen=True)
class Slices:
    """One slice through a real case and through its twin."""

    case: str
    why: str
    """What this case stands for, such as "median Dice 0.81"."""
    rows: tuple[SliceRow, ...]
    regions: Mapping[str, Sequence[int]]
    """Region name -> the values of the label map that it is made of."""
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    """Distance between rows and between columns [mm]."""


def twins_section(pictures: Sequence[Slices]) -> Section:
    """Lay out the slices, one figure per case."""
    keys = tuple(LegendEntry(name, region_colour(index), "▬") for index, name in enumerate(pictures[0].regions))
    return Section(
        title="Real cases and their twins",
        lead="A twin is a synthetic case painted on the label of a real one. Same slice, same labels, other images.",
        figures=tuple(
            Figure(f"Case {picture.case}: {picture.why}", (_grid(picture),), "", keys if index == 0 else (), wide=True)
            for index, picture in enumerate(pictures)
        ),
        notes=(
            "Fig. 2 of the paper. Axial slice with the most labelled voxels, in radiological orientation by the file's "
            "affine: the patient's right is on the left of the image, anterior is up. Pixels have their physical "
            "aspect. Grey levels run from the 1st to the 99.5th percentile of each shown image inside its "
            "foreground: compare contrast and texture, not absolute intensity. The Dice of a case describes that case "
            "alone.",
        ),
    )


def _grid(picture: Slices) -> str:
    """Return a table of images: modalities across, real above synthetic; or turned, where modalities are few."""
    names, modalities = [row.name for row in picture.rows], list(picture.rows[0].images)
    tiles = {
        (row.name, modality): f'<td><img alt="{escape(f"{row.name}, {modality}, case {picture.case}")}" '
        f'src="{_tile(row, modality, picture)}"></td>'
        for row in picture.rows
        for modality in modalities
    }
    turned = len(modalities) < len(names)
    across, down = (names, modalities) if turned else (modalities, names)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in across)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(tiles[(other, name) if turned else (name, other)] for other in across)
        + "</tr>"
        for name in down
    )
    return (
        f'<table class="slices" style="--columns: {len(across)}">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _tile(row: SliceRow, modality: str, picture: Slices) -> str:
    """Draw one image with its outlines as a PNG data address."""
    image = np.asarray(row.images[modality], dtype=float)
    outside, low, high = _window(image)
    height, width = image.shape[0] * picture.pixel_mm[0], image.shape[1] * picture.pixel_mm[1]  # [mm]
    scale = TILE / max(height, width) / 100
    figure = Drawing(figsize=(width * scale, height * scale), dpi=100, facecolor="black")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    shown = np.where(outside, low, image)
    axes.imshow(shown, cmap="gray", vmin=low, vmax=high, aspect="auto", interpolation="bilinear")
    for index, values in enumerate(picture.regions.values()):
        mask = binary_fill_holes(np.isin(row.label, list(values)))  # outer outlines: a region inside keeps its own
        if mask.any() and not mask.all():
            axes.contour(mask, levels=[0.5], colors=[COLOURS[region_colour(index)]], linewidths=1.1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _window(image: NDArray) -> tuple[NDArray, float, float]:
    """Return where the background is, and the ends of the grey levels: robust percentiles of the rest.

    The background is one value that most of the image's edge has, as far as it reaches in from there, wherever the
    intensities lie; a full field of view has none.
    """
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    values, counts = np.unique(edge, return_counts=True)
    outside = ~binary_fill_holes(image != values[counts.argmax()])
    if counts.max() < 0.5 * edge.size or outside.all():
        outside = np.zeros(image.shape, dtype=bool)
    low, high = np.percentile(image[~outside], [1, 99.5])
    return outside, float(low), float(max(high, low + 1e-6))
