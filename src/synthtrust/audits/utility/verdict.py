"""The verdict on utility: whether synthetic training loses less than a margin that was set before looking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthtrust.audits.margins import Margins
from synthtrust.audits.scores import Row
from synthtrust.audits.utility.power import Spread
from synthtrust.audits.utility.run_doubts import class_balance, leaks, missing_classes, moved_margins, real_parts
from synthtrust.audits.verdict import decide, not_assessed
from synthtrust.report.formatting import listing
from synthtrust.report.sentences import IN_SENTENCES, NOT_COMPARED, TRIVIAL_TEXTS, gap_bounds, over_splits_sentence
from synthtrust.verdicts import Doubt, Reading, Reason, Subject, Verdict


@dataclass(frozen=True)
class UtilityThresholds:
    """What was settled before looking."""

    margins: Margins
    """The criterion and its margin."""
    min_seeds: int
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients, below which nothing is SUPPORTED."""
    min_patients_each: int
    """Test patients with each region, of each class, or with and without each finding, below which nothing is
    SUPPORTED."""

    def settings(self, confidence: float) -> dict[str, Any]:
        """Return every threshold by the name of its key, without the words beside them."""
        numbers = {name: value for name, value in vars(self).items() if name != "margins"}
        return {"confidence": confidence, **self.margins.settings(), **numbers}


def reading(row: Row, thresholds: UtilityThresholds) -> Reading:
    """Read the one-sided bounds of TSTR against TRTR in the primary criterion, and nothing else.

    By the difference: SUPPORTED if the loss is shown to be smaller than the margin, NOT SUPPORTED if it is shown to be
    larger. By the ratio: SUPPORTED if the share kept of what TRTR has above a trivial predictor is shown to be larger
    than its margin, NOT SUPPORTED if it is shown to be smaller. (Of a raw area under the curve, guessing keeps more
    than .9 as soon as TRTR is below .55: so the ratio is one of what lies above .5.) Bounds that are NaN show nothing.
    """
    margins = thresholds.margins
    if margins.primary == "difference":
        lower, upper, edge = row["gap_lower"], row["gap_upper"], -margins.margin
    else:
        lower, upper, edge = row["ratio_above_chance_lower"], row["ratio_above_chance_upper"], margins.ratio_margin
    if lower > edge:
        return "SUPPORTED"
    return "NOT SUPPORTED" if upper < edge else "INCONCLUSIVE"


def judge(
    row: Row,
    facts: Iterable[Mapping[str, Any]],
    thresholds: UtilityThresholds,
    subject: Subject,
    splits: Sequence[Row] = (),
) -> Verdict:
    """Return the verdict on utility of one comparison of TSTR with TRTR in the main measure.

    Doubts cap it at INCONCLUSIVE. A shown loss stays NOT SUPPORTED in spite of them, unless it may hang on a single
    training run or on the rule for empty regions.

    Args:
        row: One of `comparison_rows`, with ``depends_on_empty_rule`` and the confidence of the bounds.
        facts: The ``run.json`` of each run compared.
        thresholds: Margins and least numbers.
        subject: The generator, and the mix where several were compared.
        splits: Rows of `split_rows`, of runs on repeated splits; the verdict is about the first, unless others speak
            against it.
    """
    facts = list(facts)
    read = reading(row, thresholds)
    doubts = [
        *_unsettled(row),
        *_no_skill(row, thresholds.margins),
        *_doubts(row, facts, thresholds),
        *_other_splits(splits, thresholds.margins),
    ]
    evidence = [
        *_numbers(row, thresholds),
        *_lent(row),
        *_over_splits(splits),
        *missing_classes(facts),
        *class_balance(facts),
        *real_parts(facts),
    ]
    return decide(
        "utility",
        read,
        evidence,
        doubts,
        change=CHANGE | {"INCONCLUSIVE": _needed(row, thresholds)},
        thresholds=thresholds.settings(row["confidence"]),
        subject=subject,
    )


CHANGE = {
    "SUPPORTED": "A bound on the wrong side of its margin, in more patients or with more seeds.",
    "NOT SUPPORTED": "A generator whose twins teach more; more test patients or seeds can hardly close this gap.",
}


def not_compared(thresholds: UtilityThresholds, confidence: float, subject: Subject) -> Verdict:
    """Return the verdict where an arm is missing."""
    return not_assessed(
        "utility",
        Reason("not_compared", NOT_COMPARED),
        "Runs at alpha 0 (synthetic training cases only) and at alpha 1 (real ones only), with the same seeds.",
        thresholds.settings(confidence),
        subject,
    )


def _numbers(row: Row, thresholds: UtilityThresholds) -> list[Reason]:
    """Return the comparison in one sentence, with the bounds that decide; nothing where there are none."""
    if not np.isfinite(row["gap_lower"]):
        return []
    margins, percent = thresholds.margins, f"{100 * row['confidence']:g} %"
    measure = IN_SENTENCES.get(row["measure"], row["measure"])
    scored = f"In {measure}, TSTR {row['value']:.3f} against TRTR {row['reference']:.3f}"
    skill = f"of what TRTR has above {TRIVIAL_TEXTS[row['trivial']]}"
    if margins.primary == "difference":
        bounds = f"{gap_bounds(row)} (one-sided {percent} bounds; the margin is a loss of {margins.margin:g})"
    elif np.isfinite(row["ratio_above_chance_lower"]):
        bounds = (
            f"{skill}, TSTR keeps {row['ratio_above_chance']:.3f}, at least {row['ratio_above_chance_lower']:.3f} and "
            f"at most {row['ratio_above_chance_upper']:.3f} (one-sided {percent} bounds; the margin is a share of "
            f"{margins.ratio_margin:g})"
        )
    else:
        bounds = f"{skill}, the share that TSTR keeps is undefined, since not both were shown to lie above it"
    return [Reason("gap", f"{scored}: {bounds}."), Reason("justification", _justification(margins))]


def _lent(row: Row) -> list[Reason]:
    """Say where TRTR comes from, if this generator has no runs of its own on real cases alone."""
    lender = row.get("trtr_of")
    text = f"TRTR was trained beside {lender}: a training on real cases alone does not depend on the generator."
    return [Reason("lent_trtr", text)] if lender else []


def _justification(margins: Margins) -> str:
    """Say why the margin is what it is, and when it was settled."""
    when = "settled before training" if margins.before_training else "the default, since the runs hold none"
    name = "a loss" if margins.primary == "difference" else "a share kept"
    why = f": {margins.justification.rstrip('.')}" if margins.justification else "; no justification was stated for it"
    return f"The criterion is {name}, its margin {when}{why}."


def _unsettled(row: Row) -> Iterator[Doubt]:
    """Yield the doubts that forbid a verdict either way."""
    if not np.isfinite(row["gap_lower"]):
        yield Doubt(
            "no_bounds",
            f"No bounds on the gap. {row['note']}".rstrip(),
            "Test cases of at least two patients of every class, or with and without every finding.",
            blocks=True,
        )
    if row["depends_on_empty_rule"]:
        yield Doubt(
            "empty_rule",
            "The outcome hangs on the rule for empty regions.",
            "A policy for empty regions that both rules agree on, or test cases without them.",
            blocks=True,
        )
    if min(row["n_seeds"], row["n_seeds_reference"]) < 2:
        yield Doubt(
            "one_seed",
            "One training seed: how much another run of the same recipe would differ is not assessed.",
            "Several training seeds of each arm.",
            blocks=True,
        )


def _no_skill(row: Row, margins: Margins) -> Iterator[Doubt]:
    """Yield the doubt whether TRTR has learned anything that could be lost."""
    skill, trivial = row["reference_above_chance"], TRIVIAL_TEXTS[row["trivial"]]
    if not skill > 0:
        yield Doubt(
            "no_skill",
            f"TRTR itself was not shown to beat {trivial}: there is no utility to keep.",
            f"A longer training or another network, until TRTR beats {trivial}.",
            blocks=True,
        )
    elif margins.primary == "difference" and margins.margin > margins.largest_share * skill:
        yield Doubt(
            "margin_exceeds_skill",
            f"TRTR was shown to lie {skill:.3f} above {trivial}, no more: a loss of {margins.margin:g} is more than "
            f"{100 * margins.largest_share:g} % of that.",
            "A longer training or another network; or, settled before training, a smaller margin or "
            "margins.primary=ratio.",
        )
    if row["trivial"] == "nothing" and skill > 0:
        yield Doubt(
            "no_trivial_predictor",
            "What position alone scores is not known of these runs: that TRTR beats it was not shown.",
            "An evaluation where the real cases of the runs lie: it scores a label map by position beside TRTR.",
        )


def _doubts(row: Row, facts: Sequence[Mapping[str, Any]], thresholds: UtilityThresholds) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED."""
    seeds = min(row["n_seeds"], row["n_seeds_reference"])
    if 1 < seeds < thresholds.min_seeds:
        yield Doubt(
            "few_seeds",
            f"{seeds} training seeds, fewer than the {thresholds.min_seeds} asked for.",
            "More training seeds of each arm.",
        )
    if row["n_patients"] < thresholds.min_patients:
        yield Doubt(
            "few_patients",
            f"{row['n_patients']} test patients, fewer than the {thresholds.min_patients} asked for.",
            "More test patients.",
        )
    if row["fewest_patients"] < thresholds.min_patients_each:
        yield Doubt(
            "few_patients_each",
            f"{row['fewest_part']}: {row['fewest_patients']} test patients, fewer than the "
            f"{thresholds.min_patients_each} asked for.",
            f"More test patients for {row['fewest_part']}.",
        )
    yield from moved_margins(facts, thresholds.margins)
    yield from leaks(facts)


def _other_splits(splits: Sequence[Row], margins: Margins) -> Iterator[Doubt]:
    """Name splits that speak against a small loss; a criterion of the ratio is judged on the first alone."""
    if margins.primary != "difference":
        return
    large = [row["split"] for row in splits if row["gap_upper"] < -margins.margin]
    if large or any(row["gap"] < -margins.margin for row in splits if row["split"] == "all"):
        named = f"on split {listing(large)}" if large else "in the mean over splits"
        yield Doubt(
            "other_splits",
            f"With other training patients the loss exceeds {margins.margin:g}, {named}.",
            "More training patients, with whom the outcome hangs less on who they are.",
        )


def _over_splits(splits: Sequence[Row]) -> Iterator[Reason]:
    """Yield what repeated splits say together."""
    for row in splits:
        if row["split"] == "all":
            yield Reason("splits", over_splits_sentence(row))


def _needed(row: Row, thresholds: UtilityThresholds) -> str:
    """Say about how many patients or seeds, at this gap and spread, would bring the lower bound above the margin."""
    margins = thresholds.margins
    if margins.primary == "ratio":
        return "More patients and seeds: neither bound of the share kept lies beyond its margin."
    room = row["gap"] + margins.margin
    if not room > 0:
        return "More patients and seeds: the estimate lies beyond the margin, its bound does not."
    enough = Spread.of_comparison(row).enough(room, row["n_patients"], row["n_seeds"], row["confidence"])
    if enough is None:
        return "More test patients and more training seeds of each arm: the spread of both is too wide for the margin."
    patients = max(enough[0], row["n_patients"] + 1, thresholds.min_patients)  # never fewer than are asked for anyway
    seeds = max(enough[1], thresholds.min_seeds)
    trained = f" and {seeds} training seeds of each arm" if seeds > row["n_seeds"] else ""
    return f"About {patients} test patients like these{trained}, if the gap stays as it is."
