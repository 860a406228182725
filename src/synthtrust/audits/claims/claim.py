"""A claim: numbers of a sweep, each with the side of 0 on which it should lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthtrust.metrics.functional.factor_intervals import FactorInterval, Statistic
from synthtrust.metrics.functional.intervals import Array

Weights = Callable[[Array], Array]
"""Takes the alphas of a sweep and returns the weight of the statistic at each."""


@dataclass(frozen=True)
class Part:
    """One number of a sweep, and where the claim says that it lies."""

    code: str
    statistic: Callable[[Sequence[str]], Statistic]
    """Takes the names of the regions; the statistic takes real and synthetic scores and returns one number."""
    weights: Weights
    side: Literal["above", "below", "within"]
    """Above 0, below 0, or within the tolerance of 0."""

    def p_values(self, interval: FactorInterval, tolerance: float) -> tuple[float, float]:
        """Return the one-sided p that the number does not lie there, and that it does; NaN without an interval."""
        doubt = interval.uncertainty
        if doubt is None:
            return np.nan, np.nan
        if self.side == "within":
            inside = max(doubt.p_below(tolerance), doubt.p_above(-tolerance))
            return inside, min(1.0, 2 * min(doubt.p_above(tolerance), doubt.p_below(-tolerance)))
        above, below = doubt.p_above(), doubt.p_below()
        return (above, below) if self.side == "above" else (below, above)


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper as numbers: it holds where all its parts do."""

    code: str
    parts: tuple[Part, ...]
    alphas: tuple[float, ...] = ()
    """Shares of real cases that have to be in the sweep."""
    n_inner: int = 0
    """Shares between 0 and 1 that have to be in the sweep."""
    regions: tuple[str, ...] = ()
    """Regions that the cohort has to have."""
    min_patients: int = 2
