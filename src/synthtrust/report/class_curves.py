"""The figures of classifiers: ROC curves of each class, and reliability."""

from collections.abc import Iterator

import pandas as pd

from synthtrust.report.formatting import count, number, percent, short
from synthtrust.report.layout import DESCRIBED, Figure, LegendEntry
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.style import COLOURS, GLYPHS, PANEL, panel, svg

ARMS = {0.0: "synthetic", 1.0: "real"}
"""Alpha -> the colour and the series of those that it was trained on."""
LEGEND = (
    LegendEntry("trained on real cases (TRTR)", "real", "●", "real"),
    LegendEntry("trained on synthetic cases (TSTR)", "synthetic", "■", "synthetic"),
)
GUESSING = LegendEntry("guessing", "muted", "╌╌", "reference")
AS_SURE_AS_RIGHT = LegendEntry("as often right as sure", "muted", "╌╌", "reference")
MOST_PANELS = 12
EVERY = 5
"""Every which point of a curve has a mark."""


def class_figures(roc: pd.DataFrame, reliability: pd.DataFrame, suffix: str, name: str) -> Iterator[Figure]:
    """Yield the ROC curves and the reliability of TSTR beside TRTR on real test cases.

    Args:
        roc: Rows of one mode: alpha, class, fpr, tpr, n_cases, n_patients, n_seeds.
        reliability: Rows of one mode: alpha, confidence, frequency, n_predictions, n_seeds.
        suffix: What the titles end with.
        name: Unique on the page.
    """
    classes = list(dict.fromkeys(roc["class"])) if len(roc) else []
    left_out = len(classes) - MOST_PANELS
    if classes:
        n = f"{count(int(roc['n_cases'].iloc[0]), 'test case')} of {count(int(roc['n_patients'].iloc[0]), 'patient')}"
        yield Figure(
            f"ROC curves on real test cases{suffix}",
            tuple(
                _roc(roc[roc["class"] == name_of_class], str(name_of_class), f"{name}-roc-{index}")
                for index, name_of_class in enumerate(classes[:MOST_PANELS])
            ),
            f"Each class against all others, or each finding against its absence; mean over training seeds. {n}."
            + (f" {count(left_out, 'class')} more in the table." if left_out > 0 else "")
            + f" {DESCRIBED}",
            (*LEGEND, GUESSING),
        )
    if len(reliability):
        yield Figure(
            f"Reliability on real test cases{suffix}",
            (_reliability(reliability, f"{name}-reliability"),),
            "How often predictions are right, by how sure they are, in ten bins over all seeds; bins of fewer than 5 "
            f"predictions are left out. Below the dashed line a network is surer than it is right. {DESCRIBED}",
            (*LEGEND, AS_SURE_AS_RIGHT),
        )


def _roc(rows: pd.DataFrame, title: str, name: str) -> str:
    figure, axes = panel(title, "false positive rate", "true positive rate", PANEL)
    axes.plot([0, 1], [0, 1], "--", color=COLOURS["muted"], lw=1.2, gid=series_id("reference"))
    marks = []
    for alpha, series in ARMS.items():
        of_arm = rows[rows["alpha"] == alpha]
        axes.plot(
            of_arm["fpr"], of_arm["tpr"], marker=GLYPHS[series], markevery=10, color=COLOURS[series], ms=4,
            gid=series_id(series),
        )  # fmt: skip
        marks += [
            Mark(row["fpr"], row["tpr"], f"α = {short(alpha)}: sensitivity {number(row['tpr'], 2)} at a false positive "
                 f"rate of {percent(row['fpr'])}; {count(int(row['n_seeds']), 'seed')}", series)
            for row in of_arm.iloc[::EVERY].to_dict("records")
        ]  # fmt: skip
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return svg(figure, name, f"ROC curves of {title}, trained on real and on synthetic cases.", marks)


def _reliability(rows: pd.DataFrame, name: str) -> str:
    figure, axes = panel("", "confidence", "share that is right", PANEL)
    axes.plot([0, 1], [0, 1], "--", color=COLOURS["muted"], lw=1.2, gid=series_id("reference"))
    marks = []
    for alpha, series in ARMS.items():
        of_arm = rows[rows["alpha"] == alpha]
        axes.plot(
            of_arm["confidence"], of_arm["frequency"], marker=GLYPHS[series], color=COLOURS[series],
            gid=series_id(series),
        )  # fmt: skip
        marks += [
            Mark(row["confidence"], row["frequency"],
                 f"α = {short(alpha)}: confidence {number(row['confidence'], 2)}, right in "
                 f"{percent(row['frequency'])} of {count(int(row['n_predictions']), 'prediction')}", series)
            for row in of_arm.to_dict("records")
        ]  # fmt: skip
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    return svg(figure, name, "How often predictions are right over how sure they are.", marks)
