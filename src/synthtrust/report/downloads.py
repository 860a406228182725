"""Tables as CSV and drawings as SVG behind links on the page, as data addresses that need no file beside it."""

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthtrust.report.formatting import EstimateCell
from synthtrust.report.marks import without_layer
from synthtrust.tables import csv_text

LARGEST_DRAWING = 400_000  # [byte]; larger ones are on the page, and behind no link, since a link holds them again
DRAWING = re.compile("<svg")


def flattened(shown: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the page as data: each estimate as three columns, and other cells on one line.

    >>> flattened(pd.DataFrame({"Gap": [EstimateCell(0.25, 0.125, 0.5), "n/a"]})).to_dict("list")
    {'Gap': [0.25, 'n/a'], 'Gap, lower limit': [0.125, ''], 'Gap, upper limit': [0.5, '']}
    """
    columns: dict[str, list[Any]] = {}
    for name in shown:
        cells = shown[name].tolist()
        columns[str(name)] = [_value(cell) for cell in cells]
        limits = [cell for cell in cells if isinstance(cell, EstimateCell)]
        if any(math.isfinite(cell.low) or math.isfinite(cell.high) for cell in limits):
            columns[f"{name}, lower limit"] = [_limit(cell, "low") for cell in cells]
            columns[f"{name}, upper limit"] = [_limit(cell, "high") for cell in cells]
    return pd.DataFrame(columns)


def _value(cell: Any) -> Any:
    if isinstance(cell, EstimateCell):
        return cell.value if math.isfinite(cell.value) else "n/a"
    return " ".join(cell.split("\n")) if isinstance(cell, str) else cell


def _limit(cell: Any, side: str) -> Any:
    limit = getattr(cell, side) if isinstance(cell, EstimateCell) else math.nan
    return limit if math.isfinite(limit) else ""


def csv_address(shown: pd.DataFrame) -> str:
    """Return a table of the page as a data address."""
    return _address("text/csv;charset=utf-8", csv_text(flattened(shown)))


def svg_address(drawing: str, colours: Mapping[str, str]) -> str:
    """Return a drawing of the page as a data address; nothing for what is no drawing, or a very large one.

    Args:
        drawing: Inline SVG, whose colours are variables of the page.
        colours: Name of each variable -> its colour outside of the page.
    """
    drawing = without_layer(drawing)
    if not DRAWING.match(drawing) or len(drawing) > LARGEST_DRAWING:
        return ""
    plain = re.sub(
        r"var\(--([\w-]+)(?:, *([^)]*))?\)", lambda found: found[2] or colours.get(found[1], "#000"), drawing
    )
    plain = re.sub("^<svg (?![^>]*xmlns=)", '<svg xmlns="http://www.w3.org/2000/svg" ', plain)
    return _address("image/svg+xml", plain)


def _address(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
