"""The slope on size against ordinary least squares with an intercept for each group, and against leaving out."""

import numpy as np
import pytest

from synthtrust.metrics.functional import size_slope
from synthtrust.metrics.functional.case_pseudo_values import alignment_pseudo_values
from synthtrust.metrics.functional.trust import alignment
from synthtrust.refusals import Refusal


def study(seed, n=60, seeds=2):
    rng = np.random.default_rng(seed)
    size = 10 ** rng.uniform(0, 3, n)
    groups, patients = rng.integers(0, 3, n), rng.integers(0, 20, n)
    arms = [0.5 + 0.1 * groups + 0.05 * np.log10(size) * k + 0.05 * rng.normal(size=(seeds, n)) for k in (2, 1)]
    return size, arms, groups.tolist(), patients.tolist()


def least_squares(size, y, groups):
    """Return the slope by a regression on the logarithm and a column for each group."""
    names = sorted(set(groups))
    design = np.column_stack([np.log10(size), *(np.array(groups) == name for name in names)]).astype(float)
    return np.linalg.lstsq(design, y, rcond=None)[0][0]


@pytest.mark.parametrize("seed", range(4))
def test_it_is_least_squares_with_an_intercept_for_each_group(seed):
    size, arms, groups, patients = study(seed)
    y = arms[0].mean(axis=0) - arms[1].mean(axis=0)
    slope = size_slope(size, arms, groups, patients)
    assert slope.value == pytest.approx(least_squares(size, y, groups))
    without = []
    for patient in sorted(set(patients)):
        kept = np.array(patients) != patient
        without.append(least_squares(size[kept], y[kept], np.array(groups)[kept].tolist()))
    spread = np.array(without) - np.mean(without)
    v_patients = (len(without) - 1) / len(without) * (spread**2).sum()
    each = [[least_squares(size, of_seed, groups) for of_seed in arm] for arm in arms]
    v_seeds = [np.var(slopes, ddof=1) / 2 for slopes in each]
    error = slope.uncertainty.error
    assert v_patients + sum(v_seeds) <= error**2 + 1e-12  # seeds weigh more where they are few
    one = size_slope(size, [arm[:1] for arm in arms], groups, patients)
    assert one.n_seeds == 1


def test_the_unit_of_size_a_level_and_items_without_a_score_change_nothing():
    size, arms, groups, patients = study(5)
    slope = size_slope(size, arms, groups, patients)
    other = size_slope(1000 * size, [arm + 0.3 for arm in arms], groups, patients)
    assert (other.value, other.low, other.high) == pytest.approx((slope.value, slope.low, slope.high))
    padded = [np.column_stack([arm, np.full((2, 1), np.nan)]) for arm in arms]
    again = size_slope([*size, 7.0], padded, [*groups, 0], [*patients, "z"])
    assert (again.value, again.n_patients, again.n_cases) == (pytest.approx(slope.value), slope.n_patients, 60)


def test_sizes_that_are_all_alike_have_no_slope():
    slope = size_slope(np.full(20, 3.0), [np.random.default_rng(0).uniform(size=20)], ["a"] * 20, range(20))
    assert np.isnan([slope.value, slope.low]).all()
    assert slope.note


def test_impossible_input_is_refused():
    with pytest.raises(Refusal, match="sizes above 0"):
        size_slope([1.0, 0.0], [[0.5, 0.5]], "aa", "ab")
    with pytest.raises(Refusal, match="for each item"):
        size_slope([1.0, 2.0], [[0.5]], "aa", "ab")


def test_the_mean_pseudo_value_is_t3_less_its_bias():
    rng = np.random.default_rng(0)
    real = rng.uniform(0.3, 0.9, (2, 40))
    synthetic = np.clip(real + rng.normal(0, 0.1, real.shape), 0, 1)
    regions = ["a", "b"] * 20
    values = alignment_pseudo_values(real, synthetic, regions)
    for k, region in enumerate("ab"):
        chosen = slice(k, None, 2)
        expected = [float(alignment(r[chosen, None], s[chosen, None])[0]) for r, s in zip(real, synthetic, strict=True)]
        np.testing.assert_allclose(values[:, chosen].mean(axis=1), expected, atol=5e-3), region
