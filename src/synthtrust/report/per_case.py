"""The figure of single cases: what each real test case and its twin score, and where its pictures are."""

from collections.abc import Mapping

import pandas as pd

from synthtrust.report.formatting import count, number, short
from synthtrust.report.layout import DESCRIBED, Figure, LegendEntry
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.style import COLOURS, WIDE_PANEL, panel, svg

ADDRESSES = "addresses"
"""The key under which a table carries, in ``attrs``, the address of the pictures of each case that has some."""

PICTURED = LegendEntry("case with pictures on this page: follow its point", "synthetic", "◆", "pictured")
CASES = LegendEntry("test case", "real", "●", "case")
EQUAL = LegendEntry("the same Dice", "muted", "╌╌", "equal")


def per_case_figure(pairs: pd.DataFrame, suffix: str, name: str) -> tuple[Figure, ...]:
    """Draw the Dice of each case against that of its twin, for the least and the greatest share of real cases.

    Args:
        pairs: Rows of one mode: alpha, case, patient, real, synthetic, n_seeds.
        suffix: What the title ends with.
        name: Unique on the page.

    Returns:
        One figure, or none without rows.
    """
    if pairs.empty:
        return ()
    addresses: Mapping[str, str] = pairs.attrs.get(ADDRESSES, {})
    ends = sorted({float(pairs["alpha"].min()), float(pairs["alpha"].max())})
    shown = pairs[pairs["alpha"].isin(ends)]
    limits = _limits(shown)
    panels = tuple(
        _panel(shown[shown["alpha"] == alpha], alpha, addresses, limits, f"{name}-{index}")
        for index, alpha in enumerate(ends)
    )
    seeds = sorted({int(n) for n in shown["n_seeds"]})
    pictured = bool(set(pairs["case"]) & set(addresses))
    return (
        Figure(
            f"Each case beside its twin{suffix}",
            panels,
            f"Mean Dice over regions of {count(pairs['case'].nunique(), 'test case')}, over "
            f"{' or '.join(map(str, seeds))} {'seed' if seeds == [1] else 'seeds'}. On the dashed line a case and its "
            f"twin score the same; above it the twin is the easier one. {DESCRIBED}",
            (CASES, *((PICTURED,) if pictured else ()), EQUAL),
            wide=True,
        ),
    )


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits of both axes that hold every case of every panel."""
    values = rows[["real", "synthetic"]].to_numpy(dtype=float)
    low, high = float(values.min()), float(values.max())
    margin = 0.06 * (high - low) or 0.05
    return low - margin, high + margin


def _panel(
    rows: pd.DataFrame, alpha: float, addresses: Mapping[str, str], limits: tuple[float, float], name: str
) -> str:
    figure, axes = panel(f"Trained at α = {short(alpha)}", "Dice of the real case", "Dice of its twin", WIDE_PANEL)
    axes.plot(limits, limits, "--", color=COLOURS["muted"], lw=1.2, gid=series_id("equal"))
    pictured = rows["case"].isin(list(addresses))
    for chosen, entry, marker, size in ((~pictured, CASES, "o", 4), (pictured, PICTURED, "D", 7)):
        axes.plot(
            rows.loc[chosen, "real"], rows.loc[chosen, "synthetic"], marker, color=COLOURS[entry.colour], ms=size,
            mew=0, alpha=0.75, gid=series_id(entry.series),
        )  # fmt: skip
    axes.set(xlim=limits, ylim=limits)
    marks = [
        Mark(
            row["real"],
            row["synthetic"],
            f"{row['case']}: real {number(row['real'])}, twin {number(row['synthetic'])}; "
            f"{count(int(row['n_seeds']), 'seed')}" + ("; see its pictures" if row["case"] in addresses else ""),
            (PICTURED if row["case"] in addresses else CASES).series,
            addresses.get(row["case"], ""),
        )
        for row in rows.to_dict("records")
    ]
    return svg(figure, name, f"Dice of each real case against that of its twin, at alpha {short(alpha)}.", marks)
