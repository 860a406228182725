"""What a study of so many patients and seeds can decide: the spread of its parts, and the power that follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from scipy import stats

MOST_PATIENTS, MOST_SEEDS = 10_000, 50
"""Beyond these nobody is told how many would do."""


@dataclass(frozen=True)
class Spread:
    """How much the gap between TSTR and TRTR varies over patients and over training seeds."""

    patients: float
    """Standard deviation over patients of their gap, averaged over seeds."""
    seeds: float
    """Standard deviation over training seeds of an arm's mean score, of both arms together in quadrature."""

    @classmethod
    def of_comparison(cls, row: Mapping[str, Any]) -> "Spread":
        """Read it off one comparison of the utility audit."""
        n_seeds = min(row["n_seeds"], row["n_seeds_reference"])
        return cls(float(np.sqrt(row["v_patients"] * row["n_patients"])), float(np.sqrt(row["v_seeds"] * n_seeds)))

    def error(self, n_patients: int, n_seeds: int) -> float:
        """Return the standard error of the gap in a study of so many patients and seeds of each arm."""
        return float(np.sqrt(self.patients**2 / n_patients + self.seeds**2 / n_seeds))

    def df(self, n_patients: int, n_seeds: int) -> float:
        """Return Satterthwaite's degrees of freedom of that error; with one seed those of the patients."""
        v = self.patients**2 / n_patients, self.seeds**2 / 2 / n_seeds  # each arm has half of the seeds' variance
        terms = v[0] ** 2 / max(n_patients - 1, 1) + (2 * v[1] ** 2 / (n_seeds - 1) if n_seeds > 1 else 0.0)
        return float((v[0] + 2 * v[1] * (n_seeds > 1)) ** 2 / terms) if terms else float(max(n_patients - 1, 1))

    def power(self, room: float, n_patients: int, n_seeds: int, confidence: float = 0.95) -> float:
        r"""Return how often a study shows that the loss is below the margin.

        With :math:`r` the room between the true gap and the margin and :math:`\sigma` the standard error, it is
        :math:`P(T > t_{df})` of a noncentral t with :math:`r/\sigma`.

        Args:
            room: The margin less the true loss.
            n_patients: Test patients.
            n_seeds: Training seeds of each arm.
            confidence: That of the one-sided bound.

        >>> round(Spread(patients=0.1, seeds=0.0).power(0.05, 50, 3), 3), round(Spread(0.1, 0.02).power(0.0, 50, 3), 3)
        (0.967, 0.05)
        """
        error, df = self.error(n_patients, n_seeds), self.df(n_patients, n_seeds)
        if error == 0:
            return float(room > 0)
        return float(stats.nct.sf(stats.t.ppf(confidence, df), df, room / error))

    def patients_needed(self, room: float, n_seeds: int, confidence: float = 0.95) -> int | None:
        """Return for how many patients the bound reaches the margin if the estimate stays; None if none are enough."""
        return _first(lambda n: self._reaches(room, n, n_seeds, confidence))

    def enough(self, room: float, n_patients: int, n_seeds: int, confidence: float = 0.95) -> tuple[int, int] | None:
        """Return patients and seeds for which the bound reaches the margin if the estimate stays; None if none do.

        Seeds are added before more than four times as many patients are asked for.
        """
        studies = [(self.patients_needed(room, s, confidence), s) for s in range(n_seeds, MOST_SEEDS + 1)]
        possible = [(patients, seeds) for patients, seeds in studies if patients is not None]
        near = [(patients, seeds) for patients, seeds in possible if patients <= 4 * n_patients]
        return next(iter(near or possible), None)

    def _reaches(self, room: float, n_patients: int, n_seeds: int, confidence: float) -> bool:
        quantile = float(stats.t.ppf(confidence, self.df(n_patients, n_seeds)))
        return quantile * self.error(n_patients, n_seeds) < room


def _first(is_enough: Callable[[int], bool]) -> int | None:
    """Return the least number from 2 to MOST_PATIENTS that is enough; more are never too few."""
    if not is_enough(MOST_PATIENTS):
        return None
    low, high = 1, MOST_PATIENTS  # low is not enough, or not asked; high is
    while high - low > 1:
        middle = ceil((low + high) / 2)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
