"""The area under the curve has DeLong's golden values; its permutation p is uniform when nothing is to be found."""

import math

import numpy as np
import pytest
from scipy import stats

from synthtrust.metrics.functional.placements import delong
from synthtrust.metrics.functional.roc import auc_interval, separation_test, tpr_at_fpr

POSITIVE = [[0.9, 0.8, 0.7, 0.6, 0.3], [0.8, 0.9, 0.4, 0.55, 0.35]]
NEGATIVE = [[0.5, 0.4, 0.35, 0.2, 0.1], [0.6, 0.3, 0.45, 0.25, 0.2]]


def test_delong_has_its_golden_values():
    auc, covariance = delong(POSITIVE, NEGATIVE)
    np.testing.assert_allclose(auc, [0.88, 0.80])
    np.testing.assert_allclose(covariance, [[0.0168, 0.01], [0.01, 0.024]])


def test_delong_is_the_equation_with_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (3, 17)).astype(float), rng.integers(0, 5, (3, 11)).astype(float)
    psi = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    auc, covariance = delong(x, y)
    np.testing.assert_allclose(auc, psi.mean(axis=(1, 2)))
    np.testing.assert_allclose(covariance, np.cov(psi.mean(axis=2)) / 17 + np.cov(psi.mean(axis=1)) / 11)


def test_the_interval_is_delongs_far_from_0_and_1_and_stays_within_them():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0.5, 1, 400), rng.normal(0, 1, 400)
    found, (area, variance) = auc_interval(x, y), delong(x[None], y[None])
    half = stats.norm.ppf(0.975) * math.sqrt(variance[0, 0])
    assert (found.low, found.high) == pytest.approx((area[0] - half, area[0] + half), abs=2e-3)
    assert 0 < auc_interval(POSITIVE[0], NEGATIVE[0]).low < 0.88 < auc_interval(POSITIVE[0], NEGATIVE[0]).high < 1
    assert math.isnan(auc_interval([1.0], [0.0]).low)


def test_no_finite_data_are_certain_of_an_area_of_1():
    lows = [auc_interval(np.arange(n) + 1000.0, np.arange(n)).low for n in (5, 20, 80, 320)]
    assert lows == sorted(lows)
    assert 0.4 < lows[0] < 0.8 < lows[1] < 0.95 < lows[2] < lows[3] < 1


def test_images_repeated_for_a_patient_add_no_certainty():
    patients = [i for i in range(5) for _ in range(4)]
    once = auc_interval(POSITIVE[0], NEGATIVE[0])
    many = auc_interval(np.repeat(POSITIVE[0], 4), np.repeat(NEGATIVE[0], 4), 0.95, patients, patients)
    assert (many.n_positive, many.n_negative) == (5, 5)
    assert (many.value, many.low) == pytest.approx((once.value, once.low))


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        found = auc_interval(rng.normal(0.5, 1, 60), rng.normal(0, 1, 60))
        covered += found.low <= stats.norm.cdf(0.5 / math.sqrt(2)) <= found.high
    assert covered / 400 == pytest.approx(0.95, abs=0.035)  # three standard errors


def test_p_is_uniform_when_there_is_nothing_to_find():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(30), 2)
    p = []
    for seed in range(200):
        scores = rng.normal(size=30)[patients] + 0.3 * rng.normal(size=60)  # two images of a patient are alike
        sides = patients[:30].tolist(), patients[30:].tolist()
        p.append(separation_test(scores[:30], scores[30:], *sides, n_permutations=199, seed=seed).p)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.11


def test_the_rate_at_a_threshold():
    rng = np.random.default_rng(0)
    negative = rng.permutation(np.arange(100.0))
    assert tpr_at_fpr([94.5, 95.5, 10.0, 99.5], negative, 0.05) == 0.75  # 95 to 99 may exceed: the threshold is 94
    assert math.isnan(tpr_at_fpr([1.0], negative, 0.01))  # would rest on one image
    assert tpr_at_fpr([-1.0], negative, 1.0) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: auc_interval([], [1.0]), "at least one positive"),
        (lambda: auc_interval([math.nan], [1.0]), "NaN in 1 of 1"),
        (lambda: auc_interval([1.0], [1.0], 0.95, ["a", "b"]), "each of 1 items"),
        (lambda: separation_test([1.0], [0.0], ["a"], ["a"]), "one side only"),
        (lambda: delong([[1.0, 2.0]], [[1.0]]), "at least 2 items"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
