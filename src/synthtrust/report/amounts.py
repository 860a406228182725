"""The chapter on amounts: how many real cases a training set is worth, beside the learning curve of real cases."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullFormatter

from synthtrust.report.formatting import count, estimate, number
from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.sentences import IN_SENTENCES
from synthtrust.report.style import COLOURS, GLYPHS, WIDE_PANEL, panel, svg

LEGEND = (
    LegendEntry("real cases alone", "real", "●", "real"),
    LegendEntry("with synthetic cases, drawn at the number of their real ones", "synthetic", "■", "synthetic"),
)


def amounts_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the table of the audit of amounts, ``worth``."""
    worth = tables["worth"]
    mixed = worth[worth["n_synthetic"] > 0]
    answers = tuple(_sentence(row, several=mixed["generator"].nunique() > 1) for row in _decisive(mixed))
    sections = []
    for index, generator in enumerate(dict.fromkeys(mixed["generator"])):  # others have real cases alone
        rows = worth[worth["generator"] == generator]
        suffix = f" ({generator})" if mixed["generator"].nunique() > 1 else ""
        sections.append(_section(rows, _curve(worth), suffix, index))
    return Chapter(answers, (), tuple(sections))


def _decisive(mixed: pd.DataFrame) -> Iterator[Mapping]:
    """Yield the row with the most synthetic cases, of each generator and number of real cases."""
    by_number = mixed.sort_values("n_synthetic", kind="stable")
    yield from by_number.drop_duplicates(["generator", "n_real"], keep="last").sort_index().to_dict("records")


def _sentence(row: Mapping, *, several: bool) -> str:
    cases = f"{int(row['n_real'])} real and " if row["n_real"] else ""
    subject = f"{cases}{count(int(row['n_synthetic']), 'synthetic case')}" + (
        f" of {row['generator']}" if several else ""
    )
    if np.isfinite(row["worth"]):
        outcome = f"score like {_real_cases(row)} alone"
    elif row["worth_low"] > 0:
        outcome = f"score better than {int(row['largest'])} real cases alone, the most that were tried"
    else:
        outcome = "score worse than the fewest real cases alone that were tried"
    return f"{subject} {outcome}."


def _real_cases(row: Mapping) -> str:
    """Write a number of real cases with its limits.

    >>> _real_cases({"worth": 43.2, "worth_low": 34.0, "worth_high": 60.4, "largest": 135})
    '43 [34, 60] real cases'
    >>> _real_cases({"worth": 43.2, "worth_low": 0.0, "worth_high": float("inf"), "largest": 135})
    '43 [0, more than 135] real cases'
    """
    if not np.isfinite(row["worth"]):
        return f"{_limits(row)} real cases" if row["worth_low"] > 0 or np.isfinite(row["worth_high"]) else "n/a"
    return f"{number(row['worth'], 0)} {_limits(row)} real cases"


def _limits(row: Mapping) -> str:
    high = number(row["worth_high"], 0) if np.isfinite(row["worth_high"]) else f"more than {int(row['largest'])}"
    return f"[{number(row['worth_low'], 0)}, {high}]"


def _curve(worth: pd.DataFrame) -> pd.DataFrame:
    """Return the arms of real cases alone, each number once."""
    return worth[worth["n_synthetic"] == 0].drop_duplicates("n_real").sort_values("n_real")


def _section(rows: pd.DataFrame, curve: pd.DataFrame, suffix: str, index: int) -> Section:
    measure = IN_SENTENCES.get(str(rows["measure"].iloc[0]), str(rows["measure"].iloc[0]))
    mixed = rows[rows["n_synthetic"] > 0]
    figure = Figure(
        f"Learning curve of real cases, and what synthetic cases add{suffix}",
        (_panel(curve, mixed[mixed["n_real"] > 0], measure, index),),
        f"{100 * rows['confidence'].iloc[0]:g} % intervals over patients and training seeds. The axis of real cases is "
        "logarithmic. A mix is worth as many real cases as the curve has where it is as high as the mark.",
        LEGEND,
    )
    shown = pd.concat([curve, mixed]).sort_values(["n_real", "n_synthetic"])
    table = pd.DataFrame(
        [
            {
                "Real cases": int(row["n_real"]),
                "Synthetic cases": int(row["n_synthetic"]),
                f"{measure[:1].upper()}{measure[1:]}": estimate(row["value"], row["ci_low"], row["ci_high"]),
                "More than the same real cases alone": estimate(
                    row["gain"], row["gain_low"], row["gain_high"], sign=True
                ),
                "Scores like": _real_cases(row) if row["n_synthetic"] else "itself",
                "Seeds": int(row["n_seeds"]),
            }
            for row in shown.to_dict("records")
        ]
    )
    caption = (
        f"On the same {count(int(rows['n_patients'].iloc[0]), 'real test patient')}. Between two numbers of real cases "
        "the curve is a straight line over the logarithm of the number; beyond the largest nothing is said."
    )
    return Section(
        f"How many real cases a training set is worth{suffix}",
        lead="To how many real cases alone a set with synthetic ones is equal, by its score on real test cases.",
        figures=(figure,),
        tables=(Table("Every number of real and synthetic training cases", table, caption, "intervals"),),
        limit="It holds for this network, these numbers of steps and these sets; a longer training may move it.",
    )


def _panel(curve: pd.DataFrame, mixed: pd.DataFrame, measure: str, index: int) -> str:
    figure, axes = panel("Real test cases", "real training cases, log axis", measure, WIDE_PANEL)
    axes.set_xscale("log")
    real, synthetic = series_id("real"), series_id("synthetic")
    axes.plot(curve["n_real"], curve["value"], color=COLOURS["real"], marker=GLYPHS["real"], gid=real)
    axes.vlines(curve["n_real"], curve["ci_low"], curve["ci_high"], color=COLOURS["real"], lw=1.3, gid=real)
    marks = [_mark(row, row["n_real"]) for row in curve.to_dict("records")]
    for row in mixed.to_dict("records"):
        x = row["n_real"] * 1.03
        axes.vlines(x, row["ci_low"], row["ci_high"], color=COLOURS["synthetic"], lw=1.3, gid=synthetic)
        axes.plot(x, row["value"], GLYPHS["synthetic"], color=COLOURS["synthetic"], gid=synthetic)
        marks.append(_mark(row, x))
        axes.annotate(
            f"+{int(row['n_synthetic'])}", (x, row["value"]), xytext=(6, -3), gid=synthetic,
            textcoords="offset points", fontsize=8, color=COLOURS["synthetic"],
        )  # fmt: skip
    sizes = sorted({*curve["n_real"], *mixed["n_real"]})
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticklabels([f"{int(n)}" for n in sizes])
    return svg(figure, f"amounts-{index}", f"{measure} over the number of real training cases.", marks)


def _mark(row: Mapping, x: float) -> Mark:
    """Return what is said about the point of some training cases, drawn at x."""
    added = f" and {count(int(row['n_synthetic']), 'synthetic case')}" if row["n_synthetic"] else ""
    value = estimate(row["value"], row["ci_low"], row["ci_high"])
    text = (
        f"{count(int(row['n_real']), 'real case')}{added}: {value}; "
        f"n = {count(int(row['n_patients']), 'patient')}, {count(int(row['n_seeds']), 'seed')}"
    )
    return Mark(x, row["value"], text, "synthetic" if row["n_synthetic"] else "real")
