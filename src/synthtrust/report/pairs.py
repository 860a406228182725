"""A synthetic case beside the training case that it is nearest to, and their difference."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthtrust.report.layout import Figure

PICTURES = "pairs"
"""The key under which a table carries its pairs in ``attrs``; they are written to no file."""
TILE = 168  # [pixel], the longer side of one image


@dataclass(frozen=True, eq=False)  # pandas compares what tables carry, and arrays have no one answer to that
class Pair:
    """Two images to be looked at side by side."""

    set: str
    synthetic: str
    """Id of the synthetic case."""
    real: str
    """Id of the training case."""
    why: str
    left: NDArray
    """``(rows, columns)`` of the synthetic case, in its own intensity units."""
    right: NDArray
    """``(rows, columns)`` of the training case, in its own intensity units."""


def pairs_figure(pairs: Sequence[Pair]) -> Figure:
    """Lay out pairs, one panel each."""
    return Figure(
        "The most suspicious pairs: synthetic case, the most alike training case, and their difference",
        tuple(_panel(pair) for pair in pairs),
        "Middle axial slice of volumes. The search compares all pairs coarsely and the best of them in full, and looks "
        "through mirroring and shifts: a copy may be mirrored or lie a few slices off. Grey levels run from the 1st to "
        "the 99th percentile of each image. The difference is that of grey levels, black where they are the same; it "
        "is not shown where the images are of different shapes, and says nothing where a copy is mirrored or moved. "
        "The most suspicious pairs are shown whether or not they are copies.",
        wide=True,
    )


def _panel(pair: Pair) -> str:
    left, right = _grey(pair.left), _grey(pair.right)
    shown = [("synthetic", pair.synthetic, left), ("training", pair.real, right)]
    if left.shape == right.shape:
        shown.append(("difference", f"of {pair.synthetic} and {pair.real}", np.abs(left - right)))
    tiles = "".join(
        f'<td><small>{kind}</small><img alt="{escape(f"{kind} {case}")}" src="{_tile(grey)}"></td>'
        for kind, case, grey in shown
    )
    caption = escape(f"{pair.synthetic} of {pair.set} and {pair.real}: {pair.why}")
    return (
        f'<table class="slices" style="--columns: 3"><tbody><tr>{tiles}{"<td></td>" * (3 - len(shown))}</tr></tbody>'
        f'<caption style="caption-side: bottom; text-align: left; padding-left: 4px; font-size: .82rem">'
        f"{caption}</caption></table>"
    )


def _grey(image: NDArray) -> NDArray[np.float64]:
    """Return the grey levels of an image, in [0, 1]: robust percentiles are black and white."""
    values = np.asarray(image, dtype=np.float64)
    low, high = np.percentile(values, [1, 99])
    grey: NDArray[np.float64] = ((values - low) / max(high - low, 1e-12)).clip(0, 1)
    return grey


def _tile(grey: NDArray[np.float64]) -> str:
    """Return grey levels in [0, 1] as a PNG data address."""
    picture, buffer = Image.fromarray((255 * grey).astype(np.uint8)), io.BytesIO()
    scale = TILE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture.resize(size, Image.Resampling.BILINEAR).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
