"""The chapter on the onset: the leak at each step of a generator's training, and the step before it began."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from synthtrust.report.formatting import EstimateCell, count, number, probability
from synthtrust.report.layout import Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.marks import Mark, series_id
from synthtrust.report.panels import REGION_GLYPHS, REGION_MARKS, region_key
from synthtrust.report.sentences import IN_SENTENCES
from synthtrust.report.style import COLOURS, PANEL, panel, svg
from synthtrust.report.verdicts import joined_reasons

TRAINING = ["generator", "n_train", "seed", "study"]
MEASURES = {
    "copies": "share of copies",
    "membership": "membership, area under the ROC curve",
    "nearest_share": "nearest to a training case (P3)",
    "TSTR": "TSTR",
    "KID": "KID",
}
"""Measure -> its axis and its column, in the order of the panels."""
BOUNDS = {"copies": "Copies, at most", "membership": "Membership, at most"}
"""Measure of a leak -> the column of the bounds that decide."""
EXPECTED = LegendEntry("share of an honest set (P3), in the colour of its training", "muted", "┈┈")
LIMIT = LegendEntry("limit, settled before looking", "muted", "╌╌", "reference")
DIGITS = {"copies": 4, "KID": 4}


def onset_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out the tables of `synthtrust.audits.Onset`: ``looks`` and ``answers``."""
    looks, answers = tables["looks"], tables["answers"]
    names = {_key(row): _name(row, answers) for row in answers.to_dict("records")}
    sentences = tuple(f"{names[_key(row)]}: {_outcome(row)}" for row in answers.to_dict("records"))
    named = looks.assign(training=[names[_key(row)] for row in looks[TRAINING].to_dict("records")])
    shown = [*_answers(answers, names), *_tables(named)]
    first = answers.iloc[0]
    limits = first["thresholds"]
    level = f"{100 * limits['confidence']:g} %"
    section = Section(
        "When the generator began to memorise",
        lead="The leak of the sets that the steps of one training painted, and what these sets are worth.",
        figures=(_figure(named, list(names.values())),),
        tables=tuple(shown),
        notes=(
            f"Settled before looking: at most {limits['max_copies']:g} of the images may be copies, beyond a strength "
            f"of {limits['copy_threshold']:g}, and membership inference may reach an area of at most "
            f"{limits['auc_bound']:g}. P3 accuses a set, by the rule of the privacy audit, if more images lie nearest "
            f"to a training case than chance explains, p < {limits['significance']:g}.",
            f"At the last step below, and at all steps before it, both one-sided bounds of {level} lie below their "
            "limits, and P3 does not accuse. The first step at which this fails ends the series, so that the bounds "
            "need no correction for the number of steps: more looks can end it too early, and never too late. An "
            f"honest set is accused by P3 with probability {limits['significance']:g} at each step. A leak is shown by "
            "bounds that hold for all steps together, or by P3 with its significance divided by their number "
            "(Bonferroni).",
        ),
        limit="That P3 does not accuse a set bounds nothing, and these three are not all that a set may give away: the "
        "privacy audit of the set of the step named asks more, and plants copies to show what it misses. What is named "
        "are steps of this very training; where its learning rate falls to 0 at the last one, a training that ends at "
        "the step named is another one.",
    )
    return Chapter(sentences, (), (section,))


def _key(row: Mapping) -> tuple:
    return tuple(row[name] for name in TRAINING)


def _name(row: Mapping, answers: pd.DataFrame) -> str:
    """Name a training: by its generator, its number of training cases, and by seed and study where these differ."""
    alike = answers[(answers["generator"] == row["generator"]) & (answers["n_train"] == row["n_train"])]
    seed = f", seed {row['seed']}" if alike["seed"].nunique() > 1 else ""
    study = f", {row['study']}" if alike["study"].nunique() > 1 else ""
    return f"{row['generator']} on {count(int(row['n_train']), 'case')}{seed}{study}"


def _outcome(row: Mapping) -> str:
    first, last = (f"{int(row[name]):,}" for name in ("first_step", "last_step"))
    below, above = (f"{int(row[name]):,}" if np.isfinite(row[name]) else "" for name in ("last_below", "first_above"))
    if row["code"] == "not_within":
        outcome = f"no leak above the limits within these steps, {first} to {last}."
    elif row["code"] == "from_the_first":
        outcome = f"a leak above the limits at the first step that was looked at, {first}."
    elif row["code"] == "begins":
        outcome = (
            f"memorising begins after step {below} and by step {above}; {below} is the last step below the limits."
        )
    elif below:
        outcome = f"{below} is the last step shown to lie below the limits; at no step was a leak above them shown."
    elif above:
        outcome = f"no step is shown to lie below the limits; a leak above them is shown from step {above} on."
    else:
        outcome = "no step is shown to lie below the limits, and none above them."
    return f"{outcome} {joined_reasons(row['reasons'])}".strip()


def _figure(looks: pd.DataFrame, names: Sequence[str]) -> Figure:
    panels = tuple(
        _panel(looks[looks["measure"] == measure], names, index)
        for index, measure in enumerate(MEASURES)
        if (looks["measure"] == measure).any()
    )
    keys = tuple(
        replace(region_key(name, place), glyph=REGION_GLYPHS[place % len(REGION_GLYPHS)])
        for place, name in enumerate(names)
    )
    caption = (
        f"Bars are pointwise {100 * looks['confidence'].iloc[0]:g} % intervals, over images, patients, or patients and "
        "training seeds of the network; another training of the generator is not in them."
    )
    return Figure("Leak and worth over the steps of the training", panels, caption, (*keys, LIMIT, *_expected(looks)))


def _expected(looks: pd.DataFrame) -> Iterator[LegendEntry]:
    if np.isfinite(looks["expected"]).any():
        yield EXPECTED


def _panel(looks: pd.DataFrame, names: Sequence[str], index: int) -> str:
    label = _label(looks.iloc[0].to_dict())
    figure, axes = panel(label, "step of the training, log axis", "", PANEL)  # the title says what is drawn
    axes.set_xscale("log")
    if np.isfinite(looks["limit"]).any():
        axes.axhline(looks["limit"].max(), color=COLOURS["muted"], lw=1, ls="--", gid=series_id("reference"))
    marks: list[Mark] = []
    for place, name in enumerate(names):
        rows = looks[looks["training"] == name].sort_values("step")
        key = region_key(name, place)
        x = rows["step"] * 1.04 ** (place - (len(names) - 1) / 2)  # beside one another
        gid = series_id(key.series)
        axes.vlines(x, rows["ci_low"], rows["ci_high"], color=COLOURS[key.colour], lw=1.2, gid=gid)
        axes.plot(x, rows["value"], f"-{REGION_MARKS[place % len(REGION_MARKS)]}", color=COLOURS[key.colour], gid=gid)
        axes.plot(x, rows["expected"], ":", color=COLOURS[key.colour], lw=1, gid=gid)
        marks += [
            Mark(at, row["value"], f"{name}, step {int(row['step']):,}: {_cell(row)}; {row['note']}".replace("\n", " "),
                 key.series)
            for at, row in zip(x, rows.to_dict("records"), strict=True)
        ]  # fmt: skip
    steps = sorted(looks["step"].unique())
    axes.xaxis.set_major_locator(FixedLocator(steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(steps, [f"{int(step):g}" for step in steps], rotation=45, ha="right")
    return svg(figure, f"onset-{index}", f"{label} over the steps of the generator's training.", marks)


def _label(row: Mapping) -> str:
    """Name a measure; TSTR by what it is measured in."""
    score = str(row["score"])
    return f"TSTR, {IN_SENTENCES.get(score, score)}" if score else MEASURES[row["measure"]]


def _answers(answers: pd.DataFrame, names: Mapping[tuple, str]) -> Iterator[Table]:
    frame = pd.DataFrame(
        [
            {
                "Training": names[_key(row)],
                "Steps looked at": f"{int(row['n_steps'])}: {int(row['first_step']):,} to {int(row['last_step']):,}",
                "Last step below the limits": _step(row["last_below"]),
                "First step shown to leak": _step(row["first_above"]),
            }
            for row in answers.to_dict("records")
        ]
    )
    caption = "None: no step of those looked at. Each training stands for itself: another seed may begin elsewhere."
    yield Table("The onset of each training", frame, caption, "described", stays_open=True)


def _step(step: float) -> str:
    return f"{int(step):,}" if np.isfinite(step) else "none"


def _tables(looks: pd.DataFrame) -> Iterator[Table]:
    """Yield a table of each training, a row for each step."""
    for name, own in looks.groupby("training", sort=False):
        frame = pd.DataFrame(
            [
                {"Step": f"{step:,}"}
                | {_label(row): _cell(row) for row in _in_order(rows)}
                | {
                    BOUNDS[row["measure"]]: number(row["upper"], DIGITS.get(row["measure"], 3))
                    for row in _in_order(rows)
                    if row["measure"] in BOUNDS
                }
                | {
                    column: written
                    for row in _in_order(rows)
                    if row["measure"] == "nearest_share"
                    for column, written in (("P3, expected", number(row["expected"])), ("P3, p", probability(row["p"])))
                }
                for step in sorted({int(step) for step in own["step"]})
                for rows in [own[own["step"] == step]]
            ]
        )
        n = own.drop_duplicates("measure").set_index("measure")["n"]
        caption = (
            f"Copies among {count(int(n['copies']), 'synthetic image')}; membership of "
            f"{count(int(n['membership']), 'training case')}. At most: the one-sided bounds that decide. "
            "P3, p: one-sided, over patients."
        )
        yield Table(f"Every step: {name}", frame, caption, "intervals")


def _in_order(rows: pd.DataFrame) -> list[dict]:
    found = {row["measure"]: row for row in rows.to_dict("records")}
    return [found[measure] for measure in MEASURES if measure in found]


def _cell(row: Mapping) -> EstimateCell:
    return EstimateCell(row["value"], row["ci_low"], row["ci_high"], digits=DIGITS.get(row["measure"], 3))
