"""Is training on synthetic cases not worse than on real ones by more than a margin that was set before looking?"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from synthtrust.audits.scores import Row
from synthtrust.audits.verdict import Reading, Verdict
from synthtrust.cases import Mix
from synthtrust.report.answers import IN_SENTENCES, NOT_COMPARED


@dataclass(frozen=True)
class Limits:
    """What was settled before looking."""

    margin: float
    """Loss in the main measure that is held to be tolerable."""
    ratio_margin: float
    """Share of what TRTR has above chance that is held to be enough."""
    min_seeds: int
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int
    """Test patients, below which nothing is SUPPORTED."""


@dataclass(frozen=True)
class Reason:
    """Why nothing can be said yet, and what would change it, in whole sentences."""

    text: str
    cure: str


def reading(row: Row, limits: Limits) -> Reading:
    """Read the one-sided bounds of TSTR against TRTR, and nothing else.

    SUPPORTED if the gap is shown to be smaller than the margin, or the share of what TRTR has above chance larger than
    the ratio margin. (Of a raw area under the curve, guessing keeps more than .9 as soon as TRTR is below .55: so the
    ratio is one of what lies above .5.) NOT SUPPORTED if the gap is shown to be larger than the margin. Bounds that are
    NaN show nothing.
    """
    if row["gap_lower"] > -limits.margin or row["ratio_above_chance_lower"] > limits.ratio_margin:
        return "SUPPORTED"
    return "NOT SUPPORTED" if row["gap_upper"] < -limits.margin else "INCONCLUSIVE"


def judge(row: Row, facts: Iterable[Mapping[str, Any]], limits: Limits, subject: str) -> Verdict:
    """Return the verdict on utility of one comparison of TSTR with TRTR in the main measure.

    Doubts cap it at INCONCLUSIVE. A shown loss stays NOT SUPPORTED in spite of them, unless it may hang on a single
    training run or on the rule for empty regions.

    Args:
        row: Of `comparison_rows`, with ``depends_on_empty_rule`` and the level of the bounds.
        facts: ``run.json`` of the runs compared.
        limits: Margins and least numbers.
        subject: What it is about.
    """
    found = reading(row, limits)
    facts = list(facts)
    numbers = [*_numbers(row, limits), *_missing(facts)]
    never = list(_unsettled(row))
    doubts = [*never, *_doubts(row, facts, limits)]
    settings = {"level": row["level"], **vars(limits)}
    texts = [reason.text for reason in doubts]
    cures = " ".join(dict.fromkeys(reason.cure for reason in doubts))
    if never or (found == "SUPPORTED" and doubts):
        return Verdict("utility", "INCONCLUSIVE", [texts[0], *numbers, *texts[1:]], cures, settings, subject)
    if found == "SUPPORTED" and not row["gap_lower"] > -limits.margin:
        numbers.append("The gap alone does not keep to its margin; the share kept does, and either was to be enough.")
    change = {
        "SUPPORTED": "A bound on the wrong side of its margin, in more patients or with more seeds.",
        "NOT SUPPORTED": "A generator whose twins teach more; more test patients or seeds can hardly close this gap.",
        "INCONCLUSIVE": f"{_needed(row, limits)} {cures}".rstrip(),
    }[found]
    return Verdict("utility", found, [*numbers, *texts], change, settings, subject)


def not_compared(limits: Limits, level: float, subject: str) -> Verdict:
    """Return the verdict where an arm is missing."""
    return Verdict(
        "utility",
        "not assessed",
        [NOT_COMPARED],
        "Runs at alpha 0 (synthetic training cases only) and at alpha 1 (real ones only), with the same seeds.",
        {"level": level, **vars(limits)},
        subject,
    )


def _numbers(row: Row, limits: Limits) -> list[str]:
    """Return the comparison in one sentence, with the bounds that decide; nothing where there are none."""
    if not np.isfinite(row["gap_lower"]):
        return []
    percent = f"{100 * row['level']:g} %"
    gap = f"the loss is at most {-row['gap_lower']:.3f}, at least {-row['gap_upper']:.3f}"
    ratio = "undefined, since not both were shown to be above chance"
    if np.isfinite(row["ratio_above_chance_lower"]):
        ratio = f"{row['ratio_above_chance']:.3f}, at least {row['ratio_above_chance_lower']:.3f}"
    measure = IN_SENTENCES.get(row["measure"], row["measure"])
    return [
        f"In {measure}, TSTR {row['value']:.3f} against TRTR {row['reference']:.3f}: "
        f"{gap} (one-sided {percent} bounds; margin {limits.margin:g}); of what TRTR has above chance the share kept "
        f"is {ratio} (margin {limits.ratio_margin:g})."
    ]


def _unsettled(row: Row) -> Iterator[Reason]:
    """Yield what forbids a verdict either way."""
    if not np.isfinite(row["gap_lower"]):
        yield Reason(
            f"No bounds on the gap. {row['note']}".rstrip(),
            "Test cases of at least two patients of every class, or with and without every finding.",
        )
    if row["depends_on_empty_rule"]:
        yield Reason(
            "The outcome hangs on the rule for empty regions.",
            "A policy for empty regions that both rules agree on, or test cases without them.",
        )
    if min(row["n_seeds"], row["n_seeds_reference"]) < 2:
        yield Reason(
            "One training seed: how much another run of the same recipe would differ is not assessed.",
            "Several training seeds of each arm.",
        )


def _doubts(row: Row, facts: Sequence[Mapping[str, Any]], limits: Limits) -> Iterator[Reason]:
    """Yield what forbids SUPPORTED."""
    seeds = min(row["n_seeds"], row["n_seeds_reference"])
    if not row["reference_above_chance"] > 0:
        yield Reason(
            "TRTR itself was not shown to beat a model without skill: there is no utility to keep.",
            "A longer training or another network, until TRTR beats a model without skill.",
        )
    if 1 < seeds < limits.min_seeds:
        yield Reason(
            f"{seeds} training seeds, fewer than the {limits.min_seeds} asked for.",
            "More training seeds of each arm.",
        )
    if row["n_patients"] < limits.min_patients:
        yield Reason(
            f"{row['n_patients']} test patients, fewer than the {limits.min_patients} asked for.",
            "More test patients.",
        )
    yield from _moved(facts, limits)
    yield from _leaks(facts)


def _moved(facts: Iterable[Mapping[str, Any]], limits: Limits) -> Iterator[Reason]:
    """Name margins that are not those which were settled before training."""
    mine = {"margin": limits.margin, "ratio_margin": limits.ratio_margin}
    settled = [fact["margins"] for fact in facts if fact.get("margins")]
    if any(dict(one) != mine for one in settled):
        told = ", ".join(f"{name} {value:g}" for name, value in settled[0].items())
        yield Reason(
            f"The margins are not those that were settled before training: {told}.",
            "The margins of before, or new runs, trained after others were settled.",
        )


def _missing(facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the classes that the synthetic training cases lack; their test cases count all the same."""
    lacking = {
        name for fact in facts if _is_tstr(fact) for name in (fact.get("missing_classes") or {}).get("train", ())
    }
    named = ", ".join(sorted(lacking))
    return [f"No synthetic training case is of class {named}; its test cases stay in the score."] if lacking else []


def _is_tstr(fact: Mapping[str, Any]) -> bool:
    return Mix(fact.get("alpha", 1.0), fact.get("mode", "complement")).is_tstr


def _leaks(facts: Sequence[Mapping[str, Any]]) -> Iterator[Reason]:
    """Yield what the runs say of a generator that may know the test cases, and of how TSTR was chosen."""
    status = {(fact.get("overlap") or {}).get("status", "unknown") for fact in facts}
    if "overlap" in status:
        yield Reason(
            "The generator learned from patients it is tested on: TSTR is too good.",
            "A generator that saw no test patient, or test patients that it did not see.",
        )
    elif "unknown" in status:
        yield Reason(
            "Nobody said whom the generator learned from: it may know the test cases.",
            "The generator's training ids.",
        )
    if any(fact.get("val") == "real" and _is_tstr(fact) for fact in facts):
        yield Reason(
            "The checkpoint of TSTR was chosen on real validation cases: it is not synthetic training alone.",
            "TSTR chosen on synthetic validation cases.",
        )


def _needed(row: Row, limits: Limits) -> str:
    """Say about how many patients, at this gap and spread, would bring the lower bound above the margin."""
    room = row["gap"] + limits.margin
    if not room > 0:
        return "More patients and seeds: the estimate lies beyond the margin, its bound does not."
    allowed = (room / stats.norm.ppf(row["level"])) ** 2 - row["v_seeds"]
    if not allowed > 0:
        return "More training seeds: their spread alone is too wide for the margin."
    n = int(np.ceil(row["v_patients"] * row["n_patients"] / allowed))
    return f"About {max(n, row['n_patients'] + 1)} test patients like these, if the gap stays as it is."
