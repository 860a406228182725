"""The chapter on size: whether small structures are lost, with every region of every case beside its volume."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import LogFormatter

from synthtrust.report.formatting import EstimateCell, count, number
from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.panels import REGION_GLYPHS, REGION_MARKS, region_key
from synthtrust.report.style import COLOURS, WIDE_PANEL, panel, region_colour, svg
from synthtrust.report.verdicts import joined_reasons

WORDS = {
    "SUPPORTED": "that small structures are kept is SUPPORTED",
    "NOT SUPPORTED": "that small structures are kept is NOT SUPPORTED: they are lost",
    "INCONCLUSIVE": "whether small structures are kept is INCONCLUSIVE",
}
"""Reading -> what it says of a synthetic set."""
UNITS = {"region": "regions of test cases", "lesion": "lesions"}
MEASURES = {
    "dice": "Dice (T1)",
    "found": "share that is found",
    "false_positives": "false positives of the case",
    "T3": "T3, by its pseudo-values",
    "T4": "T4, difference between a case and its twin",
}

Tables = Mapping[str, pd.DataFrame]


def size_chapter(tables: Tables) -> Chapter:
    """Lay out the tables of the audit of size, a section for each generator and mix."""
    slopes = tables["slopes"]
    arms = slopes[["generator", "mode"]].drop_duplicates().itertuples(index=False, name=None)
    names = [(str(generator), str(mode)) for generator, mode in arms]
    several = {"generator": slopes["generator"].nunique() > 1, "mode": slopes["mode"].nunique() > 1}
    answers: list[str] = []
    sections = []
    for index, (generator, mode) in enumerate(names):
        own = {name: _own(table, generator, mode) for name, table in tables.items()}
        words = [*([generator] if several["generator"] else []), *([f"mix: {mode}"] if several["mode"] else [])]
        suffix = f" ({', '.join(words)})" if words else ""
        answers += [
            f"By size{suffix}, {WORDS[row['reading']]}. {joined_reasons(row['reasons'])}"
            for row in own["reading"].to_dict("records")
        ]
        sections.append(_section(own, suffix, index))
    return Chapter(tuple(answers), (), tuple(sections))


def _own(table: pd.DataFrame, generator: str, mode: str) -> pd.DataFrame:
    return table[(table["generator"] == generator) & (table["mode"] == mode)] if len(table) else table


def _section(tables: Tables, suffix: str, index: int) -> Section:
    figures = []
    if "gap" in tables["points"]:
        for unit, points in tables["points"].dropna(subset=["gap"]).groupby("unit", sort=False):
            figures.append(_figure(points, tables["slopes"], str(unit), suffix, index))
    shown = [_thirds(rows, str(unit), suffix) for unit, rows in _by_unit(tables["thirds"])]
    shown += [_slopes(rows, str(unit), suffix) for unit, rows in _by_unit(tables["slopes"])]
    readings = tables["reading"].to_dict("records")
    settled = [
        "Settled before looking: tolerable are "
        f"{row['thresholds']['margin']:g} Dice more lost by synthetic training where the volume is a tenth, and "
        f"{row['thresholds']['margin_found']:g} of the structures more missed; sizes that span less than "
        f"{row['thresholds']['min_span']:g} to 1 decide nothing."
        for row in readings
    ]
    return Section(
        f"Small and large structures{suffix}",
        lead="Whether synthetic training loses more where less is to be segmented.",
        figures=tuple(figures),
        tables=tuple(shown),
        notes=tuple(settled),
        limit="Small structures are also the harder ones to segment for any network: a loss that grows as they get "
        "smaller says that the set does not teach them, and not why.",
    )


def _by_unit(table: pd.DataFrame) -> Iterator[tuple[object, pd.DataFrame]]:
    return iter(table.groupby("unit", sort=False) if len(table) else ())


def _figure(points: pd.DataFrame, slopes: pd.DataFrame, unit: str, suffix: str, index: int) -> Figure:
    regions = list(dict.fromkeys(points["region"]))
    figure, axes = panel("Real test cases", "volume [ml], log axis", "Dice, TSTR less TRTR", WIDE_PANEL)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(LogFormatter())  # plain 2 and 5 where an axis spans less than a decade
    axes.axhline(0, color=COLOURS["muted"], lw=1)
    marks: list[Mark] = []
    line = slopes[(slopes["unit"] == unit) & (slopes["arm"] != "") & (slopes["measure"] == "dice")]
    common = line[line["region"] == "all"]["value"]
    for place, region in enumerate(regions):
        rows = points[points["region"] == region]
        name = region_colour(place)
        axes.plot(
            rows["volume_ml"], rows["gap"], REGION_MARKS[place % len(REGION_MARKS)], color=COLOURS[name], ms=3.5, mew=0,
            alpha=0.75, gid=series_id(name),
        )  # fmt: skip
        marks += [
            Mark(row["volume_ml"], row["gap"], f"{row['case']}, {region}: {number(row['volume_ml'], 3)} ml, TSTR "
                 f"{number(row['tstr'])}, TRTR {number(row['trtr'])}", name)
            for row in rows.to_dict("records")
        ]  # fmt: skip
        if len(common) and np.isfinite(common.iloc[0]):
            log = np.log10(rows["volume_ml"])
            ends = np.array([log.min(), log.max()])
            axes.plot(10**ends, rows["gap"].mean() + common.iloc[0] * (ends - log.mean()), color=COLOURS[name],
                      gid=series_id(name))  # fmt: skip
    keys = tuple(
        LegendEntry(entry.label, entry.colour, REGION_GLYPHS[place % len(REGION_GLYPHS)], entry.series)
        for place, entry in enumerate(region_key(str(region), place) for place, region in enumerate(regions))
    )
    text = f"What synthetic training loses, over the volume of {UNITS[unit]}."
    return Figure(
        f"What synthetic training loses, over the volume of {UNITS[unit]}{suffix}",
        (svg(figure, f"size-{unit}-{index}", text, marks),),
        "A mark is the mean over training seeds. Lines have the common slope of all regions, through the mean of each. "
        "Marks without a bar are described, not inferred.",
        keys,
        wide=True,
    )


def _thirds(rows: pd.DataFrame, unit: str, suffix: str) -> Table:
    frame = pd.DataFrame(
        [
            {
                "Third": row["third"],
                "Volume [ml]": f"{number(row['volume_low'], 3)} to {number(row['volume_high'], 3)}",
                "Dice, TSTR": number(row["dice_tstr"]),
                "Dice, TRTR": number(row["dice_trtr"]),
                "Gap": EstimateCell(row["gap"], row["ci_low"], row["ci_high"], sign=True),
                "Found, TSTR": number(row["found_tstr"]),
                "Found, TRTR": number(row["found_trtr"]),
                "n": row["n_items"],
                "Patients": row["n_patients"],
            }
            for row in rows.to_dict("records")
        ]
    )
    caption = (
        "Thirds of each region by itself, so that a large region is in all of them. Found: the prediction has a voxel "
        f"in common. Pointwise {100 * rows['confidence'].iloc[0]:g} % intervals over patients and training seeds."
    )
    return Table(f"Thirds of the volumes of {UNITS[unit]}{suffix}", frame, caption, "intervals")


def _slopes(rows: pd.DataFrame, unit: str, suffix: str) -> Table:
    shown = rows[(rows["region"] == "all") | (rows["arm"] != "")]
    frame = pd.DataFrame(
        [
            {
                "Measure": MEASURES.get(row["measure"], row["measure"]),
                "Training": row["arm"].replace(" - ", " less ") if row["arm"] else f"α = {row['alpha']:g}",
                "Region": row["region"],
                "Change per tenfold volume": EstimateCell(row["value"], row["ci_low"], row["ci_high"], sign=True),
                "n": row["n_items"],
                "Patients": row["n_patients"],
                "Remark": row["note"],
            }
            for row in shown.sort_values("arm", ascending=False, kind="stable").to_dict("records")
        ]
    )
    if not frame["Remark"].any():
        frame = frame.drop(columns="Remark")
    confidence = f"{100 * rows['confidence'].iloc[0]:g} %"
    caption = (
        f"Slopes on the logarithm of the volume, within regions, with pointwise {confidence} intervals over "
        f"{count(int(rows['n_patients'].max()), 'patient')} and training seeds. TSTR less TRTR over all regions, in "
        "Dice and in the share that is found, is what the reading stands on; the others are exploratory."
    )
    return Table(f"Change with the volume of {UNITS[unit]}{suffix}", frame, caption, "intervals")
