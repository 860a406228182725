"""The interval over repeated splits: its formula, what overlap does to it, and how overlap is counted."""

import numpy as np
import pytest
from scipy import stats

from synthtrust.metrics.functional import over_splits, split_overlap

GAPS = [-0.02, -0.05, -0.03, -0.01]


def test_splits_without_a_common_patient_are_a_sample():
    expected = stats.ttest_1samp(GAPS, 0).confidence_interval(0.95)
    result = over_splits(GAPS, 0.0)
    np.testing.assert_allclose([result.low, result.high], expected, rtol=1e-12)
    one_sided = stats.ttest_1samp(GAPS, 0, alternative="greater").confidence_interval(0.95)
    assert result.lower_bound == pytest.approx(one_sided.low)
    assert (result.n_splits, result.level) == (4, 0.95)


def test_the_more_splits_have_in_common_the_less_their_spread_says():
    lengths = [result.high - result.low for result in (over_splits(GAPS, o) for o in (0.0, 0.5, 0.75, 0.9))]
    assert lengths == sorted(lengths)
    assert lengths[2] / lengths[0] == pytest.approx(((1 / 4 + 3) / (1 / 4)) ** 0.5)


def test_one_split_has_a_value_and_no_limits():
    result = over_splits([-0.02], 0.5)
    assert result.value == -0.02
    assert np.isnan([result.low, result.high, result.lower_bound, result.upper_bound]).all()


def test_random_splits_of_a_quarter_share_three_quarters_of_their_training_patients():
    rng = np.random.default_rng(0)
    tests = [{str(p) for p in rng.permutation(400)[:100]} for _ in range(20)]
    assert split_overlap(tests, 400) == pytest.approx(0.75, abs=0.01)


def test_large_test_sets_have_more_in_common_than_their_training_sets():
    assert split_overlap([set("abc"), set("bcd")], 4) == pytest.approx(2 / 3)
    assert split_overlap([set("ab"), set("ab")], 4) == 1.0


@pytest.mark.parametrize(("values", "overlap"), [([], 0.5), ([[0.1]], 0.5), ([0.1, 0.2], 1.0), ([0.1, 0.2], -0.1)])
def test_what_is_no_number_of_splits_is_refused(values, overlap):
    with pytest.raises(ValueError, match=r"^Expected "):
        over_splits(values, overlap)
