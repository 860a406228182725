"""The verdict on utility: whether synthetic training loses less than a margin that was set before looking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthtrust.audits.scores import Row
from synthtrust.audits.verdict import decide, not_assessed
from synthtrust.cases import Mix
from synthtrust.report.sentences import IN_SENTENCES, NOT_COMPARED
from synthtrust.verdicts import Doubt, Reading, Reason, Subject, Verdict


@dataclass(frozen=True)
class UtilityThresholds:
    """What was settled before looking."""

    margin: float
    """Tolerable loss in the main measure."""
    ratio_margin: float
    """Sufficient share of what TRTR has above chance."""
    min_seeds: int
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients, below which nothing is SUPPORTED."""


def reading(row: Row, thresholds: UtilityThresholds) -> Reading:
    """Read the one-sided bounds of TSTR against TRTR, and nothing else.

    SUPPORTED if the gap is shown to be smaller than the margin, or the share of what TRTR has above chance larger than
    the ratio margin. (Of a raw area under the curve, guessing keeps more than .9 as soon as TRTR is below .55: so the
    ratio is one of what lies above .5.) NOT SUPPORTED if the gap is shown to be larger than the margin. Bounds that are
    NaN show nothing.
    """
    if row["gap_lower"] > -thresholds.margin or row["ratio_above_chance_lower"] > thresholds.ratio_margin:
        return "SUPPORTED"
    return "NOT SUPPORTED" if row["gap_upper"] < -thresholds.margin else "INCONCLUSIVE"


def judge(row: Row, facts: Iterable[Mapping[str, Any]], thresholds: UtilityThresholds, subject: Subject) -> Verdict:
    """Return the verdict on utility of one comparison of TSTR with TRTR in the main measure.

    Doubts cap it at INCONCLUSIVE. A shown loss stays NOT SUPPORTED in spite of them, unless it may hang on a single
    training run or on the rule for empty regions.

    Args:
        row: One of `comparison_rows`, with ``depends_on_empty_rule`` and the confidence of the bounds.
        facts: The ``run.json`` of each run compared.
        thresholds: Margins and least numbers.
        subject: The generator, and the mix where several were compared.
    """
    facts = list(facts)
    read = reading(row, thresholds)
    doubts = [*_unsettled(row), *_doubts(row, facts, thresholds)]
    evidence = [*_numbers(row, thresholds), *_missing(facts)]
    if read == "SUPPORTED" and not doubts and not row["gap_lower"] > -thresholds.margin:
        text = "The gap alone does not keep to its margin; the share kept does, and either was to be enough."
        evidence.append(Reason("by_share_kept", text))
    return decide(
        "utility",
        read,
        evidence,
        doubts,
        change=CHANGE | {"INCONCLUSIVE": _needed(row, thresholds)},
        thresholds={"confidence": row["confidence"], **vars(thresholds)},
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
        {"confidence": confidence, **vars(thresholds)},
        subject,
    )


def _numbers(row: Row, thresholds: UtilityThresholds) -> list[Reason]:
    """Return the comparison in one sentence, with the bounds that decide; nothing where there are none."""
    if not np.isfinite(row["gap_lower"]):
        return []
    percent = f"{100 * row['confidence']:g} %"
    gap = f"the loss is at most {-row['gap_lower']:.3f}, at least {-row['gap_upper']:.3f}"
    ratio = "undefined, since not both were shown to be above chance"
    if np.isfinite(row["ratio_above_chance_lower"]):
        ratio = f"{row['ratio_above_chance']:.3f}, at least {row['ratio_above_chance_lower']:.3f}"
    measure = IN_SENTENCES.get(row["measure"], row["measure"])
    text = (
        f"In {measure}, TSTR {row['value']:.3f} against TRTR {row['reference']:.3f}: {gap} (one-sided {percent} "
        f"bounds; margin {thresholds.margin:g}); of what TRTR has above chance the share kept is {ratio} (margin "
        f"{thresholds.ratio_margin:g})."
    )
    return [Reason("gap", text)]


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


def _doubts(row: Row, facts: Sequence[Mapping[str, Any]], thresholds: UtilityThresholds) -> Iterator[Doubt]:
    """Yield the doubts that forbid SUPPORTED."""
    seeds = min(row["n_seeds"], row["n_seeds_reference"])
    if not row["reference_above_chance"] > 0:
        yield Doubt(
            "no_skill",
            "TRTR itself was not shown to beat a model without skill: there is no utility to keep.",
            "A longer training or another network, until TRTR beats a model without skill.",
        )
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
    yield from _moved(facts, thresholds)
    yield from _leaks(facts)


def _moved(facts: Iterable[Mapping[str, Any]], thresholds: UtilityThresholds) -> Iterator[Doubt]:
    """Name margins that are not those which were settled before training."""
    asked = {"margin": thresholds.margin, "ratio_margin": thresholds.ratio_margin}
    settled = [fact["margins"] for fact in facts if fact.get("margins")]
    if any(dict(margins) != asked for margins in settled):
        before = ", ".join(f"{name} {value:g}" for name, value in settled[0].items())
        yield Doubt(
            "moved_margins",
            f"The margins are not those that were settled before training: {before}.",
            "The margins of before, or new runs, trained after others were settled.",
        )


def _missing(facts: Iterable[Mapping[str, Any]]) -> list[Reason]:
    """Name the classes that the synthetic training cases lack; their test cases count all the same."""
    lacking = {
        name for fact in facts if _is_tstr(fact) for name in (fact.get("missing_classes") or {}).get("train", ())
    }
    named = ", ".join(sorted(lacking))
    text = f"No synthetic training case is of class {named}; its test cases stay in the score."
    return [Reason("missing_classes", text)] if lacking else []


def _is_tstr(fact: Mapping[str, Any]) -> bool:
    return Mix(fact.get("alpha", 1.0), fact.get("mode", "complement")).is_tstr


def _leaks(facts: Sequence[Mapping[str, Any]]) -> Iterator[Doubt]:
    """Yield the doubts about a generator that may know the test cases, and about how TSTR was chosen."""
    status = {(fact.get("overlap") or {}).get("status", "unknown") for fact in facts}
    if "overlap" in status:
        yield Doubt(
            "overlap",
            "The generator learned from patients it is tested on: TSTR is too good.",
            "A generator that saw no test patient, or test patients that it did not see.",
        )
    elif "unknown" in status:
        yield Doubt(
            "unknown_training_ids",
            "The manifest does not say which cases the generator learned from: it may know the test cases.",
            "The generator's training ids.",
        )
    if any(fact.get("val") == "real" and _is_tstr(fact) for fact in facts):
        yield Doubt(
            "chosen_on_real",
            "The checkpoint of TSTR was chosen on real validation cases: it is not synthetic training alone.",
            "TSTR chosen on synthetic validation cases.",
        )


def _needed(row: Row, thresholds: UtilityThresholds) -> str:
    """Say about how many patients, at this gap and spread, would bring the lower bound above the margin."""
    room = row["gap"] + thresholds.margin
    if not room > 0:
        return "More patients and seeds: the estimate lies beyond the margin, its bound does not."
    allowed = (room / stats.norm.ppf(row["confidence"])) ** 2 - row["v_seeds"]
    if not allowed > 0:
        return "More training seeds: their spread alone is too wide for the margin."
    n = int(np.ceil(row["v_patients"] * row["n_patients"] / allowed))
    return f"About {max(n, row['n_patients'] + 1)} test patients like these, if the gap stays as it is."
