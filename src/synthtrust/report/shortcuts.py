"""The chapter on shortcuts: what confounded networks score, and what happens when the sources are exchanged."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from synthtrust.report.factor_table import coverage, percent
from synthtrust.report.formatting import EstimateCell, number, short
from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, alpha_marks, series_id
from synthtrust.report.style import COLOURS, WIDE_PANEL, alpha_axis, panel, svg
from synthtrust.report.verdicts import joined_reasons

WORDS = {
    "SUPPORTED": "that networks do not learn the source in place of {of} is SUPPORTED",
    "NOT SUPPORTED": "that networks do not learn the source in place of {of} is NOT SUPPORTED: a shortcut is used",
    "INCONCLUSIVE": "whether networks learn the source in place of {of} is INCONCLUSIVE",
}
"""Reading -> what it says of a synthetic set."""
MEASURES = {"auc": "mean area under the ROC curve", "dice": "mean Dice"}
SERIES = {
    "real": ("real", "o", "●"),
    "synthetic": ("synthetic", "s", "■"),
    "first real": ("region-0", "^", "▲"),
    "first synthetic": ("region-1", "D", "◆"),
}
"""Kind of test cases -> colour and series, mark, and glyph of the legend."""
CONTRASTS = {
    "swap": "Exchange of the sources of test cases, mean of α = 0 and 1",
    "swap at 0": "Exchange of the sources at α = 0",
    "swap at 1": "Exchange of the sources at α = 1",
    "loss": "Loss on real test cases against the balanced mix, mean of α = 0 and 1",
    "loss at 0": "Loss on real test cases at α = 0",
    "loss at 1": "Loss on real test cases at α = 1",
    "share": "Shortcut share: that loss over what the balanced mix has above chance",
    "source": "Area with which the output tells the source of test cases of one class",
}
"""Contrast -> what it is called, in the order of the table."""
X_SHARE = "α, share of real cases in the first group"

Tables = Mapping[str, pd.DataFrame]


def shortcuts_chapter(tables: Tables) -> Chapter:
    """Lay out the tables of `synthtrust.audits.Shortcuts`, a section for each generator."""
    readings = tables["reading"].to_dict("records")
    answers, sections = [], []
    for index, row in enumerate(readings):
        own = {
            name: table[table["generator"] == row["generator"]] if len(table) else table
            for name, table in tables.items()
        }
        suffix = f" ({row['generator']})" if len(readings) > 1 else ""
        of = "the class" if row["of"] == "class" else f"{row['of']}"
        answers.append(
            f"By confounded training{suffix}, {WORDS[row['reading']].format(of=of)}. {joined_reasons(row['reasons'])}"
        )
        sections.append(_section(own, row, suffix, index))
    return Chapter(tuple(answers), (), tuple(sections))


def _section(tables: Tables, row: Mapping, suffix: str, index: int) -> Section:
    names = {
        "real": "all real", "synthetic": "all synthetic",
        "first real": f"{row['first']}: real; {row['second']}: synthetic",
        "first synthetic": f"{row['first']}: synthetic; {row['second']}: real",
    }  # fmt: skip
    limits = row["thresholds"]
    shown = [_scores(tables["curve"], names, suffix), _costs(tables["contrasts"], suffix)]
    if len(tables["sources"]):
        shown.append(_sources(tables["sources"], row["second"], suffix))
    return Section(
        f"The source in place of the class{suffix}",
        lead="What networks score that learned from cases whose class decided, by the share α, whether they were real. "
        f"At α = 1 the first group ({row['first']}) is real and the second ({row['second']}) synthetic; at 0 it is the "
        "other way round; at 0.5 the source says nothing.",
        figures=(_figure(tables["curve"], names, suffix, index),),
        tables=tuple(shown),
        notes=(
            "Settled before looking: an exchange of the sources of test cases may cost "
            f"{limits['margin_swap']:g}, counted from agreement to contradiction, and confounded training may lose "
            f"{limits['margin']:g} against the balanced mix on real test cases.",
        ),
        limit="These mixes are made to invite a shortcut. One that is used here says what a network would do with such "
        "a set where source and class go together; it says nothing of a mix in which they do not.",
    )


def _figure(curve: pd.DataFrame, names: Mapping[str, str], suffix: str, index: int) -> Figure:
    measure = MEASURES[str(curve["measure"].iloc[0])]
    figure, axes = panel("", X_SHARE, measure, WIDE_PANEL)
    marks: list[Mark] = []
    step = 0.008
    for place, (kind, (name, mark, _)) in enumerate(SERIES.items()):
        rows = curve[curve["kind"] == kind].sort_values("alpha")
        move = step * (place - 1.5)
        gid = series_id(name)
        axes.plot(rows["alpha"] + move, rows["value"], mark, ls="-", color=COLOURS[name], gid=gid)
        bounded = rows.dropna(subset=["ci_low", "ci_high"])
        axes.vlines(
            bounded["alpha"] + move, bounded["ci_low"], bounded["ci_high"], color=COLOURS[name], lw=1.3, gid=gid
        )
        marks += alpha_marks(rows.to_dict("records"), names[kind], name, move=move)
    alpha_axis(axes, sorted(curve["alpha"].unique()))
    text = f"{measure} over alpha, on real and on synthetic test cases, and on both with the source by class."
    return Figure(
        f"Scores on test cases of each source{suffix}",
        (svg(figure, f"shortcuts-{index}", text, marks),),
        f"{coverage(curve)} A network that learned the class alone scores alike whichever class is synthetic; one that "
        "learned the source falls where the source of test cases contradicts that of training.",
        tuple(LegendEntry(names[kind], name, glyph, name) for kind, (name, _, glyph) in SERIES.items()),
        wide=True,
    )


def _scores(curve: pd.DataFrame, names: Mapping[str, str], suffix: str) -> Table:
    rows = []
    for alpha, of_alpha in curve.groupby("alpha"):
        cells = {row["kind"]: EstimateCell(row["value"], row["ci_low"], row["ci_high"])
                 for row in of_alpha.to_dict("records")}  # fmt: skip
        rows.append({"α": short(float(str(alpha)))} | {names[kind]: cells[kind] for kind in SERIES})
    measure = MEASURES[str(curve["measure"].iloc[0])]
    return Table(
        f"Scores by the source of test cases{suffix}", pd.DataFrame(rows), f"{measure.capitalize()}. {coverage(curve)}",
        "intervals",
    )  # fmt: skip


def _costs(contrasts: pd.DataFrame, suffix: str) -> Table:
    by_name = {row["contrast"]: row for row in contrasts.to_dict("records")}
    rows = [
        {
            "Contrast": words,
            "Value": EstimateCell(row["value"], row["ci_low"], row["ci_high"], sign=name != "source"),
            "One-sided bounds": _bounds(row),
            "Patients": row["n_patients"],
            "Seeds": row["n_seeds"],
            "Remark": row["note"],
        }
        for name, words in CONTRASTS.items()
        if (row := by_name.get(name)) is not None
    ]
    frame = pd.DataFrame(rows, columns=["Contrast", "Value", "One-sided bounds", "Patients", "Seeds", "Remark"])
    if not frame["Remark"].any():
        frame = frame.drop(columns="Remark")
    caption = (
        f"Pointwise {percent(contrasts)} intervals over patients and training seeds. The exchange is the score where "
        "the source of test cases agrees with training less that where it contradicts it. The means of both ends are "
        "what the reading stands on: what makes synthetic cases of one class look like another class to any network "
        "cancels in them."
        if len(contrasts)
        else ""
    )
    return Table(f"What the source costs{suffix}", frame, caption, "intervals", stays_open=True)


def _bounds(row: Mapping) -> str:
    if not (np.isfinite(row["lower"]) and np.isfinite(row["upper"])):
        return ""
    return f"≥ {number(row['lower'], sign=True)}, ≤ {number(row['upper'], sign=True)}"


def _sources(sources: pd.DataFrame, second: str, suffix: str) -> Table:
    rows = [
        {"Test cases of": label}
        | {
            f"α = {short(row['alpha'])}": EstimateCell(row["value"], row["ci_low"], row["ci_high"])
            for row in of_class.sort_values("alpha").to_dict("records")
        }
        for label, of_class in sources.groupby("class", sort=False)
    ]
    return Table(
        f"Whether the output tells the source{suffix}", pd.DataFrame(rows),
        f"Area under the ROC curve of the output for {second}, of synthetic test cases against real ones of the same "
        f"class: 0.5 where it says nothing, 1 or 0 where it tells them apart. {coverage(sources)}", "intervals",
    )  # fmt: skip
