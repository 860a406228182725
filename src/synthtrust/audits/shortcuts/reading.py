"""What the contrasts of confounded training say: whether a shortcut is used, by limits that were set before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from synthtrust.audits.shortcuts.contrast import bounds
from synthtrust.metrics.functional import FactorInterval
from synthtrust.verdicts import Doubt, Reading, Reason


@dataclass(frozen=True)
class ShortcutThresholds:
    """What is settled before looking."""

    margin: float = 0.05
    """Loss on real test cases against the balanced mix that is tolerable."""
    margin_swap: float = 0.1
    """What an exchange of the sources of test cases may cost: it counts what agreement adds and what contradiction
    takes, so that it is twice the margin."""
    min_seeds: int = 3
    """Training seeds of each share, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_patients_each: int = 10
    """Test patients of each class, below which nothing is SUPPORTED."""


@dataclass(frozen=True)
class Cost:
    """What a shortcut would cost, in one respect."""

    name: str
    """``swap`` or ``loss``."""
    interval: FactorInterval
    margin: float

    def beyond(self, confidence: float) -> tuple[float, float]:
        """Return the one-sided bounds: the lower one for two costs at once, and the upper one for each by itself."""
        return bounds(self.interval, (1 + confidence) / 2)[0], bounds(self.interval, confidence)[1]


@dataclass(frozen=True)
class ShortcutReading:
    """Whether networks learn the class and not the source, with the reasons."""

    reading: Reading
    reasons: tuple[Reason, ...]
    """The first decides."""
    thresholds: Mapping[str, Any]


def read_costs(
    costs: Sequence[Cost],
    doubts: Sequence[Doubt],
    remarks: Sequence[Reason],
    thresholds: ShortcutThresholds,
    confidence: float,
) -> ShortcutReading:
    """Read what the exchange of sources costs, and what is lost against the balanced mix on real test cases.

    NOT SUPPORTED (a shortcut is used) if one of both is shown to be above its margin, by bounds that hold for two
    questions at once; SUPPORTED (no shortcut shown, bounded) if each is shown to be below it. A network may add the
    source to what it knows of the disease, which costs nothing where all test cases have one source: so the exchange
    is asked, too. Doubts hold back SUPPORTED, and those that block NOT SUPPORTED as well.

    Args:
        costs: The swap first.
        doubts: What stands against believing them.
        remarks: What is said whatever the reading.
        thresholds: What was settled before.
        confidence: Coverage of each one-sided bound.
    """
    outcomes = {cost.name: _outcome(cost, confidence) for cost in costs}
    read: Reading = "INCONCLUSIVE"
    if "used" in outcomes.values():
        read = "NOT SUPPORTED"
    elif len(costs) == 2 and set(outcomes.values()) == {"bounded"}:
        read = "SUPPORTED"
    first = {"NOT SUPPORTED": "used", "INCONCLUSIVE": "open"}.get(read)
    in_order = sorted(costs, key=lambda cost: outcomes[cost.name] != first)
    evidence = tuple(_evidence(cost, outcomes[cost.name], confidence) for cost in in_order)
    ordered = sorted(doubts, key=lambda doubt: not doubt.blocks)
    if ordered and (read == "SUPPORTED" or ordered[0].blocks):
        return ShortcutReading("INCONCLUSIVE", (*ordered, *evidence, *remarks), asdict(thresholds))
    return ShortcutReading(read, (*evidence, *ordered, *remarks), asdict(thresholds))


def _outcome(cost: Cost, confidence: float) -> str:
    lower, upper = cost.beyond(confidence)
    if lower > cost.margin:
        return "used"
    return "bounded" if upper < cost.margin else "open"


WORDS = {
    "swap": "Test cases whose source contradicts what went with their class in training score {amount} lower than "
    "those whose source agrees ({value:+.3f}); {tolerable}.",
    "loss": "On real test cases confounded training loses {amount} against the balanced mix ({value:+.3f}); "
    "{tolerable}.",
}


def _evidence(cost: Cost, outcome: str, confidence: float) -> Reason:
    lower, upper = cost.beyond(confidence)
    value = cost.interval.value
    amount = {"used": f"at least {lower:.3f}", "bounded": f"at most {upper:.3f}"}.get(outcome, f"about {value:.3f}")
    tolerable = f"{cost.margin:g} is tolerable"
    if outcome == "open":
        tolerable = f"that is not told from the {cost.margin:g} that are tolerable"
    return Reason(f"{cost.name}_{outcome}", WORDS[cost.name].format(amount=amount, value=value, tolerable=tolerable))


def usual_doubts(interval: FactorInterval, fewest: int, thresholds: ShortcutThresholds) -> list[Doubt]:
    """Return the doubts about too few seeds and patients, and an interval that is missing.

    Args:
        interval: What the exchange of sources costs.
        fewest: Test patients of the class with the fewest.
        thresholds: What was settled before.
    """
    doubts = []
    if interval.n_seeds < 2:
        text = "One training of each share: how much another one would differ is not in the interval."
        doubts.append(Doubt("one_seed", text, f"At least {thresholds.min_seeds} seeds.", blocks=True))
    elif interval.note:
        doubts.append(Doubt("no_interval", interval.note, "More test patients.", blocks=True))
    elif interval.n_seeds < thresholds.min_seeds:
        text = f"{interval.n_seeds} training seeds, and {thresholds.min_seeds} are asked for."
        doubts.append(Doubt("few_seeds", text, f"At least {thresholds.min_seeds} seeds."))
    if interval.n_patients < thresholds.min_patients:
        text = f"{interval.n_patients} test patients, and {thresholds.min_patients} are asked for."
        doubts.append(Doubt("few_patients", text, f"At least {thresholds.min_patients} test patients."))
    if fewest < thresholds.min_patients_each:
        text = f"{fewest} test patients of one class, and {thresholds.min_patients_each} are asked for."
        doubts.append(
            Doubt("few_of_a_class", text, f"At least {thresholds.min_patients_each} test patients of each class.")
        )
    return doubts
