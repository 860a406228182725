"""What the slopes of the loss on size say: whether small structures are kept, by limits that were set before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synthtrust.metrics.functional import FactorInterval
from synthtrust.verdicts import Doubt, Reading, Reason


@dataclass(frozen=True)
class SizeThresholds:
    """What is settled before looking."""

    margin: float = 0.05
    """Dice that may be lost more where the volume is a tenth."""
    margin_found: float = 0.1
    """Share of structures that may be missed more where the volume is a tenth."""
    min_seeds: int = 3
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_span: float = 3.0
    """Volume of the larger structures over that of the smaller ones (90th and 10th percentile within a region), below
    which nothing is decided: sizes that are alike say nothing of size."""


@dataclass(frozen=True)
class Loss:
    """How the loss by synthetic training in one measure changes with the size."""

    measure: str
    """``dice`` or ``found``."""
    slope: FactorInterval
    """The slope of TSTR less TRTR per tenfold volume: above 0 where small structures lose more than large ones."""
    margin: float
    """The slope that is tolerable."""
    identical: bool = False
    """Whether both trainings score the same on every structure under every seed: then there is nothing to infer."""

    def beyond(self, confidence: float) -> tuple[float, float]:
        """Return the one-sided bounds: the lower one for two measures at once, and the upper one for each by itself."""
        if self.identical:
            return 0.0, 0.0
        return bounds(self.slope, (1 + confidence) / 2)[0], bounds(self.slope, confidence)[1]


@dataclass(frozen=True)
class SizeReading:
    """Whether a set keeps small structures, with the reasons."""

    reading: Reading
    reasons: tuple[Reason, ...]
    """The first decides."""
    thresholds: Mapping[str, Any]


def read_losses(losses: Sequence[Loss], span: float, thresholds: SizeThresholds, confidence: float) -> SizeReading:
    """Read the slopes of TSTR less TRTR on the logarithm of the volume, in Dice and in the share that is found.

    Both are needed: where real training segments the smallest structures badly as well, there is little Dice to lose,
    while it still finds them.

    SUPPORTED (small structures are kept) if each slope is shown to be below its margin; NOT SUPPORTED (they are lost)
    if one of both is shown to be above it, by bounds that hold for two questions at once. Doubts hold back SUPPORTED;
    one seed, and sizes that are alike, hold back both.

    Args:
        losses: In Dice first.
        span: Volume of larger structures over that of smaller ones.
        thresholds: What was settled before.
        confidence: Coverage of each one-sided bound.
    """
    outcomes = {loss: _outcome(loss, confidence) for loss in losses}
    read: Reading = "INCONCLUSIVE"
    if "lost" in outcomes.values():
        read = "NOT SUPPORTED"
    elif set(outcomes.values()) <= {"kept", "identical"}:
        read = "SUPPORTED"
    first = {"NOT SUPPORTED": "lost", "INCONCLUSIVE": "open"}.get(read)
    in_order = sorted(losses, key=lambda loss: outcomes[loss] != first)
    evidence = tuple(_evidence(loss, outcomes[loss], confidence) for loss in in_order)
    doubts = _doubts(losses[0], span, thresholds)
    if doubts and (read == "SUPPORTED" or any(doubt.blocks for doubt in doubts)):
        doubts.sort(key=lambda doubt: not doubt.blocks)
        return SizeReading("INCONCLUSIVE", (*doubts, *evidence), asdict(thresholds))
    return SizeReading(read, (*evidence, *doubts), asdict(thresholds))


def bounds(slope: FactorInterval, confidence: float) -> tuple[float, float]:
    """Return the one-sided lower and upper bound of a slope; NaN where it has no interval."""
    if slope.uncertainty is None:
        return np.nan, np.nan
    return slope.uncertainty.limits(2 * confidence - 1)


def _outcome(loss: Loss, confidence: float) -> str:
    lower, upper = loss.beyond(confidence)
    if loss.identical:
        return "identical"
    if lower > loss.margin:
        return "lost"
    return "kept" if upper < loss.margin else "open"


WORDS = {"dice": "more Dice is lost", "found": "more of the structures are missed"}
"""Measure -> what a slope above 0 says of synthetic training where the volume is a tenth."""
IDENTICAL = {
    "dice": "Both trainings score the same on every structure: they learned from the same images.",
    "found": "Both trainings find the same structures.",
}


def _evidence(loss: Loss, outcome: str, confidence: float) -> Reason:
    code = f"{loss.measure}_{outcome}"
    if outcome == "identical":
        return Reason(code, IDENTICAL[loss.measure])
    lower, upper = loss.beyond(confidence)
    value = f"{loss.slope.value:+.3f} per tenfold volume"
    amount = {"lost": f"at least {lower:.3f}", "kept": f"at most {upper:.3f}"}.get(
        outcome, f"about {loss.slope.value:.3f}"
    )
    tolerable = f"{loss.margin:g} is tolerable"
    if outcome == "open":
        tolerable = f"that is not told from the {loss.margin:g} that are tolerable"
    return Reason(
        code,
        f"Where the volume is a tenth, {amount} {WORDS[loss.measure]} by synthetic training ({value}); {tolerable}.",
    )


def _doubts(loss: Loss, span: float, thresholds: SizeThresholds) -> list[Doubt]:
    slope = loss.slope
    doubts = []
    if slope.note and not loss.identical:
        doubts.append(Doubt("no_interval", slope.note, "More test patients.", blocks=True))
    if not span >= thresholds.min_span:
        text = f"The sizes are alike: larger structures of a region have {span:.2g} times the volume of smaller ones."
        doubts.append(Doubt("sizes_alike", text, "Test cases with structures of other sizes.", blocks=True))
    if slope.n_seeds < 2:
        text = "One training of each arm: how much another one would differ is not in the interval."
        doubts.append(Doubt("one_seed", text, f"At least {thresholds.min_seeds} seeds.", blocks=True))
    elif slope.n_seeds < thresholds.min_seeds:
        text = f"{slope.n_seeds} training seeds, and {thresholds.min_seeds} are asked for."
        doubts.append(Doubt("few_seeds", text, f"At least {thresholds.min_seeds} seeds."))
    if slope.n_patients < thresholds.min_patients:
        text = f"{slope.n_patients} test patients, and {thresholds.min_patients} are asked for."
        doubts.append(Doubt("few_patients", text, f"At least {thresholds.min_patients} test patients."))
    return doubts
