"""The chapter on utility: TSTR against TRTR in every measure, the curve over alpha, every class, every generator."""

from collections.abc import Iterator, Mapping

import pandas as pd

from synthtrust.conventions import CONTROLS, WITH_TWINS_FOR_REAL, is_tstr
from synthtrust.report.class_curves import class_figures
from synthtrust.report.confusion import confusion_tables
from synthtrust.report.curve_table import curve_table
from synthtrust.report.factor_table import coverage, percent
from synthtrust.report.generators import generators_figure
from synthtrust.report.layout import BARE_MARKS, Chapter, Figure, LegendEntry, Section, Table
from synthtrust.report.matched import (
    LEGEND,
    controls_of,
    matched_caption,
    matched_sentences,
    matched_table,
    missing_controls,
)
from synthtrust.report.panels import best_panel, curve_panels
from synthtrust.report.sentences import (
    IN_SENTENCES,
    NOT_COMPARED,
    augmentation_sentence,
    best_shares,
    over_splits_sentence,
    tstr_sentence,
)
from synthtrust.report.utility_tables import (
    class_table,
    comparison_table,
    kind_of,
    rows_of,
    splits_table,
    two_by_two,
    worth_table,
)

SOURCE_LEGEND = (LegendEntry("real test cases", "real", "●"), LegendEntry("synthetic test cases", "synthetic", "■"))
ENDS = {
    "complement": ("TSTR", "TRTR"),
    "independent": ("TSTR", "TRTR"),
    "additive": ("all real\n+ synthetic", "TRTR"),
}
"""What α = 0 and α = 1 are called, by the mix."""

Tables = Mapping[str, pd.DataFrame]


def utility_chapter(tables: Tables) -> Chapter:
    """Lay out the tables of the utility audit, one section for each generator and mix."""
    curve = tables["curve"]
    main = str(curve["measure"].iloc[0])
    answers: list[str] = []
    summary: list[Table] = []
    sections: list[Section] = []
    several = curve["generator"].nunique() > 1
    worth: list[Table] = []
    for generator, of_generator in curve.groupby("generator", sort=False):
        modes = _modes_shown(of_generator)
        for index, mode in enumerate(modes):
            of_mode = {name: _select(table, generator=generator, mode=mode) for name, table in tables.items()}
            names = [*([str(generator)] if several else []), *([f"mix: {mode}"] if len(modes) > 1 else [])]
            suffix = f" ({', '.join(names)})" if names else ""
            sentences = _answers(of_mode, main, first=index == 0)
            prefix = ", ".join(names)
            prefix = prefix[:1].upper() + prefix[1:]  # a class keeps its own capitals
            answers += [f"{prefix}: {sentence}" if names else sentence for sentence in sentences]
            if (
                _has_tstr(str(mode))
                and _has_scale(of_mode["curve"])
                and (table := two_by_two(of_mode["performance"], main, suffix))
            ):
                (worth if several else summary).append(table)
            name = f"curve-{generator}-{index}".lower().replace(".", "-")
            sections.append(_section(of_mode, of_generator, suffix, str(mode), name))
    if several:
        sections.insert(
            0,
            Section(
                "What each generator's cases are worth",
                "Training on the cases of each generator alone, beside training on real ones.",
                figures=(generators_figure(tables["comparison"], tables["generators"], main, _words(main)),),
                tables=(worth_table(tables["comparison"], tables["generators"], main), *worth),
                limit="Generators are not compared with each other here: each interval is about its own gap to TRTR.",
            ),
        )
    return Chapter(tuple(answers), tuple(summary), tuple(sections))


def _modes_shown(curve: pd.DataFrame) -> list[str]:
    """Return the modes that have a section: controls stand in the figure of their mix."""
    modes = [str(mode) for mode in dict.fromkeys(curve["mode"])]
    has_mix = not set(modes).isdisjoint(WITH_TWINS_FOR_REAL)
    return [mode for mode in modes if not (has_mix and mode in CONTROLS)]


def _has_tstr(mode: str) -> bool:
    return is_tstr(0, mode)


def _has_scale(curve: pd.DataFrame) -> bool:
    """Whether real training stands beside the synthetic one: without it no number is shown."""
    return bool((curve["alpha"] == 1).any())


def _select(table: pd.DataFrame, **equal: object) -> pd.DataFrame:
    """Return the rows with these values; tables without such a column stay whole."""
    for column, value in equal.items():
        if column in table:
            table = table[table[column] == value]
    return table


def _answers(tables: Tables, main: str, *, first: bool) -> Iterator[str]:
    """Yield the sentences of one generator and mix; only the first mix is asked for what it lacks."""
    compared = tables["comparison"]
    rows = rows_of(compared[compared["measure"] == main]) if len(compared) else []
    for row in rows:
        if row["contrast"] == "TSTR":
            yield tstr_sentence(row)
            splits = tables.get("splits", pd.DataFrame())
            yield from (over_splits_sentence(whole) for whole in rows_of(splits) if whole["split"] == "all")
        else:
            yield augmentation_sentence(row)
    if first and not any(row["contrast"] == "TSTR" for row in rows):
        yield NOT_COMPARED
    shares = set(tables["curve"]["alpha"])
    if (first and len(shares) == 1 and shares != {0}) or (_has_scale(tables["curve"]) and len(shares) > 1):
        yield from best_shares(tables["curve"])
    if len(matched := tables.get("matched", pd.DataFrame())):
        yield from matched_sentences(matched)


def _section(tables: Tables, curves: pd.DataFrame, suffix: str, mode: str, name: str) -> Section:
    """Lay out one mix; ``curves`` are those of all modes of its generator, the controls among them."""
    curve, compared = tables["curve"], tables["comparison"]
    measure = _words(str(curve["measure"].iloc[0]))
    controls = controls_of(curves, mode)
    figure = Figure(
        title=f"{measure[0].upper()}{measure[1:]} over the share of real cases",
        panels=curve_panels(curve, name, measure, ENDS.get(mode), controls),
        caption=f"Shaded: simultaneous band; the whole true curve lies within it in {percent(curve)} of studies. "
        "Bars: pointwise intervals, from the same variances as the band, with the spread over seeds pooled over all "
        "shares; tables and sentences take each arm's own. Filled marks: shares not excluded as the best on this test "
        "set; hollow marks: excluded, some other share is better by more than the simultaneous comparison leaves to "
        "chance. "
        f"{coverage(curve)}{matched_caption(controls)} {BARE_MARKS}",
        legend=(*SOURCE_LEGEND, *(LEGEND[control] for control in dict.fromkeys(controls["mode"]))),
        wide=True,
    )
    figures = (*_figures(tables, figure, suffix, name), *_score_figures(tables, suffix, name, ENDS.get(mode)))
    shown: list[Table] = [curve_table(curve, f"{figure.title}{suffix}")] if figure in figures else []
    for contrast, rows in compared.groupby("contrast", sort=False) if len(compared) else ():
        title = "Every measure, TSTR against TRTR" if contrast == "TSTR" else "Synthetic cases added to all real ones"
        shown.append(comparison_table(rows, str(contrast), f"{title}{suffix}"))
    if len(matched := tables.get("matched", pd.DataFrame())):
        shown.append(matched_table(matched, f"What twins add to the same real cases{suffix}"))
    if len(splits := tables.get("splits", pd.DataFrame())):
        shown.append(splits_table(splits, f"TSTR against TRTR over repeated splits{suffix}"))
    kind = kind_of(tables["per_class"])
    per_class = class_table(tables["per_class"], f"{kind.capitalize()} by {kind}, TSTR beside TRTR{suffix}")
    if _has_tstr(mode) and _has_scale(curve) and per_class:
        shown.append(per_class)
    shown += confusion_tables(tables.get("confusion", pd.DataFrame()), suffix)
    return Section(
        f"From synthetic to real training cases{suffix}",
        _lead(mode),
        figures,
        tuple(shown),
        (*_notes(curve, tables["performance"]), *missing_controls(curves, mode)),
        _condition(len(splits) > 0),
    )


def _words(measure: str) -> str:
    """Return a measure as sentences and axes call it."""
    return IN_SENTENCES.get(measure, measure)


def _figures(tables: Tables, over_alpha: Figure, suffix: str, name: str) -> tuple[Figure, ...]:
    """Return the curve over alpha, the shares that stay as the best where there are three, and those of classes."""
    curve = tables["curve"]
    if curve["alpha"].nunique() < 2 or not _has_scale(curve):
        return ()
    figures = [over_alpha]
    if curve["alpha"].nunique() > 2:
        figures.append(
            Figure(
                f"Shares that are not excluded as the best{suffix}",
                (best_panel(curve, f"best-{name}"),),
                f"Crosses: excluded, some other share is better by more than the simultaneous comparison leaves to "
                f"chance. The set that is left holds the best share in {percent(curve)} of studies. {BARE_MARKS}",
                wide=True,
            )
        )
    roc, reliability = (tables.get(table, pd.DataFrame()) for table in ("roc", "reliability"))
    return (*figures, *class_figures(roc, reliability, suffix, name))


def _score_figures(tables: Tables, suffix: str, name: str, ends: tuple[str, str] | None) -> Iterator[Figure]:
    """Yield the second curve over alpha, of the score that was asked for, if there are two shares and real training."""
    curve = tables.get("score_curve", pd.DataFrame())
    if not len(curve) or curve["alpha"].nunique() < 2 or not _has_scale(curve):
        return
    measure = _words(str(curve["measure"].iloc[0]))
    yield Figure(
        f"{measure[0].upper()}{measure[1:]} over the share of real cases{suffix}",
        curve_panels(curve, f"score-{name}", measure, ends),
        f"The score that was asked for; the verdict stands on another. {coverage(curve)} {BARE_MARKS}",
        legend=SOURCE_LEGEND,
        wide=True,
    )


def _condition(is_repeated: bool) -> str:
    """Say which variances are in the intervals."""
    if is_repeated:
        return (
            "Curves, tables and the verdict are of the first split: they hold for its training patients. Only the "
            "table over repeated splits has an interval that takes in other training patients."
        )
    return (
        "One split: every interval holds for these training patients, over other test patients and, where there are "
        "several, training seeds. What other training patients would change is not in it; runs on repeated "
        "splits tell it."
    )


def _lead(mode: str) -> str:
    if _has_tstr(mode):
        return (
            "α = 0 is trained on synthetic cases alone, α = 1 on real cases alone; scored on real test cases they are "
            "TSTR and TRTR. On its own TSTR has no scale: it is read against TRTR, the same recipe on the same cases."
        )
    if mode == "additive":
        return "Every share holds all real cases; α = 0 adds all synthetic ones, α = 1 none."
    return "A control arm without synthetic cases: it says what the number of real cases alone does."


def _notes(curve: pd.DataFrame, performance: pd.DataFrame) -> Iterator[str]:
    yield from dict.fromkeys(note for note in curve["note"] if note)
    if {"real", "synthetic"} <= set(curve["source"]):
        yield (
            "On real test cases the curve tends to rise with α, on synthetic ones to fall; that both agree somewhere "
            "in between follows from continuity and is no evidence of trust."
        )
    if "calibration_error" in set(performance["measure"]):
        yield (
            "Calibration: the Brier score is the squared distance between the probabilities and the class (0 to 2, "
            "lower is better). The calibration error is the squared distance between confidence and accuracy in 15 "
            "bins, less what chance alone adds to it: 0 is expected of perfect probabilities at any number of cases, "
            "so that single values may lie below 0, and probabilities that are wrong by .1 everywhere have .01."
        )
    yield from dict.fromkeys(note for note in performance["note"] if note)
