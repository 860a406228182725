"""The intervals over patients and seeds have their golden values, and say what they cannot know."""

import math

import numpy as np
import pytest
from scipy import stats

from synthtrust.metrics.functional import gap_interval, holm, mean_interval, ratio_interval

A = np.array([[0.70, 0.80, 0.60, 0.75], [0.72, 0.79, 0.64, 0.77], [0.68, 0.82, 0.61, 0.74]])
B = np.array([[0.78, 0.85, 0.70, 0.80], [0.80, 0.84, 0.69, 0.83], [0.77, 0.86, 0.72, 0.81]])
SYMMETRIC = np.array([[0.5, 0.6, 0.7, 0.8, 0.9]]), np.array([[0.55, 0.62, 0.7, 0.78, 0.85]])
"""Two arms whose patients and whose differences are not skewed."""


def outwards(patients, v_patients, variance, t):
    """Return how far the limit beside the long tail of the patients is moved, with its sign."""
    skewness = stats.skew(patients, bias=False) / len(patients) ** 0.5 * (v_patients / variance) ** 1.5
    return skewness * (2 * t**2 + 1) / 6 * variance**0.5


def test_the_gap_has_its_golden_value():
    gap = gap_interval(A, B)
    found = [gap.value, gap.low, gap.lower_bound, gap.df]
    v = [9.143519e-5, 3.402778e-5, 6.25e-6]
    df_of_seeds = (v[1] + v[2]) ** 2 / (v[1] ** 2 / 2 + v[2] ** 2 / 2)
    w = [v[0], *((1 + 2 / df_of_seeds**3) * x for x in v[1:])]  # what the limits take for the seeds
    df = sum(w) ** 2 / (w[0] ** 2 / 3 + w[1] ** 2 / 2 + w[2] ** 2 / 2)
    half, one_sided = (stats.t.ppf(p, df) * sum(w) ** 0.5 for p in (0.975, 0.95))
    np.testing.assert_allclose(found, [-0.0691667, -0.0691667 - half, -0.0691667 - one_sided, df], atol=5e-7)
    variance, t = sum(w), stats.t.ppf(0.975, gap.df)
    moved = outwards((A - B).mean(axis=0), gap.v_patients, variance, t)
    assert moved > 0
    assert gap.high == pytest.approx(-0.0691667 + half + moved, abs=5e-7)
    np.testing.assert_allclose([gap.v_patients, gap.v_seeds_a, gap.v_seeds_b], v, rtol=1e-6)
    assert (gap.n_cases, gap.n_seeds, gap.level) == (4, 3, 0.95)


def test_the_ratio_has_its_golden_value():
    ratio = ratio_interval(A, B)
    found = [ratio.value, ratio.low, ratio.df]
    np.testing.assert_allclose(found, [0.9121693, 0.8672079, 4.594900], atol=5e-7)
    assert ratio.high > 0.9593639  # on the side of the long tail
    assert ratio.low < ratio.lower_bound < ratio.value


def test_the_gap_with_one_seed_is_the_paired_t_test():
    a, b = SYMMETRIC
    gap = gap_interval(a, b)
    test = stats.ttest_rel(a[0], b[0])
    np.testing.assert_allclose([gap.low, gap.high], test.confidence_interval(0.95), rtol=1e-12)
    one_sided = stats.ttest_rel(a[0], b[0], alternative="greater").confidence_interval(0.95)
    assert gap.lower_bound == pytest.approx(one_sided.low, rel=1e-12)
    assert gap.n_seeds == 1
    assert gap.v_seeds_a == gap.v_seeds_b == 0


def test_the_mean_of_one_seed_is_the_t_interval():
    mean = mean_interval(SYMMETRIC[0])
    expected = stats.ttest_1samp(SYMMETRIC[0][0], 0).confidence_interval(0.95)
    np.testing.assert_allclose([mean.low, mean.high], expected, rtol=1e-12)
    assert mean.n_seeds == 1


def test_the_mean_adds_the_doubt_of_seeds_to_that_of_patients():
    v1, v2 = A.mean(axis=0).var(ddof=1) / 4, (1 + 2 / 2**3) * A.mean(axis=1).var(ddof=1) / 3  # 2 df behind the seeds
    t = stats.t.ppf(0.975, (v1 + v2) ** 2 / (v1**2 / 3 + v2**2 / 2))
    half, moved = t * math.sqrt(v1 + v2), outwards(A.mean(axis=0), v1, v1 + v2, t)
    mean = mean_interval(A)
    assert moved < 0
    np.testing.assert_allclose(
        [mean.value, mean.low, mean.high], [A.mean(), A.mean() - half + moved, A.mean() + half], rtol=1e-12
    )


def test_arms_may_differ_in_seeds():
    gap = gap_interval(A, B[:1])
    assert gap.n_seeds == 1  # the fewest: the seeds of the second arm were not assessed
    assert gap.v_seeds_a > 0
    assert gap.v_seeds_b == 0


def test_one_patient_tells_nothing_about_others():
    for interval in (mean_interval(A[:, :1]), gap_interval(A[:, :1], B[:, :1]), ratio_interval(A[:, :1], B[:, :1])):
        assert math.isfinite(interval.value)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
        assert interval.n_cases == 1


def test_a_patient_without_a_score_is_left_out_of_both_arms():
    gaps = A.copy()
    gaps[1, 2] = np.nan
    assert gap_interval(gaps, B) == gap_interval(np.delete(A, 2, axis=1), np.delete(B, 2, axis=1))
    assert mean_interval(gaps).n_cases == 3
    assert math.isnan(mean_interval(np.full((2, 3), np.nan)).value)


def test_identical_arms_differ_by_nothing_that_was_seen():
    gap, ratio, n = gap_interval(A[:1], A[:1]), ratio_interval(A[:1], A[:1]), len(A[0])
    assert (gap.value, ratio.value) == (0, 1)
    assert (gap.low, gap.high) == pytest.approx((0.025 ** (1 / n) - 1, 1 - 0.025 ** (1 / n)))
    assert gap.lower_bound == pytest.approx(0.05 ** (1 / n) - 1)
    assert ratio.low < 1 < ratio.high


@pytest.mark.parametrize("n", [5, 30, 200])
def test_the_limits_of_patients_alike_hold_for_a_share_that_is_unlike_them(n):
    """Where a share of all patients that is missed in 5 % of studies scored 0, the mean lies at the lower limit."""
    share = 1 - 0.025 ** (1 / n)
    interval = mean_interval(np.full((2, n), 0.8))
    assert interval.low == pytest.approx(0.8 * (1 - share))
    assert interval.high == pytest.approx(0.8 + 0.2 * share)


def test_a_ratio_to_nothing_is_undefined():
    ratio = ratio_interval(A, np.zeros_like(B))
    assert math.isnan(ratio.value)
    assert math.isnan(ratio.low)


@pytest.mark.parametrize(("seed_spread", "n_patients"), [(0.0, 30), (0.03, 60)])
def test_the_gap_covers_the_truth_where_patients_alone_do_not(seed_spread, n_patients):
    rng = np.random.default_rng(0)
    covered, naive = 0, 0
    for _ in range(300):
        patient = rng.beta(8, 2, n_patients)
        a, b = (patient + rng.normal(0, 0.05, (3, n_patients)) + rng.normal(0, seed_spread, (3, 1)) for _ in range(2))
        gap, trained = gap_interval(a, b), gap_interval(a.mean(axis=0)[None], b.mean(axis=0)[None])
        covered += gap.low <= 0 <= gap.high
        naive += trained.low <= 0 <= trained.high
    assert covered / 300 > 0.92  # nominal .95, standard error .013
    if seed_spread:
        assert naive / 300 < 0.75


@pytest.mark.parametrize("arms", [(A[0], B), (A, B[:, :3]), (A, np.empty((0, 4)))], ids=["1-D", "unpaired", "no seed"])
def test_arms_that_do_not_fit_are_refused(arms):
    with pytest.raises(ValueError, match="Expected"):
        gap_interval(*arms)


def test_holm_steps_down():
    p = [0.01, 0.04, 0.03, 0.005, 0.6]
    np.testing.assert_allclose(holm(p), [0.04, 0.09, 0.09, 0.025, 0.6])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(holm([0.02, np.nan, 0.03]), [0.04, np.nan, 0.04])
    assert holm([]).tolist() == []


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1]]])
def test_what_is_no_list_of_p_values_is_refused(p):
    with pytest.raises(ValueError, match="Expected a list of p-values"):
        holm(p)
