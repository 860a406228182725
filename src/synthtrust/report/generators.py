"""The figure of several generators: training on the cases of each alone, beside training on real ones."""

import numpy as np
import pandas as pd

from synthtrust.report.formatting import count, estimate
from synthtrust.report.layout import BARE_MARKS, Figure, LegendEntry
from synthtrust.report.marks import Mark
from synthtrust.report.style import COLOURS, GLYPHS, panel, svg

LEGEND = (
    LegendEntry("trained on real cases (TRTR)", "real", "●"),
    LegendEntry("trained on its cases alone (TSTR)", "synthetic", "■"),
)


def generators_figure(comparison: pd.DataFrame, generators: pd.DataFrame, main: str, measure: str) -> Figure:
    """Draw TSTR and TRTR of each generator below one another, controls among them.

    Args:
        comparison: The contrasts of all generators.
        generators: generator, expected_outcome (of a control).
        main: The name of the main measure.
        measure: The main measure in words.
    """
    rows = comparison[(comparison["measure"] == main) & (comparison["contrast"] == "TSTR")] if len(comparison) else None
    if rows is None or rows.empty:
        return Figure("", (), "")
    controls = set(generators.loc[generators["expected_outcome"] != "", "generator"])
    names = [
        f"{row['generator']}{' (control)' if row['generator'] in controls else ''}"
        + (f", {row['mode']}" if rows["generator"].duplicated().any() else "")
        for row in rows.to_dict("records")
    ]
    figure, axes = panel("Real test cases", measure, "", (6.0, 0.9 + 0.5 * len(rows)))
    marks = []
    for y, (words, row) in enumerate(zip(names, rows.to_dict("records"), strict=True)):
        for series, shift, value in (("real", -0.14, "reference"), ("synthetic", 0.14, "value")):
            low, high = row[f"{value}_low"], row[f"{value}_high"]
            if np.isfinite(low):
                axes.hlines(y + shift, low, high, color=COLOURS[series], lw=1.4)
            axes.plot([row[value]], [y + shift], GLYPHS[series], color=COLOURS[series])
            arm = "TSTR" if value == "value" else "TRTR"
            text = f"{words}, {arm}: {estimate(row[value], low, high)}; n = {count(int(row['n_patients']), 'patient')}"
            marks.append(Mark(row[value], y + shift, text))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", visible=True)
    axes.grid(axis="y", visible=False)
    return Figure(
        "Each generator beside real training",
        (svg(figure, "generators", f"{measure} of training on each generator's cases, and on real ones.", marks),),
        f"Bars: {100 * rows['confidence'].iloc[0]:g} % intervals. They do not tell whether the two arms differ, since "
        f"both are scored on the same patients: the gap in the table does. {BARE_MARKS}",
        LEGEND,
        wide=True,
    )
