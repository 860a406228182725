"""The chapter on fidelity: quality, diversity and proportion, twins beside real cases, and telling them apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.report.formatting import EstimateCell, count, estimate, interval, listing, number, probability, short
from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.style import COLOURS, GLYPHS, WIDE_PANEL, panel, region_colour, svg

FLOOR = LegendEntry("between two halves of the real cases, at the same n", "muted", "▬")
VALUE = LegendEntry("synthetic against real", "synthetic", "■")
SET_MARKS, SET_GLYPHS = ("s", "o", "^", "D", "v"), ("■", "●", "▲", "◆", "▼")
"""The marker of a set in a drawing, and in a legend, by its place among several sets."""
FAULT = LegendEntry("planted fault", "ink", "|")
QUALITY = (("KID", "0 is expected for equal sets"), ("precision", "share of synthetic cases near a real one"),
           ("density", "1 is expected for equal sets"))  # fmt: skip
DIVERSITY = (
    ("recall", "share of real cases near a synthetic one"),
    ("coverage, all cases", "share of real cases covered"),
    ("Vendi score", "effective number of different cases"),
)


def fidelity_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the tables of the fidelity audit; its answer is the verdict at the top of the page."""
    sections = [_quality(tables["quality"]), _diversity(tables["diversity"]), _proportion(tables["proportion"])]
    sections.append(_two_sample_classifier(tables["two_sample_classifier"], tables["controls"]))
    if len(tables["twins"]):
        sections.append(_twins(tables["twins"]))
    return Chapter(sections=tuple(sections))


def _quality(rows: pd.DataFrame) -> Section:
    title = "Quality: are the synthetic cases representative?"
    if rows["value"].isna().all():
        return Section(title, " ".join(dict.fromkeys(note for note in rows["note"] if note)))
    return Section(
        title,
        "Distances of the synthetic cases from real ones, beside those that real cases have among themselves. "
        "The reference is real cases that the generator never saw; its training cases are not, since a copy of them "
        "would look perfect. No feature space is agreed on for medical images, so several stand side by side.",
        (_figure("Synthetic against real cases", rows, QUALITY, "quality"),),
        (_table("Every number of quality", rows),),
        notes=(
            "KID is the kernel distance: unbiased, so that 0 is expected of equal sets at every n and single values "
            "may be negative; its interval and p are over patients. Where real training cases differ from the unseen "
            "ones (KID of training cases), only what goes beyond that counts against a set. The Frechet distance "
            "shrinks with n: read only its ratio to the floor. KID of all features is that of a published network, "
            "without the coordinates that the others are taken in: cite it with features, n, reference and floor.",
        ),
        limit="That no difference was found is no evidence that there is none: a set is as good as real only if its "
        "KID is shown to be smaller than that of the same real cases with a planted fault. The limit is one-sided and "
        "holds the error of the fault's KID.",
    )


def _diversity(rows: pd.DataFrame) -> Section:
    attributes = rows["measure"].isin(["KS distance", "spread, synthetic / real"])
    return Section(
        "Diversity: the size of attributes",
        "A set whose cases are all good, and all alike, is not representative either.",
        (_figure("As different from one another as real cases?", rows, DIVERSITY, "diversity"),),
        (
            _table("Every number of diversity", rows[~attributes]),
            _table("Size of attributes over patients: volumes of regions, and intensities", rows[attributes]),
        ),
        notes=(
            "Coverage of all cases stands beside that of a planted mode collapse, in which every case is there several "
            "times. Both expectations, of that and of equal sets, are known.",
            "Recall, the coverage of halves and the Vendi score are described beside real halves, not inferred.",
            "Volumes come from the label maps: twins painted on real labels have those of their real cases. A ratio of "
            "spreads below 1 is less variety than real patients have.",
        ),
        limit="Coverage sees cases that are too much alike, not that patients are missing at one end of an attribute: "
        "the next case covers them. KID sees those where they are many; look at the spreads and the KS distances.",
    )


def _proportion(rows: pd.DataFrame) -> Section:
    alphas = sorted(rows["alpha"].unique())
    shown = pd.DataFrame(
        {
            "Share of real cases, α": [short(row["alpha"]) for row in rows.to_dict("records")],
            "Mix": rows["mode"].tolist(),
            "Seed": rows["seed"].tolist(),
            "Real cases": rows["n_real"].tolist(),
            "Synthetic cases": rows["n_synthetic"].tolist(),
            "Synthetic set": rows["set"].tolist(),
        }
    )
    run = f"Shares that were run: α = {listing([short(a) for a in alphas])}." if alphas else "No share was run."
    return Section(
        "Proportion: how much of the training set is synthetic",
        f"How many real and synthetic cases each training set holds. {run}",
        tables=(Table("Training cases of each run", shown, inference="no estimates"),),
        limit="What the share does to a model is the question of utility.",
    )


def _two_sample_classifier(rows: pd.DataFrame, controls: pd.DataFrame) -> Section:
    seen = pd.DataFrame(
        {
            "Planted fault": [f"{r['measure']} real cases\n{r['space']}" for r in controls.to_dict("records")],
            "Noticed [share of draws]": [number(value, 2) for value in controls["value"]],
            "How": controls["note"].tolist(),
            "Synthetic set": controls["set"].tolist(),
        }
    )
    return Section(
        "Telling real from synthetic cases",
        "How well a logistic regression tells the two apart, in five folds by patient: 0.5 is guessing, 1 certainty.",
        tables=(
            _table("Area under the ROC curve", rows),
            Table("Could the comparison have noticed?", seen,
                  "Real cases made worse on purpose, against other real cases. A fault that is not noticed at this n "
                  "cannot be ruled out by any number above."),
        ),
        notes=tuple(dict.fromkeys(f"{r['set']}: {r['note']}" for r in rows.to_dict("records") if r["shortcut"])),
        limit="That this classifier fails is no likeness: a network may see more. Where brightness or the way a file "
        "is written is enough, a network may learn that in place of the disease.",
    )  # fmt: skip


def _twins(rows: pd.DataFrame) -> Section:
    return Section(
        "Twins of labels that the generator never saw",
        "How like each twin is to the real case with the same label.",
        tables=(_table("Mean over patients", rows),),
        notes=(
            "Each image is standardised by itself, as a network sees it. [range]: the range of real training images, "
            "from the 0.1st to the 99.9th percentile.",
        ),
        limit="Described, not judged: a perfect copy has SSIM 1 and every distance 0. Likeness that is higher for "
        "training labels is a leak, see privacy.",
    )


def _figure(title: str, rows: pd.DataFrame, measures: Sequence[tuple[str, str]], name: str) -> Figure:
    sets = list(dict.fromkeys(rows["set"]))
    drawn = tuple(
        _floor_panel(rows[rows["measure"] == measure], sets, meaning, f"{name}-{index}")
        for index, (measure, meaning) in enumerate(measures)
        if rows.loc[rows["measure"] == measure, "value"].notna().any()
    )
    sides = rows[rows["measure"].isin([measure for measure, _ in measures])]
    n = (
        f"{int(sides['n_real'].min())} real and {int(sides['n_synthetic'].min())} synthetic patients."
        if len(sides)
        else ""
    )
    return Figure(
        title,
        drawn,
        "Grey: what two random halves of the real cases give at the same n (95 % of draws). Lines: 95 % interval over "
        f"patients; marks without one are described, not inferred. {n}",
        (*(set_key(name_of_set, place, sets) for place, name_of_set in enumerate(sets)), FLOOR, FAULT),
    )


def set_key(name: str, place: int, sets: Sequence[str]) -> LegendEntry:
    """Return the legend's entry of a synthetic set: one alone as all pages have it, several by colour and shape."""
    if len(sets) < 2:
        return VALUE
    return LegendEntry(
        f"{name} against real", region_colour(place), SET_GLYPHS[place % len(SET_GLYPHS)], f"set-{place}"
    )


def _floor_panel(rows: pd.DataFrame, sets: Sequence[str], meaning: str, name: str) -> str:
    """Draw one measure: feature spaces down, the value beside its floor; sets one below the other."""
    measure = str(rows["measure"].iloc[0])
    spaces = list(dict.fromkeys(rows["space"]))
    size = (WIDE_PANEL[0], max(WIDE_PANEL[1], 1.0 + 0.22 * len(spaces) * len(sets)))
    figure, axes = panel(measure, meaning, "", size)
    marks = []
    for row in rows.to_dict("records"):
        place = sets.index(row["set"])
        key = set_key(row["set"], place, sets)
        gid, colour = series_id(key.series) if key.series else None, COLOURS[key.colour]
        marker = SET_MARKS[place % len(SET_MARKS)] if len(sets) > 1 else GLYPHS["synthetic"]
        y = spaces.index(row["space"]) + 0.7 * (place + 0.5) / len(sets) - 0.35
        height = 0.4 / len(sets)
        if np.isfinite(row["floor_low"]):
            axes.barh(y, row["floor_high"] - row["floor_low"], height, left=row["floor_low"], color=COLOURS["grid"])
        if np.isfinite(row["ci_low"]):
            axes.hlines(y, row["ci_low"], row["ci_high"], color=colour, lw=1.3, gid=gid)
        axes.plot([row["value"]], [y], marker, color=colour, gid=gid)
        marks.append(Mark(row["value"], y, _mark_text(row), key.series))
        if np.isfinite(row["fault"]):
            axes.plot([row["fault"]], [y], "|", color=COLOURS["ink"], markersize=12, markeredgewidth=2)
    axes.set_yticks(range(len(spaces)), [space.replace(" ", "\n", 1) for space in spaces])
    axes.set_ylim(len(spaces) - 0.5, -0.5)
    axes.grid(axis="x", visible=True)
    axes.grid(axis="y", visible=False)
    description = f"{measure} in each feature space, synthetic cases beside halves of the real ones."
    return svg(figure, name, description, marks)


def _mark_text(row: Mapping[Any, Any]) -> str:
    """Return what is said about one value: set, feature space, interval, floor and n."""
    floor = interval(row["floor_low"], row["floor_high"])
    return (
        f"{row['set']}, {row['space']}: {estimate(row['value'], row['ci_low'], row['ci_high'])}"
        + (f"; halves of the real cases {floor}" if floor else "")
        + f"; n = {row['n_real']} real and {row['n_synthetic']} synthetic patients"
    )


def _table(title: str, rows: pd.DataFrame) -> Table:
    """Write rows with their intervals; columns that no row fills are left out."""
    records = rows.to_dict("records")
    shown = pd.DataFrame(
        {
            "Measure": [f"{r['measure']}\n{r['space']}" for r in records],
            "Value": [EstimateCell(r["value"], r["ci_low"], r["ci_high"]) for r in records],
            "One-sided limit": [number(r["limit"]) for r in records],
            "Planted fault": [number(r["fault"]) for r in records],
            "Real halves": [EstimateCell(r["floor"], r["floor_low"], r["floor_high"]) for r in records],
            "Ratio": [number(r["ratio"], 2) for r in records],
            "Expected of equal sets": [number(r["expected"], 2) for r in records],
            "p": [probability(r["p"]) for r in records],
            "Patients, real / synthetic": [f"{r['n_real']} / {r['n_synthetic']}" for r in records],
            "Note": [r["note"] for r in records],
            "Synthetic set": [r["set"] for r in records],
        }
    )  # fmt: skip
    kept = [name for name in shown if name in ("Measure", "Value") or not shown[name].map(str).isin(["n/a", ""]).all()]
    sets = shown["Synthetic set"].nunique() if len(shown) else 0
    return Table(
        title, shown[[name for name in kept if name != "Synthetic set" or sets > 1]], _caption(rows, sets), "intervals"
    )


def _caption(rows: pd.DataFrame, sets: int) -> str:
    limits = "In brackets: 95 % limits, over patients below the value, over draws below the floor."
    if rows["fault"].notna().any():
        limits += " One-sided limit: of 95 %, on the side of the planted fault."
    return f"{limits} {count(sets, 'synthetic set')}."
