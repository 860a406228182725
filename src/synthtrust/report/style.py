"""How the figures are drawn: one palette, one kind of axis, and SVG whose colours follow the page's light or dark."""

import io
import re
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

from synthtrust.report.marks import PREFIX, Mark, layer

COLOURS = {
    "ink": "#1b1f24",
    "muted": "#5c6570",
    "grid": "#d8dde3",
    "real": "#0072b2",
    "synthetic": "#d55e00",
    "region-0": "#009e73",
    "region-1": "#cc79a7",
    "region-2": "#e69f00",
    "region-3": "#56b4e9",
    "region-4": "#999999",
}
"""Okabe and Ito (2008), told apart by readers with any colour vision; the page's style sheet knows the same names."""

GLYPHS = {"real": "o", "synthetic": "s"}
PANEL = (3.5, 2.75)  # [inch]; fills a phone, three stand side by side on a desk
WIDE_PANEL = (4.3, 3.0)  # [inch]

_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and enlarged
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,  # the $ of a name is no formula
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.titlecolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


def region_colour(index: int) -> str:
    """Return the colour name of the region at a place in the list of regions."""
    return f"region-{index % 5}"


def panel(title: str, x_label: str, y_label: str, size: tuple[float, float] = PANEL) -> tuple[Figure, Axes]:
    """Make one empty panel; no global figure list knows it."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.set(xlabel=x_label, ylabel=y_label, title=title)
        axes.grid(axis="x", visible=False)
    return figure, axes


def alpha_axis(axes: Axes, alphas: Sequence[float], ends: tuple[str, str] | None = None) -> None:
    """Put the shares of real cases on the x axis; ``ends`` names the models at 0 and 1."""
    shown = [a for a in alphas if len(alphas) <= 6 or round(a * 10) % 2 == 0]
    names = {0.0: ends[0], 1.0: ends[1]} if ends else {}
    axes.set_xticks(shown, [f"{a:g}\n{names[a]}" if a in names else f"{a:g}" for a in shown])
    margin = 0.06 * max(max(alphas) - min(alphas), 0.5)
    axes.set_xlim(min(alphas) - margin, max(alphas) + margin)


def svg(figure: Figure, name: str, description: str, marks: Sequence[Mark] = ()) -> str:
    """Draw a figure as inline SVG; artists whose ``gid`` is a ``series_id`` can be switched by the legend.

    Args:
        figure: From ``panel``.
        name: Unique on the page; prefixes every id within, since inlined drawings share one document.
        description: What a screen reader says.
        marks: What is said about single points, where a pointer, a finger or the arrow keys reach them.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # those that were written outside the style, too
    buffer = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):  # without a salt, ids are random
        for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
            patch.set(facecolor="none", edgecolor="none")  # the page's own ground shows
        # `savefig` draws twice, once to lay the figure out; drawing does that by itself.
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    drawing = buffer.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'(\bid="|xlink:href="#|url\(#)', lambda match: f"{match[1]}{name}-", drawing)
    for colour, value in COLOURS.items():
        drawing = drawing.replace(value, f"var(--{colour}, {value})")
    drawing = re.sub(rf'\bid="{re.escape(name)}-{PREFIX}([^"]*)"', r'data-series="\1"', drawing)
    drawing = drawing.replace("</svg>", f"{layer(figure.axes[0], marks)}</svg>")
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    role = "group" if any(mark.href for mark in marks) else "img"  # what is in an image is hidden from screen readers
    return drawing.replace("<svg ", f'<svg role="{role}" aria-label="{label}" ', 1).strip()
