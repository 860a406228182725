"""Tidy tables in, drawings out: one function per figure, each returns its panels as inline SVG."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from synthtrust.report.formatting import number
from synthtrust.report.layout import LegendEntry
from synthtrust.report.marks import Mark, alpha_marks, series_id
from synthtrust.report.matched import WORDS
from synthtrust.report.style import COLOURS, GLYPHS, WIDE_PANEL, alpha_axis, panel, region_colour, svg

X_ALPHA = "α, share of real cases in training"
ON_TWINS = {("TSTR", "TRTR"): ("TSTS", "TRTS")}
"""What the ends of the curve are called when they are scored on synthetic cases."""
SOURCES = ("real", "synthetic")
CONTROL_MARKS = {"real_only": "D", "duplicate_real": "^"}
REGION_MARKS = ("o", "s", "^", "D", "v")
REGION_GLYPHS = ("●", "■", "▲", "◆", "▼")
"""The marker of a region in a drawing, and in a legend, by its place in the list of regions."""
REFERENCES = {"T3_null": "if cases and twins were unrelated", "T4_floor": "between two seeds"}
"""What is drawn dashed beside T3 and T4."""


def region_key(region: str, index: int) -> LegendEntry:
    """Return the legend's entry of a region, by its place in the list of regions."""
    return LegendEntry(region, region_colour(index), REGION_GLYPHS[index % len(REGION_GLYPHS)], region_colour(index))


def curve_panels(
    curve: pd.DataFrame,
    name: str,
    measure: str,
    ends: tuple[str, str] | None = None,
    controls: pd.DataFrame | None = None,
) -> tuple[str, ...]:
    """Draw a measure over alpha with its simultaneous band, one panel per test set; hollow marks are excluded as best.

    Args:
        curve: Rows of one mode: source, alpha, value, ci_low, ci_high, band_low, band_high, not_excluded.
        name: Unique on the page.
        measure: What is on the y axis.
        ends: What the models at 0 and 1 are called on real test cases.
        controls: Rows of the count-matched controls on real test cases, by mode, drawn dashed beside them.
    """
    drawings = []
    limits = _limits(curve if controls is None else pd.concat([curve, controls]))
    for source in _present(curve, "source", SOURCES):
        rows = curve[curve["source"] == source].sort_values("alpha")
        figure, axes = panel(f"{source.capitalize()} test cases", X_ALPHA, measure, WIDE_PANEL)
        colour = COLOURS[source]
        if rows["band_low"].notna().any():
            axes.fill_between(rows["alpha"], rows["band_low"], rows["band_high"], color=colour, alpha=0.18, lw=0)
        _line(axes, rows, colour, "", shaded=False)
        marks = _curve_marks(rows, measure, source)
        if controls is not None and source == "real":
            marks += _controls(axes, controls)
        for hollow, marked in rows.groupby(~rows["not_excluded"].astype(bool)):
            fill = "none" if hollow else colour
            axes.plot(marked["alpha"], marked["value"], GLYPHS[source], color=colour, mfc=fill, mew=1.5, ms=6)
        axes.set_ylim(limits)
        alpha_axis(
            axes, rows["alpha"].tolist(), (ON_TWINS.get(ends) if source == "synthetic" else ends) if ends else None
        )
        drawings.append(svg(figure, f"{name}-{source}", f"{measure} on {source} test cases over alpha.", marks))
    return tuple(drawings)


def best_panel(curve: pd.DataFrame, name: str) -> str:
    """Draw which shares are not excluded as the best, a row for each test set; crosses are excluded.

    Args:
        curve: Rows of one mode: source, alpha, value, ci_low, ci_high, n_cases, n_patients, n_seeds, not_excluded.
        name: Unique on the page.
    """
    sources = _present(curve, "source", SOURCES)
    figure, axes = panel("", X_ALPHA, "", (WIDE_PANEL[0], 0.85 + 0.3 * len(sources)))
    marks: list[Mark] = []
    for y, source in enumerate(sources):
        rows = curve[(curve["source"] == source) & curve["value"].notna()].sort_values("alpha")
        stays = rows["not_excluded"].astype(bool)
        axes.plot(rows["alpha"][stays], [y] * int(stays.sum()), GLYPHS[source], color=COLOURS[source], ms=9)
        axes.plot(rows["alpha"][~stays], [y] * int((~stays).sum()), "x", color=COLOURS["muted"], ms=6, mew=1.4)
        marks += [replace(mark, y=y) for mark in _curve_marks(rows, "score", source)]
    axes.set_yticks(range(len(sources)), [f"{source} test cases" for source in sources])
    axes.set_ylim(len(sources) - 0.5, -0.5)
    alpha_axis(axes, sorted(curve["alpha"].unique()))
    return svg(figure, name, "Shares of real cases that are not excluded as the best, on each test set.", marks)


def source_panels(factors: pd.DataFrame, factor: str, y_label: str, name: str) -> tuple[str, ...]:
    """Draw one factor over alpha for real and synthetic test cases, one panel per region (T1, T2, T5).

    Args:
        factors: Rows of one mode: factor, alpha, source, region, value, ci_low, ci_high.
        factor: ``T1``, ``T2``, ``T2_regions`` or ``T5``.
        y_label: Quantity and unit.
        name: Unique on the page.
    """
    rows = factors[factors["factor"] == factor]
    drawings = []
    limits = _limits(rows)
    for index, region in enumerate(_present(rows, "region")):
        title = {"T2": "Across cases (Eq. 7)", "T2_regions": "Across regions (the text)"}.get(
            factor, "All regions" if region == "all" else region
        )
        figure, axes = panel(title, X_ALPHA, y_label)
        of_region = rows[rows["region"] == region]
        shift = 0.012 * float(np.ptp(rows["alpha"])) or 0.012
        marks: list[Mark] = []
        for source, move in zip(SOURCES, (-shift, shift), strict=True):
            of_source = of_region[of_region["source"] == source]
            _line(axes, of_source, COLOURS[source], GLYPHS[source], move, source)
            marks += alpha_marks(of_source.to_dict("records"), f"{source} test cases", source, move=move)
        axes.set_ylim(limits)
        alpha_axis(axes, sorted(rows["alpha"].unique()))
        description = f"{factor} over alpha, {title}, real and synthetic test cases."
        drawings.append(svg(figure, f"{name}-{index}", description, marks))
    return tuple(drawings)


def paired_panels(factors: pd.DataFrame, factor: str, reference: str, y_label: str, name: str) -> tuple[str, ...]:
    """Draw one factor of real and synthetic scores together over alpha, with its reference dashed (T3, T4).

    Args:
        factors: Rows of one mode: factor, alpha, region, value, ci_low, ci_high.
        factor: ``T3`` or ``T4``.
        reference: The factor to judge it against: ``T3_null`` or ``T4_floor``.
        y_label: Quantity and unit.
        name: Unique on the page.
    """
    rows = factors[factors["factor"] == factor]
    base = factors[factors["factor"] == reference]
    limits = _limits(pd.concat([rows, base.assign(ci_low=np.nan, ci_high=np.nan)]))  # the reference is drawn bare
    drawings = []
    for index, region in enumerate(_present(rows, "region")):
        figure, axes = panel(region, X_ALPHA, y_label)
        of_region = rows[rows["region"] == region]
        _line(axes, of_region, COLOURS[region_colour(index)], REGION_MARKS[index % len(REGION_MARKS)])
        dashed = base[(base["region"] == region) & base["value"].notna()].sort_values("alpha")
        muted = COLOURS["muted"]
        axes.plot(
            dashed["alpha"], dashed["value"], "--", marker="_", color=muted, lw=1.3, ms=8, gid=series_id("reference")
        )
        marks = [
            *alpha_marks(of_region.to_dict("records"), f"{factor} of {region}", "", digits=4),
            *alpha_marks(dashed.to_dict("records"), REFERENCES[reference], "reference", digits=4),
        ]
        axes.set_ylim(limits)
        alpha_axis(axes, sorted(rows["alpha"].unique()))
        description = f"{factor} over alpha in region {region}, with {reference}."
        drawings.append(svg(figure, f"{name}-{index}", description, marks))
    return tuple(drawings)


def volume_panels(volumes: pd.DataFrame, name: str = "volumes") -> tuple[str, ...]:
    """Draw the volume of each region in every case as a strip with a box, one panel per source.

    Args:
        volumes: One row per case, source and region: source, region, part, volume_ml.
        name: Unique on the page.
    """
    regions = _present(volumes, "region")
    positive = volumes.loc[volumes["volume_ml"] > 0, "volume_ml"]
    limits = (positive.min() / 1.6, positive.max() * 1.6) if len(positive) else (0.1, 10.0)
    drawings = []
    for source in _present(volumes, "source", SOURCES):
        figure, axes = panel(f"{source.capitalize()} cases", "", "volume [ml], log axis", WIDE_PANEL)
        axes.set_yscale("log")
        axes.set_ylim(limits)
        of_source = volumes[volumes["source"] == source]
        marks: list[Mark] = []
        for position, region in enumerate(regions):
            marks += _strip(axes, position, of_source[of_source["region"] == region], region)
        axes.set_xticks(range(len(regions)), [_counted(of_source, region) for region in regions])
        axes.set_xlim(-0.6, len(regions) - 0.4)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter())  # plain 2 and 5 where an axis spans less than a decade
        drawings.append(svg(figure, f"{name}-{source}", f"Volume per region in {source} cases.", marks))
    return tuple(drawings)


def _line(
    axes: Axes,
    rows: pd.DataFrame,
    colour: str,
    marker: str,
    move: float = 0.0,
    series: str = "",
    *,
    shaded: bool = True,
) -> None:
    """Draw values over alpha with their intervals, shaded over three shares or more; a mark may have none."""
    rows = rows[rows["value"].notna()].sort_values("alpha")
    if rows.empty:
        return
    x, y = rows["alpha"].to_numpy(dtype=float) + move, rows["value"].to_numpy(dtype=float)
    gid = series_id(series) if series else None
    axes.plot(x, y, marker=marker, color=colour, gid=gid)
    bounded = (rows["ci_low"].notna() & rows["ci_high"].notna()).to_numpy()
    axes.vlines(x[bounded], rows["ci_low"][bounded], rows["ci_high"][bounded], color=colour, lw=1.3, gid=gid)
    if shaded and len(x) > 2:
        low, high = (rows[column].to_numpy(dtype=float) for column in ("ci_low", "ci_high"))
        axes.fill_between(x, low, high, where=bounded, color=colour, alpha=0.12, lw=0, gid=gid)


def _curve_marks(rows: pd.DataFrame, measure: str, source: str) -> list[Mark]:
    """Return the marks of a curve, which say as well whether a share is excluded as the best."""
    marks = alpha_marks(rows.to_dict("records"), f"{measure} on {source} test cases", "")
    kept = rows.loc[rows["value"].notna(), "not_excluded"].astype(bool)
    return [
        replace(mark, text=f"{mark.text}; {'not excluded' if stays else 'excluded'} as the best share")
        for mark, stays in zip(marks, kept, strict=True)
    ]


def _controls(axes: Axes, controls: pd.DataFrame) -> list[Mark]:
    """Draw each control dashed, with its intervals but at alpha 1, where it is the arm of the mix."""
    marks: list[Mark] = []
    for mode, rows in controls.groupby("mode", sort=False):
        rows = rows.sort_values("alpha")
        colour = COLOURS["muted"]
        gid = series_id(str(mode))
        marker = CONTROL_MARKS[str(mode)]
        axes.plot(rows["alpha"], rows["value"], "--", marker=marker, color=colour, lw=1.3, ms=4.5, gid=gid)
        own = rows[(rows["alpha"] < 1) & rows["ci_low"].notna()]
        axes.vlines(own["alpha"], own["ci_low"], own["ci_high"], color=colour, lw=1.0, gid=gid)
        marks += alpha_marks(own.to_dict("records"), WORDS[str(mode)], str(mode))
    return marks


def _strip(axes: Axes, position: int, volumes: pd.DataFrame, region: str) -> list[Mark]:
    """Draw one box with every case beside it; empty regions have no place on a log axis and are counted below it."""
    rows = volumes[volumes["volume_ml"] > 0].sort_values("volume_ml", kind="stable")
    values, colour = rows["volume_ml"].to_numpy(dtype=float), COLOURS[region_colour(position)]
    if not len(values):
        return []
    gid = series_id(region_colour(position))
    ink = {"color": COLOURS["ink"], "lw": 1.1}
    box = axes.boxplot(
        [values], positions=[position - 0.16], widths=0.24, showfliers=False, patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.45, "edgecolor": COLOURS["ink"], "lw": 1.0},
        medianprops={**ink, "lw": 1.8}, whiskerprops=ink, capprops=ink, manage_ticks=False,
    )  # fmt: skip
    for artist in (part for group in box.values() for part in group):
        artist.set_gid(gid)
    spread = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.22  # golden-ratio jitter: even, and the same every time
    marker = REGION_MARKS[position % len(REGION_MARKS)]
    x = position + 0.18 + spread
    axes.plot(x, values, marker, color=colour, ms=3, mew=0, alpha=0.75, gid=gid)
    middle = f"{region}, median of {len(values)} cases: {number(float(np.median(values)), 2)} ml"
    cases = [
        Mark(float(at), row["volume_ml"], f"{row['case']}, {region}: {number(row['volume_ml'], 2)} ml",
             region_colour(position))
        for at, row in zip(x, rows.to_dict("records"), strict=True)
    ]  # fmt: skip
    return [Mark(position - 0.16, float(np.median(values)), middle, region_colour(position)), *cases]


def _counted(volumes: pd.DataFrame, region: str) -> str:
    values = volumes.loc[volumes["region"] == region, "volume_ml"]
    empty = int((values <= 0).sum())
    return f"{region}\nn = {len(values)}" + (f"\n{empty} empty" if empty else "")


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits that hold every value and interval, so that the panels of a figure can be compared."""
    columns = [c for c in ("value", "ci_low", "ci_high", "band_low", "band_high") if c in rows]
    numbers = rows[columns].to_numpy(dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    margin = 0.08 * (high - low) or 0.05
    return low - margin, high + margin


def _present(table: pd.DataFrame, column: str, order: Sequence[str] = ()) -> list[str]:
    """Return the values of a column, in the order asked for, or as they appear."""
    values = [str(value) for value in table[column].unique()]
    return [value for value in order if value in values] if order else values
