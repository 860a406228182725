"""What a study of so many patients and seeds can decide: the spread of its parts, and the power that follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from scipy import stats

from synthtrust.metrics.functional.satterthwaite import satterthwaite_df
from synthtrust.metrics.functional.seeds import seed_caution
from synthtrust.metrics.functional.student import t_quantile

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

    def half_width(self, n_patients: int, n_seeds: int, confidence: float = 0.95) -> float:
        """Return how far below the estimate the one-sided bound lies, as `gap_interval` makes it."""
        quantile, error, _ = self._bound(n_patients, n_seeds, confidence)
        return quantile * error

    def _bound(self, n_patients: int, n_seeds: int, confidence: float) -> tuple[float, float, float]:
        """Return Student's quantile, the error that the bound takes, and Satterthwaite's degrees of freedom."""
        of_seeds = self.seeds**2 / 2 / n_seeds * (n_seeds > 1)  # each arm has half of it; one seed says nothing of it
        dfs = max(n_patients - 1, 1), n_seeds - 1, n_seeds - 1
        variances = (self.patients**2 / n_patients, *[of_seeds * seed_caution(_df_seen(n_seeds))] * 2)
        df = satterthwaite_df(variances, dfs) if sum(variances) else float(dfs[0])
        return t_quantile(confidence, df), float(np.sqrt(sum(variances))), df

    def power(self, room: float, n_patients: int, n_seeds: int, confidence: float = 0.95) -> float:
        r"""Return how often a study shows that the loss is below the margin.

        With :math:`r` the room between the true gap and the margin and :math:`\sigma` the standard error, it is
        :math:`P(T > c t_{df})` of a noncentral t with :math:`r/\sigma`, and c by how much the bound enlarges the error
        where seeds are few, see `seed_caution`.

        Args:
            room: The margin less the true loss.
            n_patients: Test patients.
            n_seeds: Training seeds of each arm.
            confidence: That of the one-sided bound.

        >>> round(Spread(patients=0.1, seeds=0.0).power(0.05, 50, 3), 3), round(Spread(0.1, 0.02).power(0.0, 50, 3), 3)
        (0.967, 0.048)
        """
        error = self.error(n_patients, n_seeds)
        if error == 0:
            return float(room > 0)
        quantile, enlarged, df = self._bound(n_patients, n_seeds, confidence)
        return float(stats.nct.sf(quantile * max(enlarged / error, 1.0), df, room / error))

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
        return self.half_width(n_patients, n_seeds, confidence) < room


def _df_seen(n_seeds: int) -> float:
    """Return the degrees of freedom that studies find, on average, behind the seeds of two arms that vary alike.

    Of two variances that are estimated with d degrees of freedom each, one comes out larger than the other: the mean of
    1 over Satterthwaite's is :math:`(d + 2) / (2 d (d + 1))`.

    >>> _df_seen(2), _df_seen(3)
    (1.3333333333333333, 3.0)
    """
    d = n_seeds - 1
    return 2 * d * (d + 1) / (d + 2)


def _first(is_enough: Callable[[int], bool]) -> int | None:
    """Return the least number from 2 to MOST_PATIENTS that is enough; more are never too few."""
    if not is_enough(MOST_PATIENTS):
        return None
    low, high = 1, MOST_PATIENTS  # low is not enough, or not asked; high is
    while high - low > 1:
        middle = ceil((low + high) / 2)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
