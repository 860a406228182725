"""What a drawing says about each of its marks: a layer over an SVG that pointers, fingers and keys reach."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthtrust.report.formatting import count, estimate, short

RADIUS = 7  # [pt], as far as a pointer may be from the middle of a mark
PREFIX = "series:"


@dataclass(frozen=True)
class Mark:
    """One point of a drawing, and what is said about it."""

    x: float
    """Where it is on the x axis, in the units of the axis."""
    y: float
    text: str
    """Value, interval and n, as a sentence without a full stop."""
    series: str = ""
    """A word of this package (no name from data) that the legend's entry has as well, which shows and hides it."""
    href: str = ""
    """An address on the page that belongs to the mark."""


def series_id(series: str) -> str:
    """Return the ``gid`` of an artist that belongs to a series of the legend.

    >>> series_id("real")
    'series:real'
    """
    return f"{PREFIX}{series}"


def layer(axes: Axes, marks: Sequence[Mark]) -> str:
    """Return one transparent circle for each mark, with its text as a title, in the coordinates of the saved SVG.

    Args:
        axes: The only axes of a figure that was saved as SVG, so that its layout is settled.
        marks: Those that lie outside the axes, or nowhere, get no circle.
    """
    figure = axes.get_figure()
    if not marks or not isinstance(figure, Figure):
        return ""
    height = float(figure.get_size_inches()[1]) * 72  # [pt]
    places = axes.transData.transform([(mark.x, mark.y) for mark in marks]) * 72 / figure.dpi
    circles = [
        _circle(mark, float(x), height - float(y))
        for mark, (x, y) in zip(marks, places, strict=True)
        if np.isfinite(x) and np.isfinite(y)
    ]
    return f'<g class="marks">{"".join(circles)}</g>'


def without_layer(drawing: str) -> str:
    """Return a drawing without what only the page's style keeps transparent.

    >>> without_layer('<svg><path/><g class="marks"><circle/></g></svg>')
    '<svg><path/></svg>'
    """
    return re.sub('<g class="marks">.*?</g>', "", drawing, count=1, flags=re.DOTALL)


def _circle(mark: Mark, x: float, y: float) -> str:
    series = f' data-series="{escape(mark.series)}"' if mark.series else ""
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"{series}><title>{escape(mark.text)}</title></circle>'
    return f'<a href="{escape(mark.href)}">{circle}</a>' if mark.href else circle


def alpha_marks(
    rows: Iterable[Mapping[Any, Any]], words: str, series: str, *, move: float = 0.0, digits: int = 3
) -> Iterator[Mark]:
    """Yield a mark for each row of a curve over alpha: value, interval, cases, patients and seeds.

    Args:
        rows: alpha, value, ci_low, ci_high, n_cases, n_patients, n_seeds.
        words: What the curve is.
        series: The series of every mark.
        move: How far the marks are drawn to the right of their alpha.
        digits: Decimals of value and interval.
    """
    for row in rows:
        if np.isfinite(row["value"]):
            value = estimate(row["value"], row["ci_low"], row["ci_high"], digits)
            text = f"{words}, α = {short(row['alpha'])}: {value}; {n_text(row)}"
            yield Mark(row["alpha"] + move, row["value"], text, series)


def n_text(row: Mapping[Any, Any]) -> str:
    """Say how many cases, patients and seeds a number is made of.

    >>> n_text({"n_cases": 40, "n_patients": 38, "n_seeds": 1})
    'n = 40 cases of 38 patients, 1 seed'
    """
    cases, patients = count(int(row["n_cases"]), "case"), count(int(row["n_patients"]), "patient")
    return f"n = {cases} of {patients}, {count(int(row['n_seeds']), 'seed')}"
