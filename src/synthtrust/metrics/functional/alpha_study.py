"""A factor over alpha: its value at each share, and weighted sums over the shares with their intervals."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synthtrust.metrics.functional.factor_intervals import (
    FactorInterval,
    Statistic,
    cases_scored,
    evaluate,
    jackknife_interval,
    left_out,
    patients_scored,
    stack_scores,
)
from synthtrust.metrics.functional.intervals import Array
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.metrics.functional.trust import Scores
from synthtrust.refusals import Refusal

Arm = Sequence[Sequence[Scores]]
"""The scores of one alpha: for each of S seeds one array ``(M, K)``, or real and synthetic."""
Patients = Sequence[Hashable] | None


class AlphaStudy:
    """A statistic at each alpha, with what patients and seeds leave open of it.

    Args:
        statistic: A factor, or a difference of some.
        arms: The arm of each alpha, two or more, see `synthtrust.metrics.functional.contrasts`.
        groups: The patient of each case.
        level: Coverage.

    Raises:
        Refusal: If there are fewer than two alphas, or they differ in cases or regions.
    """

    def __init__(self, statistic: Statistic, arms: Mapping[float, Arm], groups: Patients, level: float) -> None:
        if len(arms) < 2:
            raise Refusal(f"Expected the scores of two or more alphas, but got {len(arms)}.")
        self.alphas: Array = np.array(sorted(arms), dtype=np.float64)
        self.level = level
        stacked = [stack_scores(arms[alpha]) for alpha in sorted(arms)]
        if len(shapes := {tuple(arrays[0].shape[1:]) for arrays in stacked}) > 1:
            raise Refusal(f"Expected the same cases and regions at each alpha, but got arrays of {shapes}.")
        members: NDArray[np.int64] = patient_numbers(groups, stacked[0][0].shape[1])
        self.by_seed = [evaluate(statistic, arrays) for arrays in stacked]  # each (S, J)
        self.values: Array = np.stack([values.mean(axis=0) for values in self.by_seed])  # (A, J)
        self.without: Array = np.stack([left_out(statistic, arrays, members).mean(axis=0) for arrays in stacked])
        self.n_values = self.values.shape[1]
        carriers = [patients_scored(arrays, members, self.n_values) for arrays in stacked]
        self.carriers: NDArray[np.bool_] = np.logical_or.reduce(carriers)  # (P, J)
        self.n_cases = np.min([cases_scored(arrays, self.n_values) for arrays in stacked], axis=0)

    def contrast(self, weights: Array, j: int) -> FactorInterval:
        """Return a weighted sum over alphas of number j with its interval, in order of alpha; none with one seed."""
        used = np.flatnonzero(weights)
        carried = self.without[used][:, self.carriers[:, j], j]  # (A', P)
        interval = jackknife_interval(
            float(weights[used] @ self.values[used, j]),
            weights[used] @ carried,
            [weights[a] * self.by_seed[a][:, j] for a in used],
            int(self.n_cases[j]),
            level=self.level,
        )
        return needing_seeds(interval)


def needing_seeds(interval: FactorInterval) -> FactorInterval:
    """Return an interval without limits if only one seed stands behind it."""
    if interval.n_seeds > 1:
        return interval
    note = "No interval: a contrast takes two training seeds."
    return replace(interval, low=np.nan, high=np.nan, uncertainty=None, note=note)
