"""One measure of one arm: its value under each seed, what each patient adds, and the interval that follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthtrust.metrics.functional import area_interval, logit_contributions, mean_interval

Array = NDArray[np.float64]

OVERALL = "all"
"""The part of a measure that is about all regions or classes."""

Trivial = Literal["guessing", "position", "nothing"]
"""A model without skill: it guesses, it predicts the best label map by position alone, or it predicts nothing."""


@dataclass(frozen=True)
class Sides:
    """How many patients an area under the ROC curve is told from, for each class that it is a mean over."""

    positive: Array
    """Patients with a case of the class, or with the finding, ``(C,)``."""
    negative: Array
    """Patients with a case that is not of it, ``(C,)``."""


@dataclass(frozen=True)
class Estimate:
    """One measure of one arm (one alpha on one kind of test cases)."""

    values: Array
    """One per training seed, ``(S,)``; NaN where undefined."""
    patients: Array
    """What each patient adds, ``(S, P)``: their mean is the value, their spread its doubt. NaN: not scored."""
    chance: float | Array | None
    """What a model without any skill gets, of each patient where it differs; None where that says nothing."""
    n_cases: int
    """Test cases behind it; for a class those that are of it."""
    n_patients: int
    note: str = ""
    limits: tuple[float, float] = (0.0, 1.0)
    """What it can be. Limits of intervals beyond are cut: no true value is lost."""
    sides: Sides | None = None
    """Where it is an area or a recall, whose limits near 1 are not those of a mean: the patients that they hang on."""
    carriers: Mapping[str, int] = field(default_factory=dict)
    """Region, class or finding -> the patients that a mean over all is told from there: those that have the region or
    are of the class; those with or without the finding, whichever are fewer."""
    trivial: Trivial = "guessing"
    """Which model without skill gets ``chance``."""
    is_inferred: bool = True
    """Whether its interval covers; else the value is described, and nothing is said of other patients."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the interval over patients and seeds, see `area_interval` where it has sides, else `mean_interval`."""
        if not self.is_inferred:
            return float("nan"), float("nan")
        if self.sides is not None:
            area = area_interval(self.patients, self.sides.positive, self.sides.negative, confidence)
            return area.low, area.high
        interval = mean_interval(self.patients, confidence, self.limits)
        low, high = np.clip((interval.low, interval.high), *self.limits)  # NaN stays NaN
        return float(low), float(high)

    def on_the_line(self) -> Array:
        """Return what each patient adds, ``(S, P)``, on a scale without ends: Dice as it is, areas as logits."""
        if self.sides is None:
            return self.patients
        return logit_contributions(self.patients, self.sides.positive, self.sides.negative)

    def of_seed(self, index: int) -> "Estimate":
        """Return what one training run scored."""
        return replace(self, values=self.values[[index]], patients=self.patients[[index]])

    @property
    def above_chance(self) -> Array:
        """What each patient adds beyond chance, ``(S, P)``."""
        return self.patients - (np.nan if self.chance is None else self.chance)
