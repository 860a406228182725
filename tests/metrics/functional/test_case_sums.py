"""A factor without each patient is the factor of the other patients' cases alone, to the last digits."""

import warnings

import numpy as np
import pytest

from synthtrust.metrics import functional as F  # noqa: N812
from synthtrust.metrics.functional.case_sums import WithoutEach
from synthtrust.metrics.functional.factor_intervals import evaluate, left_out

OF_ONE = [F.overall_performance, F.case_consistency, F.region_consistency, F.variability]
OF_TWO = [F.alignment, F.alignment_null, F.performance_gap, F.signed_gap, F.correlation, F.concordance]


def study(seed, n_arrays):
    """Three seeds of 60 cases of 23 patients in three regions, some undefined; one patient fails everywhere."""
    rng = np.random.default_rng(seed)
    members = np.r_[np.arange(23), rng.integers(0, 23, 37)]
    base = rng.beta(8, 2, (60, 3))
    arrays = [np.clip(base + rng.normal(0, 0.05, (3, 60, 3)), 0, 1) for _ in range(n_arrays)]
    for x in arrays:
        x[:, members == seed % 23] = 0
        x[rng.random(x.shape) < 0.1] = np.nan
    return arrays, members


@pytest.mark.parametrize("factor", [*OF_ONE, *OF_TWO], ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_a_factor_without_a_patient_is_that_of_the_other_patients(factor, seed):
    arrays, members = study(seed, 1 if factor in OF_ONE else 2)
    expected = [evaluate(factor, [x[:, members != patient] for x in arrays]) for patient in range(23)]
    np.testing.assert_allclose(left_out(factor, arrays, members), np.stack(expected, axis=1), rtol=1e-12)


@pytest.mark.parametrize("factor", [F.correlation, F.concordance, F.variability], ids=lambda f: f.__name__)
def test_scores_that_are_equal_without_one_patient_have_no_spread_at_all(factor):
    scores = np.full((1, 30, 1), 0.1)
    scores[0, 4] = 0.7
    other = np.linspace(0.2, 0.9, 30)[None, :, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without = left_out(factor, [scores] if factor is F.variability else [scores, other], np.arange(30))[0, :, 0]
    assert without[4] == 0 or np.isnan(without[4])  # a correlation with a constant is undefined
    assert (np.delete(without, 4) != 0).all()


def test_a_patient_who_outweighs_all_others_leaves_no_rounding_behind():
    values = np.r_[1e12, np.full(20, 1e-6)][:, None]
    assert WithoutEach(np.arange(21))(np.add, values)[0, 0] == pytest.approx(2e-5, rel=1e-14)


def test_without_the_only_patient_nothing_is_left():
    (without,) = WithoutEach(np.zeros(3, dtype=np.int64))(np.maximum, np.ones((3, 2)))
    assert without.tolist() == [-np.inf, -np.inf]
