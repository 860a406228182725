"""Fig. 2 of the paper: a real case and its twin side by side, slice by slice, with labels and predictions outlined."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_fill_holes

from synthtrust.report.contours import contour_path
from synthtrust.report.layout import DESCRIBED, Figure, LegendEntry, Section
from synthtrust.report.per_case import ADDRESSES
from synthtrust.report.style import region_colour

TILE = 176  # [pixel], the longer side of one slice in the page
BESIDE = 3
"""Most tiles of one case with which two cases stand side by side on a desk."""
UNITS = 10
"""Units of an outline in one pixel of a tile."""
QUALITY = 85
"""The quality of WebP, in [0, 100]: a stack of slices takes a tenth of what it takes without loss."""


@dataclass(frozen=True)
class SliceRow:
    """Some slices of one case, S of them."""

    name: str
    images: Mapping[str, NDArray]
    """Modality name -> ``(S, rows, columns)``, turned as it is shown, in its own intensity units."""
    label: NDArray
    """Label map, ``(S, rows, columns)``."""
    predictions: Mapping[str, NDArray] = field(default_factory=dict)
    """What a network is called -> the label map that it predicts, ``(S, rows, columns)``."""


@dataclass(frozen=True)
class Slices:
    """The same slices through a real case and through its twin."""

    case: str
    why: str
    """What this case stands for, such as "median Dice 0.81"."""
    rows: tuple[SliceRow, ...]
    regions: Mapping[str, Sequence[int]]
    """Region name -> the values of the label map that it is made of."""
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    """Distance between rows and between columns [mm]."""
    paired: bool = True
    """Whether the second row is the twin of the case, and not just another case beside it."""
    heights: tuple[int, ...] = ()
    """The number of each slice in the file of the real case, from 0; counted from 0 where it is empty."""
    first: int = 0
    """Place of the slice that is shown first, and in print."""


PAIRED = (
    "Real cases and their twins",
    "A twin is a synthetic case painted on the label of a real one. Same slice, same labels, other images.",
    "Fig. 2 of the paper. The axial slice that is shown first is the one",
)
UNPAIRED = (
    "Real and synthetic cases",
    "The synthetic cases have labels of their own: those that are shown beside each other are no pairs.",
    "The axial slice of each that is shown first is the one",
)
"""Title and lead of the section, and the beginning of its note."""
LABEL, PREDICTION = "contour-label", "contour-prediction"
"""The series of outlines that the legend shows and hides."""


def twins_section(pictures: Sequence[Slices]) -> Section:
    """Lay out the slices, one figure per case; of classes, which have no outlines, without those."""
    if not pictures[0].regions:
        return _classes_section(pictures)
    predicted = any(row.predictions for picture in pictures for row in picture.rows)
    keys = (
        *(LegendEntry(name, region_colour(i), "▬", region_colour(i)) for i, name in enumerate(pictures[0].regions)),
        LegendEntry("label map" + (" (dashed where a prediction is shown)" if predicted else ""), "ink", "▭", LABEL),
        *((LegendEntry("prediction", "ink", "▬", PREDICTION),) if predicted else ()),
    )
    title, lead, height = UNPAIRED if not pictures[0].paired else PAIRED
    return Section(
        title=title,
        lead=lead,
        figures=tuple(
            Figure(
                f"Case {picture.case}: {picture.why}",
                ("".join(_viewer(picture, slices_address(index))),),
                DESCRIBED,
                keys,
                wide=True,
            )
            for index, picture in enumerate(pictures)
        ),
        notes=(
            f"{height} with the most labelled voxels, in radiological orientation by the file's "
            "affine: the patient's right is on the left of the image, anterior is up. Pixels have their physical "
            "aspect. Grey levels run from the 1st to the 99.5th percentile of the shown slices inside their "
            "foreground, and images are compressed (WebP): compare contrast and texture, not absolute intensity or "
            "single pixels. The Dice of a case describes that case alone."
            + (" Predictions are those of one training seed; their Dice is of the whole case." if predicted else ""),
        ),
        limit="A few cases, chosen by their Dice; what looks real need not be useful, and a copy looks best of all.",
    )  # fmt: skip


def _classes_section(pictures: Sequence[Slices]) -> Section:
    """Lay out cases of classes beside their twins."""
    return Section(
        "Real cases and their twins",
        "A twin is a synthetic case with the class or the findings of a real one.",
        tuple(
            Figure(
                f"Case {picture.case}: {picture.why}",
                ("".join(_viewer(picture, slices_address(index))),),
                DESCRIBED,
                wide=True,
            )
            for index, picture in enumerate(pictures)
        ),
        notes=(
            "Volumes are shown in their middle axial slice. Grey levels run from the 1st to the 99.5th percentile of "
            "each image inside its foreground, and images are compressed (WebP): compare contrast and texture, not "
            "absolute intensity or single pixels. Probabilities are those of one training seed.",
        ),
        limit="One case of each of a few classes; what looks real need not be useful, and a copy looks best of all.",
    )


def with_addresses(tables: Mapping[str, Mapping[str, pd.DataFrame]], pictures: Sequence[Slices]) -> None:
    """Tell the table of pairs of test cases, if there is one, where on the page the pictures of some of them are."""
    addresses = {picture.case: f"#{slices_address(index)}" for index, picture in enumerate(pictures)}
    if pictures and pictures[0].paired and (pairs := tables.get("trust", {}).get("pairs")) is not None:
        pairs.attrs[ADDRESSES] = addresses


def slices_address(index: int) -> str:
    """Return the address of the figure of a picture, by its place among the pictures.

    >>> slices_address(0)
    'slices-0'
    """
    return f"slices-{index}"


def _viewer(picture: Slices, name: str) -> Iterator[str]:
    """Yield the markup of a viewer: outlines of every slice once, then a row of tiles for each case, and a slider."""
    n = max(len(row.label) for row in picture.rows)
    box = _box(picture)
    columns = max(len(row.images) + len(row.predictions) for row in picture.rows)
    kind = "viewer beside" if columns <= BESIDE else "viewer"
    yield (
        f'<div class="{kind}" id="{name}" data-slices="{n}" data-first="{picture.first}" style="--columns: {columns}">'
    )
    yield '<svg class="outlines" width="0" height="0" aria-hidden="true"><defs>'
    for place, row in enumerate(picture.rows):
        for number, labels in (("label", row.label), *enumerate(row.predictions.values())):
            yield from _outlines(f"{name}-{place}-{number}", labels[:, *box], picture)
    yield "</defs></svg>"
    for place, row in enumerate(picture.rows):
        yield f'<div class="tiles" role="group" aria-label="{escape(row.name)}"><b>{escape(row.name)}</b>'
        yield from _tiles(row, picture, box, f"{name}-{place}")
        yield "</div>"
    if n > 1:
        heights = picture.heights or tuple(range(n))
        yield (
            f'<div class="slider" hidden><label>Slice <input type="range" min="0" max="{n - 1}" '
            f'value="{picture.first}" data-heights="{" ".join(map(str, heights))}"></label> <output></output> '
            "<small>or the wheel, or a finger moved sideways, over an image</small></div>"
        )
    yield "</div>"


def _tiles(row: SliceRow, picture: Slices, box: tuple[slice, slice], name: str) -> Iterator[str]:
    """Yield a tile for each modality with the label map, then one for each prediction, on the last modality."""
    sources = {}
    for modality, image in row.images.items():
        sources[modality], (width, height) = _strip(image[:, *box], picture.pixel_mm)
        yield _tile(row, picture, sources[modality], (width, height), modality, [(f"{name}-label", LABEL)])
    for number, words in enumerate(row.predictions):
        outlines = [(f"{name}-label", f"{LABEL} dashed"), (f"{name}-{number}", PREDICTION)]
        yield _tile(row, picture, sources[modality], (width, height), words, outlines, modality)


def _tile(
    row: SliceRow,
    picture: Slices,
    source: str,
    size: tuple[int, int],
    words: str,
    outlines: Sequence[tuple[str, str]],
    modality: str = "",
) -> str:
    """Return a figure of one image: a window on its strip of slices, the outlines over it, and what it is."""
    n = len(row.label)
    place = f"0 {100 * picture.first / max(n - 1, 1):.4f}%"
    alt = escape(f"{row.name}, {words}{f' on {modality}' if modality else ''}, case {picture.case}")
    uses = "".join(
        f'<g class="{kind}" data-series="{kind.split()[0]}">'
        f'<use href="#{name}-{picture.first}" data-outlines="{name}"/></g>'
        for name, kind in outlines
    )
    return (
        f'<div class="tile"><span>{escape(words)}</span><div class="image" style="aspect-ratio: {size[0]} / {size[1]}">'
        f'<img alt="{alt}" src="{source}" style="object-position: {place}">'
        f'<svg viewBox="0 0 {UNITS * size[0]} {UNITS * size[1]}" preserveAspectRatio="none" aria-hidden="true">'
        f"{uses}</svg></div></div>"
    )


def _outlines(name: str, labels: NDArray, picture: Slices) -> Iterator[str]:
    """Yield the outlines of each slice as a group that tiles refer to, in tenths of the pixels of a tile."""
    width, height = _size(labels.shape, picture.pixel_mm)
    pixel = UNITS * height / labels.shape[1], UNITS * width / labels.shape[2]
    for number, label in enumerate(labels):
        paths = []
        for index, values in enumerate(picture.regions.values()):
            mask = binary_fill_holes(np.isin(label, list(values)))  # outer outlines: a region inside keeps its own
            if mask.any():
                colour = region_colour(index)
                paths.append(f'<path data-series="{colour}" stroke="var(--{colour})" d="{contour_path(mask, pixel)}"/>')
        yield f'<g id="{name}-{number}">{"".join(paths)}</g>'


def _box(picture: Slices) -> tuple[slice, slice]:
    """Return the rows and columns outside which every shown image is background, and nothing is labelled."""
    inside = np.zeros(picture.rows[0].label.shape[1:], dtype=bool)
    for row in picture.rows:
        if row.label.shape[1:] != inside.shape:  # cases on grids of their own stay whole
            return slice(None), slice(None)
        for image in row.images.values():
            inside |= ~_window(image)[0].all(axis=0)
        for labels in (row.label, *row.predictions.values()):
            inside |= (labels > 0).any(axis=0)
    edges = []
    for axis in (1, 0):
        line = np.flatnonzero(inside.any(axis=axis))
        edges.append(slice(max(int(line[0]) - 2, 0), int(line[-1]) + 3) if len(line) else slice(None))
    return edges[0], edges[1]


def _size(shape: Sequence[int], pixel_mm: tuple[float, float]) -> tuple[int, int]:
    """Return width and height of a tile [pixel], in physical aspect.

    >>> _size((1, 20, 20), (2.0, 1.0))
    (88, 176)
    """
    height, width = shape[-2] * pixel_mm[0], shape[-1] * pixel_mm[1]  # [mm]
    scale = TILE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _strip(stack: NDArray, pixel_mm: tuple[float, float]) -> tuple[str, tuple[int, int]]:
    """Return slices one below the other as a data address, and the width and height of each [pixel]."""
    stack = np.asarray(stack, dtype=float)
    outside, low, high = _window(stack)
    size = _size(stack.shape, pixel_mm)
    grey = (255 * ((np.where(outside, low, stack) - low) / (high - low)).clip(0, 1)).astype(np.uint8)
    strip = Image.new("L", (size[0], size[1] * len(stack)))
    for place, image in enumerate(grey):
        strip.paste(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), (0, place * size[1]))
    buffer = io.BytesIO()
    strip.save(buffer, format="WebP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(), size


def _window(stack: NDArray) -> tuple[NDArray, float, float]:
    """Return where the background of some slices is, and the ends of the grey levels: robust percentiles of the rest.

    The background is one value that most of the edges have, as far as it reaches in from there, wherever the
    intensities lie; a full field of view has none.

    Args:
        stack: ``(S, rows, columns)``.
    """
    edge = np.concatenate([part.ravel() for part in (stack[:, 0], stack[:, -1], stack[:, :, 0], stack[:, :, -1])])
    values, counts = np.unique(edge, return_counts=True)
    outside = np.stack([~binary_fill_holes(image != values[counts.argmax()]) for image in stack])
    if counts.max() < 0.5 * edge.size or outside.all():
        outside = np.zeros(stack.shape, dtype=bool)
    low, high = np.percentile(stack[~outside], [1, 99.5])
    return outside, float(low), float(max(high, low + 1e-6))
