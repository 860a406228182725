"""The chapter on calibration: detection against the planted share of copies, and false alarms."""

from collections.abc import Mapping, Sequence

import pandas as pd

from synthtrust.report.formatting import count, estimate, number
from synthtrust.report.layout import DESCRIBED, Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.style import COLOURS, WIDE_PANEL, panel, region_colour, svg

VERBATIM = "exact"
TESTS = {"P1": "copy search", "P2": "membership inference", "P3": "nearest-real share", "P4": "twin leak"}
MARKS = ("o", "s", "^", "D", "v", "P")
GLYPHS = ("●", "■", "▲", "◆", "▼", "✚")


def calibration_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the table ``detection`` of the calibration."""
    detection = tables["detection"]
    kinds = [kind for kind in dict.fromkeys(detection["kind"]) if kind != "none"]
    first = detection.iloc[0]
    tests = [test for test in TESTS if test in set(detection["measure"])]
    twins = "P4" in tests
    honest = (
        f"and their {first['n_synthetic']} twins" if twins else f"and {first['n_synthetic']} honest cases, all real"
    )
    n = (
        f"{first['n_train']} training and {first['n_holdout']} unseen cases {honest}, of different patients, drawn "
        f"{first['n_seeds']} times."
    )
    figures = (
        Figure(
            "Verbatim copies: draws in which each test calls a leak",
            (_tests(detection, tests),),
            f"{n} Share 0: false alarms. Bars: exact 95 % intervals over draws."
            + (" P2 and P3 leave out a twin's own source: they are asked without copies alone." if twins else ""),
            _keys([f"{test} {TESTS[test]}" for test in tests]),
            wide=True,
        ),
        Figure(
            "Planted copies that the copy search names, with their source",
            (_named(detection, kinds),),
            f"Share of all planted copies in all draws, by kind of copy. {n} {DESCRIBED}",
            _keys(kinds),
            wide=True,
        ),
    )
    section = Section(
        "Detection against the planted share of copies",
        (
            "A generator painted twins on label maps of cases that it never saw; whichever of them are called its "
            "training cases, their twins are honest. A share of these gives way to the case itself, transformed."
            if twins
            else "Copies of training cases are planted among real cases that nobody trained on: these are what a "
            "perfectly honest generator would paint."
        ),
        figures,
        (_table(detection, kinds),),
        (
            "The search, its thresholds and the tests are those of the audit"
            + ("." if twins else "; its specificity control is left out."),
        ),
        "What other kinds of copies would do, and how these fare among other images.",
    )
    return Chapter(_answers(detection), (), (section,))


def _answers(detection: pd.DataFrame) -> tuple[str, ...]:
    every = detection[detection["measure"] == "any"]
    (honest,) = every[every["kind"] == "none"].to_dict("records")
    value = estimate(honest["detected"], honest["ci_low"], honest["ci_high"], 2)
    answers = [f"False alarms on honest sets: {value} of {honest['n_seeds']} draws."]
    planted = every[every["kind"] != "none"]
    if len(planted):
        least = planted["share"].min()
        low = planted[planted["share"] == least]
        detected = ", ".join(
            f"{row['kind']} {estimate(row['detected'], row['ci_low'], row['ci_high'], 2)}"
            for row in low.to_dict("records")
        )
        answers.append(f"Draws in which {least:.0%} of planted copies were called a leak: {detected}.")
    return tuple(answers)


def _keys(names: Sequence[str]) -> tuple[LegendEntry, ...]:
    return tuple(
        LegendEntry(name, region_colour(i), GLYPHS[i % len(GLYPHS)], f"line-{i}") for i, name in enumerate(names)
    )


def _tests(detection: pd.DataFrame, tests: Sequence[str]) -> str:
    """Draw how often each test calls a leak among verbatim copies."""
    rows = detection[detection["kind"].isin(["none", VERBATIM])]
    lines = [rows[rows["measure"] == test] for test in tests]
    return _curves(dict(zip(tests, lines, strict=True)), "detected", "draws called a leak", bars=True)


def _named(detection: pd.DataFrame, kinds: Sequence[str]) -> str:
    rows = detection[detection["measure"] == "any"]
    return _curves({kind: rows[rows["kind"] == kind] for kind in kinds}, "found", "copies named", bars=False)


def _curves(lines: Mapping[str, pd.DataFrame], column: str, name: str, *, bars: bool) -> str:
    figure, axes = panel("", "planted share of copies", f"share of {name}", WIDE_PANEL)
    shares = sorted({share for rows in lines.values() for share in rows["share"]})
    marks: list[Mark] = []
    for i, (words, rows) in enumerate(lines.items()):
        x = [shares.index(share) + 0.07 * (i - (len(lines) - 1) / 2) for share in rows["share"]]  # side by side
        colour = COLOURS[region_colour(i)]
        gid = series_id(f"line-{i}")
        axes.plot(x, rows[column], marker=MARKS[i % len(MARKS)], color=colour, linewidth=1, gid=gid)
        if bars:
            axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1, gid=gid)
        for at, row in zip(x, rows.to_dict("records"), strict=True):
            value = estimate(row[column], row["ci_low"], row["ci_high"], 2) if bars else number(row[column], 2)
            text = f"{words}, {row['share']:.0%} planted: {value} of {name}; n = {count(int(row['n_seeds']), 'draw')}"
            marks.append(Mark(at, row[column], text, f"line-{i}"))
    axes.set_xticks(range(len(shares)), [f"{share:.0%}" for share in shares])
    axes.set_ylim(-0.03, 1.05)
    return svg(figure, f"calibration-{column}", f"Share of {name} over the planted share of copies", marks)


def _table(detection: pd.DataFrame, kinds: Sequence[str]) -> Table:
    """Return kinds down, planted shares across: the verdict's call above the share of copies that were named."""
    every = detection[detection["measure"] == "any"]
    shares = sorted(every["share"].unique())
    cells = {(row["kind"], row["share"]): row for row in every.to_dict("records")}
    rows = [
        {"Copies": kind} | {f"{share:.0%} planted": _cell(cells.get((kind, share))) for share in shares}
        for kind in ("none", *kinds)
    ]
    return Table(
        "Draws in which the verdict calls a leak, and the share of copies that were named",
        pd.DataFrame(rows),
        "Above: share of draws with its exact 95 % interval, by any test, Holm's correction made. Below: copies named.",
        "intervals",
    )


def _cell(row: Mapping | None) -> str:
    if row is None:
        return ""
    called = estimate(row["detected"], row["ci_low"], row["ci_high"], 2)
    return called if row["found"] != row["found"] else f"{called}\nnamed {number(row['found'], 2)}"
