"""Tidy tables in, drawings out: one function per figure, each returns its panels as inline SVG."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from synthtrust.report.style import COLOURS, GLYPHS, WIDE_PANEL, alpha_axis, panel, region_colour, svg

X_ALPHA = "α, share of real cases in training"
ON_TWINS = {("TSTR", "TRTR"): ("TSTS", "TRTS")}
"""What the ends of the curve are called when they are scored on synthetic cases."""
SOURCES = ("real", "synthetic")
CONTROL_MARKS = {"real_only": "D", "duplicate_real": "^"}


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
        _line(axes, rows, colour, "")
        if controls is not None and source == "real":
            _controls(axes, controls)
        for hollow, marked in rows.groupby(~rows["not_excluded"].astype(bool)):
            fill = "none" if hollow else colour
            axes.plot(marked["alpha"], marked["value"], GLYPHS[source], color=colour, mfc=fill, mew=1.5, ms=6)
        axes.set_ylim(limits)
        alpha_axis(
            axes, rows["alpha"].tolist(), (ON_TWINS.get(ends) if source == "synthetic" else ends) if ends else None
        )
        drawings.append(svg(figure, f"{name}-{source}", f"{measure} on {source} test cases over alpha."))
    return tuple(drawings)


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
        for source, move in zip(SOURCES, (-shift, shift), strict=True):
            _line(axes, of_region[of_region["source"] == source], COLOURS[source], GLYPHS[source], move)
        axes.set_ylim(limits)
        alpha_axis(axes, sorted(rows["alpha"].unique()))
        drawings.append(svg(figure, f"{name}-{index}", f"{factor} over alpha, {title}, real and synthetic test cases."))
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
        _line(axes, rows[rows["region"] == region], COLOURS[region_colour(index)], "o")
        dashed = base[(base["region"] == region) & base["value"].notna()].sort_values("alpha")
        axes.plot(dashed["alpha"], dashed["value"], "--", marker="_", color=COLOURS["muted"], lw=1.3, ms=8)
        axes.set_ylim(limits)
        alpha_axis(axes, sorted(rows["alpha"].unique()))
        drawings.append(svg(figure, f"{name}-{index}", f"{factor} over alpha in region {region}, with {reference}."))
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
        for position, region in enumerate(regions):
            values = of_source.loc[of_source["region"] == region, "volume_ml"].to_numpy(dtype=float)
            _strip(axes, position, values, COLOURS[region_colour(position)])
        axes.set_xticks(range(len(regions)), [_counted(of_source, region) for region in regions])
        axes.set_xlim(-0.6, len(regions) - 0.4)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(LogFormatter())  # plain 2 and 5 where an axis spans less than a decade
        drawings.append(svg(figure, f"{name}-{source}", f"Volume per region in {source} cases."))
    return tuple(drawings)


def _line(axes: Axes, rows: pd.DataFrame, colour: str, marker: str, move: float = 0.0) -> None:
    """Draw values over alpha with their intervals; a missing interval leaves the mark bare."""
    rows = rows[rows["value"].notna()].sort_values("alpha")
    if rows.empty:
        return
    x, y = rows["alpha"].to_numpy(dtype=float) + move, rows["value"].to_numpy(dtype=float)
    axes.plot(x, y, marker=marker, color=colour)
    bounded = (rows["ci_low"].notna() & rows["ci_high"].notna()).to_numpy()
    axes.vlines(x[bounded], rows["ci_low"][bounded], rows["ci_high"][bounded], color=colour, lw=1.3)


def _controls(axes: Axes, controls: pd.DataFrame) -> None:
    """Draw each control dashed, with its intervals but at alpha 1, where it is the arm of the mix."""
    for mode, rows in controls.groupby("mode", sort=False):
        rows = rows.sort_values("alpha")
        colour = COLOURS["muted"]
        axes.plot(rows["alpha"], rows["value"], "--", marker=CONTROL_MARKS[str(mode)], color=colour, lw=1.3, ms=4.5)
        own = rows[(rows["alpha"] < 1) & rows["ci_low"].notna()]
        axes.vlines(own["alpha"], own["ci_low"], own["ci_high"], color=colour, lw=1.0)


def _strip(axes: Axes, position: int, values: np.ndarray, colour: str) -> None:
    """Draw one box with every case beside it; empty regions have no place on a log axis and are counted below it."""
    values = np.sort(values[values > 0])
    if not len(values):
        return
    ink = {"color": COLOURS["ink"], "lw": 1.1}
    axes.boxplot(
        [values], positions=[position - 0.16], widths=0.24, showfliers=False, patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.45, "edgecolor": COLOURS["ink"], "lw": 1.0},
        medianprops={**ink, "lw": 1.8}, whiskerprops=ink, capprops=ink, manage_ticks=False,
    )  # fmt: skip
    spread = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.22  # golden-ratio jitter: even, and the same every time
    axes.plot(position + 0.18 + spread, values, "o", color=colour, ms=3, mew=0, alpha=0.75)


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
