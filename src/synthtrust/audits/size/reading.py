"""What the slope of the loss on size says: whether small structures are kept, by a limit that was set before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthtrust.metrics.functional import FactorInterval
from synthtrust.verdicts import Doubt, Reading, Reason


@dataclass(frozen=True)
class SizeThresholds:
    """What is settled before looking."""

    margin: float = 0.05
    """Dice that may be lost more where the volume is a tenth."""
    min_seeds: int = 3
    """Training seeds of each arm, below which nothing is SUPPORTED."""
    min_patients: int = 30
    """Test patients, below which nothing is SUPPORTED."""
    min_span: float = 3.0
    """Volume of the larger structures over that of the smaller ones (90th and 10th percentile within a region), below
    which nothing is decided: sizes that are alike say nothing of size."""


@dataclass(frozen=True)
class SizeReading:
    """Whether a set keeps small structures, with the reasons."""

    reading: Reading
    reasons: tuple[Reason, ...]
    """The first decides."""
    thresholds: Mapping[str, Any]


def read_slope(
    slope: FactorInterval, span: float, thresholds: SizeThresholds, confidence: float, *, identical: bool = False
) -> SizeReading:
    """Read the slope of TSTR less TRTR on the logarithm of the volume.

    SUPPORTED (small structures are kept) if the slope is shown to be below the margin, NOT SUPPORTED (they are lost) if
    it is shown to be above it, by one-sided bounds. Doubts hold back SUPPORTED; one seed, and sizes that are alike,
    hold back both.

    Args:
        slope: In Dice per tenfold volume: above 0 where small structures lose more than large ones.
        span: Volume of larger structures over that of smaller ones.
        thresholds: What was settled before.
        confidence: Coverage of each one-sided bound.
        identical: Whether both trainings score the same on every structure under every seed, as on copies of the very
            same images: then there is nothing to infer.
    """
    lower, upper = (0.0, 0.0) if identical else bounds(slope, confidence)
    settings = {"margin": thresholds.margin, "min_seeds": thresholds.min_seeds,
                "min_patients": thresholds.min_patients, "min_span": thresholds.min_span}  # fmt: skip
    read: Reading = "INCONCLUSIVE"
    if upper < thresholds.margin:
        read = "SUPPORTED"
    elif lower > thresholds.margin:
        read = "NOT SUPPORTED"
    doubts = [doubt for doubt in _doubts(slope, span, thresholds) if not (identical and doubt.code == "no_interval")]
    evidence = IDENTICAL if identical else _evidence(slope, lower, upper, thresholds.margin)
    if doubts and (read == "SUPPORTED" or any(doubt.blocks for doubt in doubts)):
        read = "INCONCLUSIVE"
        doubts.sort(key=lambda doubt: not doubt.blocks)
        return SizeReading(read, (*doubts, evidence), settings)
    return SizeReading(read, (evidence, *doubts), settings)


IDENTICAL = Reason("identical", "Both trainings score the same on every structure: they learned from the same images.")


def bounds(slope: FactorInterval, confidence: float) -> tuple[float, float]:
    """Return the one-sided lower and upper bound of a slope; NaN where it has no interval."""
    if slope.uncertainty is None:
        return np.nan, np.nan
    return slope.uncertainty.limits(2 * confidence - 1)


def _doubts(slope: FactorInterval, span: float, thresholds: SizeThresholds) -> list[Doubt]:
    doubts = []
    if slope.note:
        doubts.append(Doubt("no_interval", slope.note, "More test patients.", blocks=True))
    if not span >= thresholds.min_span:
        text = (
            f"The sizes are alike: the larger structures of a region have {span:.2g} times the volume of the smaller."
        )
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


def _evidence(slope: FactorInterval, lower: float, upper: float, margin: float) -> Reason:
    value = f"{slope.value:+.3f} Dice per tenfold volume"
    if upper < margin:
        return Reason("small_kept", f"A tenth of the volume costs at most {upper:.3f} Dice more by synthetic training "
                                    f"({value}), and {margin:g} was tolerable.")  # fmt: skip
    if lower > margin:
        return Reason("small_lost", f"A tenth of the volume costs at least {lower:.3f} Dice more by synthetic training "
                                    f"({value}), and {margin:g} was tolerable.")  # fmt: skip
    return Reason("open", f"What a tenth of the volume costs more by synthetic training ({value}) is not told from the "
                          f"{margin:g} that was tolerable.")  # fmt: skip
