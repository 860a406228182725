"""T4 and its floor as one quantity: the value by the equations, both errors, and three seeds for limits."""

import math
from itertools import combinations

import numpy as np
import pytest

from synthtrust.metrics import functional as F  # noqa: N812

RNG = np.random.default_rng(3)
CASES = RNG.uniform(0.4, 0.9, (40, 2))
REAL = [CASES + RNG.normal(0, 0.03, CASES.shape) for _ in range(4)]
TWINS = [CASES - 0.05 + RNG.normal(0, 0.03, CASES.shape) for _ in range(4)]


def test_the_values_are_those_of_the_equations():
    floor = np.mean([np.abs(REAL[i] - REAL[j]).mean(axis=0) for i, j in combinations(range(4), 2)], axis=0)
    gap = np.mean([np.abs(r - t).mean(axis=0) for r, t in zip(REAL, TWINS, strict=True)], axis=0)
    assert [i.value for i in F.gap_floor(REAL)] == pytest.approx(floor.tolist())
    assert [i.value for i in F.gap_above_floor(REAL, TWINS)] == pytest.approx((gap - floor).tolist())


def test_the_error_is_that_of_patients_and_of_seeds_left_out():
    def excess(seeds, cases):
        gap = np.mean([np.abs(REAL[s][cases, 0] - TWINS[s][cases, 0]).mean() for s in seeds])
        return gap - np.mean([np.abs(REAL[i][cases, 0] - REAL[j][cases, 0]).mean() for i, j in combinations(seeds, 2)])

    everybody, seeds = list(range(40)), [0, 1, 2, 3]
    by_patient = np.array([excess(seeds, [c for c in everybody if c != left]) for left in everybody])
    by_seed = np.array([excess([s for s in seeds if s != left], everybody) for left in seeds])
    variance = 39 / 40 * ((by_patient - by_patient.mean()) ** 2).sum()
    variance += (1 + 2 / 3**3) * 3 / 4 * ((by_seed - by_seed.mean()) ** 2).sum()  # enlarged: 3 df

    interval = F.gap_above_floor(REAL, TWINS)[0]

    assert interval.uncertainty.error == pytest.approx(variance**0.5)
    assert (interval.n_patients, interval.n_seeds) == (40, 4)


def test_a_floor_that_varies_makes_the_excess_uncertain():
    steady = [CASES, CASES + 0.02, CASES + 0.04]
    uneven = [CASES, CASES + 0.01, CASES + 0.1]
    lengths = [i.high - i.low for seeds in (steady, uneven) for i in F.gap_above_floor(seeds, TWINS[:3])]
    assert max(lengths[:2]) < min(lengths[2:])


def test_limits_take_three_seeds():
    for n in (1, 2):
        for interval in (*F.gap_floor(REAL[:n]), *F.gap_above_floor(REAL[:n], TWINS[:n])):
            assert math.isnan(interval.low)
            assert interval.uncertainty is None
            assert math.isnan(interval.value) == (n == 1)
            assert "seeds" in interval.note


def test_seeds_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="as many seeds on real cases as on twins, but got 4 and 3"):
        F.gap_above_floor(REAL, TWINS[:3])
