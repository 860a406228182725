"""What fidelity does not see: a set that lacks the patients at one end of an attribute, and is otherwise perfect."""

from functools import partial

import numpy as np
from scipy import stats

from calibration.fidelity import BOUNDED, REPEATS, SHIFT, SPREADS, embedded, latents
from calibration.study import DESCRIBED, Cell
from synthtrust.metrics.functional.planted_collapse import planted_collapse
from synthtrust.metrics.functional.planted_shift import planted_shift

CHAPTER = "Fidelity: a missing tail"

PASSED = "KID below and coverage above their planted faults, in three spaces"
COVERED = "mean coverage"


def lacking(rng, n, share):
    """Return latent attributes of n cases without those at the upper end of the strongest one."""
    drawn = latents(rng, 3 * n)
    return drawn[drawn[:, 0] < SPREADS[0] * stats.norm.ppf(1 - share)][:n]


def without_tail(rng, repetitions, n, share):
    outcomes = {PASSED: np.zeros(repetitions), COVERED: np.zeros(repetitions)}
    for i in range(repetitions):
        sets = [latents(rng, n), latents(rng, n), lacking(rng, n, share)]
        spaces = [embedded(sets, space, BOUNDED) for space in range(3)]
        near = [planted_shift(both.real, both.synthetic, shift=SHIFT).is_below for both in spaces]
        wide = [planted_collapse(both.real, both.synthetic, repeats=REPEATS) for both in spaces]
        outcomes[PASSED][i] = all(near) and all(margin.is_above for margin in wide)
        outcomes[COVERED][i] = np.mean([margin.value for margin in wide])
    return outcomes


CELLS = [
    Cell(
        CHAPTER, "a missing tail",
        f"{n} real and {n} synthetic patients, {100 * share:g} % of the patients missing at one end of an attribute",
        {PASSED: DESCRIBED, COVERED: DESCRIBED}, partial(without_tail, n=n, share=share), 150,
    )
    for n, share in ((300, 0.0), (300, 0.05), (300, 0.1), (300, 0.2), (300, 0.3))
]  # fmt: skip
