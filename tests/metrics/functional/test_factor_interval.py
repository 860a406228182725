"""The bootstrap of the factors draws whole patients, agrees with SciPy, and combines seeds as the gap does."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from synthtrust.metrics import functional as F  # noqa: N812

RNG = np.random.default_rng(0)
REAL = RNG.beta(8, 2, (40, 2))
SYNTHETIC = np.clip(REAL + RNG.normal(0, 0.1, REAL.shape), 0, 1)


def cosine(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    return (a * b).sum(axis) / np.sqrt((a * a).sum(axis) * (b * b).sum(axis))


def test_the_bootstrap_of_a_mean_has_its_golden_value():
    real = np.array([[0.80, 0.90, 0.60], [0.70, 0.85, 0.50], [0.90, 0.95, 0.75], [0.60, 0.80, 0.35]])
    synthetic = np.array([[0.82, 0.91, 0.66], [0.78, 0.88, 0.60], [0.91, 0.93, 0.78], [0.70, 0.84, 0.50]])
    (interval,) = F.factor_interval(lambda r, s: (r - s).mean(dim=(-2, -1)), [(real, synthetic)])
    np.testing.assert_allclose([interval.low, interval.high], [-0.083333, -0.018333], atol=5e-7)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_one_seed_gives_the_interval_of_scipy(method):
    intervals = F.factor_interval(F.alignment, [(REAL, SYNTHETIC)], method=method, seed=3)
    for k, interval in enumerate(intervals):
        columns = (REAL[:, k], SYNTHETIC[:, k])
        expected = stats.bootstrap(
            columns, cosine, paired=True, vectorized=True, method=method, n_resamples=2000, rng=np.random.default_rng(3)
        ).confidence_interval
        np.testing.assert_allclose([interval.low, interval.high], expected, rtol=1e-9)
        assert (interval.n_cases, interval.n_seeds) == (40, 1)


def test_ties_count_half_in_the_accelerated_interval_as_in_scipy():
    found = np.repeat([0.0, 1.0], [3, 9])[:, None]  # few distinct means: many resamples equal the value itself
    (interval,) = F.factor_interval(F.overall_performance, [(found,)], method="bca", seed=3)
    expected = stats.bootstrap((found[:, 0],), np.mean, method="BCa", n_resamples=2000, rng=np.random.default_rng(3))
    np.testing.assert_allclose([interval.low, interval.high], expected.confidence_interval, rtol=1e-9)


def test_several_seeds_are_combined_by_the_rule_of_the_gap():
    seeds = [(np.clip(REAL + shift, 0, 1),) for shift in (-0.02, 0.0, 0.03)]
    (interval,) = F.factor_interval(F.overall_performance, seeds, n_boot=20000)
    expected = F.mean_interval(np.stack([scores.mean(axis=1) for (scores,) in seeds]))
    assert interval.value == pytest.approx(expected.value)
    assert interval.n_seeds == 3
    width = interval.high - interval.low  # the bootstrap's variance is (P-1)/P of the other, and has an error itself
    assert width == pytest.approx(expected.high - expected.low, rel=0.03)


def test_the_seed_of_the_resampling_decides():
    def limits(seed: int) -> list[float]:
        return [i.low for i in F.factor_interval(F.variability, [(REAL,)], seed=seed, n_boot=200)]

    assert limits(1) == limits(1)
    assert limits(1) != limits(2)


def test_chunks_do_not_change_the_result(monkeypatch):
    whole = F.factor_interval(F.alignment, [(REAL, SYNTHETIC)], n_boot=300, method="bca")
    monkeypatch.setattr("synthtrust.metrics.functional.bootstrap.CHUNK", 7 * REAL.size)
    assert F.factor_interval(F.alignment, [(REAL, SYNTHETIC)], n_boot=300, method="bca") == whole


def test_memory_stays_bounded(monkeypatch):
    largest = 0

    def watched(real: torch.Tensor, synthetic: torch.Tensor) -> torch.Tensor:
        nonlocal largest
        largest = max(largest, real.numel())
        return F.alignment(real, synthetic)

    monkeypatch.setattr("synthtrust.metrics.functional.bootstrap.CHUNK", 10_000)
    F.factor_interval(watched, [(REAL, SYNTHETIC)], n_boot=500, method="bca")
    assert largest <= 10_000


def test_cases_of_one_patient_go_together():
    twice, patients = np.repeat(REAL, 2, axis=0), np.repeat(np.arange(40), 2)
    once = F.factor_interval(F.variability, [(REAL,)], seed=5)
    together = F.factor_interval(F.variability, [(twice,)], seed=5, groups=list(patients))
    apart = F.factor_interval(F.variability, [(twice,)], seed=5)
    for a, b, c in zip(once, together, apart, strict=True):
        np.testing.assert_allclose([b.low, b.high], [a.low, a.high], rtol=1e-9)
        assert (c.high - c.low) < 0.85 * (a.high - a.low)  # copies taken for patients: sqrt(2) too narrow
        assert (a.n_cases, b.n_cases) == (40, 80)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_patients_may_differ_in_their_number_of_cases(method):
    groups = ["a", "b", "b", "c", "c", "c"]
    c = REAL[:6]
    (interval,) = F.factor_interval(F.overall_performance, [(c,)], groups=groups, method=method, n_boot=4000)
    means = [c[rows].mean() for rows in ([0], [1, 2], [3, 4, 5])]
    assert interval.value == pytest.approx(c.mean())
    assert min(means) - 1e-12 <= interval.low < interval.high <= max(means) + 1e-12


def test_the_accelerated_interval_falls_back_to_percentiles_for_equal_scores():
    equal = np.full((10, 1), 0.7)
    (interval,) = F.factor_interval(F.performance_gap, [(equal, equal)], method="bca", n_boot=100)
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_a_region_that_is_undefined_in_some_cases_has_its_own_number_of_cases():
    gaps = REAL.copy()
    gaps[:5, 1] = np.nan
    first, second = F.factor_interval(F.performance_gap, [(REAL, SYNTHETIC), (gaps, SYNTHETIC)], n_boot=100)
    assert (first.n_cases, second.n_cases) == (40, 35)
    (overall,) = F.factor_interval(F.overall_performance, [(gaps,)], n_boot=100)
    assert overall.n_cases == 40


def test_undefined_resamples_are_counted_in_one_warning():
    rare = REAL[:8].copy()
    rare[1:, 1] = np.nan  # a resample misses the only case with probability (7/8)^8 = .34
    with pytest.warns(UserWarning, match=r"^\d+ of 200 resamples gave no value") as caught:
        _, second = F.factor_interval(F.performance_gap, [(rare, SYNTHETIC[:8])], n_boot=200)
    assert len(caught) == 1
    assert 40 < int(str(caught[0].message).split()[0]) < 100
    assert math.isfinite(second.low)


def test_one_patient_gives_a_value_without_limits():
    (interval,) = F.factor_interval(F.overall_performance, [(REAL[:3],)], groups=["p"] * 3, n_boot=50)
    assert interval.value == pytest.approx(REAL[:3].mean())
    assert math.isnan(interval.low)


def test_leaking_rows_between_sources_would_be_seen():
    together = F.factor_interval(F.performance_gap, [(REAL, SYNTHETIC)], n_boot=500)
    shuffled = F.factor_interval(F.performance_gap, [(REAL, SYNTHETIC[::-1].copy())], n_boot=500)
    assert all(a.high < b.low for a, b in zip(together, shuffled, strict=True))  # twins are drawn with their case


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ([(REAL, SYNTHETIC[:30])], {}, "of one shape"),
        ([(REAL,), (REAL[:30],)], {}, "of one shape"),
        ([(REAL[0],)], {}, "of one shape"),
        ([], {}, "of one shape"),
        ([(REAL,)], {"groups": ["a"]}, "Expected the patient of each of 40 cases, but got 1"),
        ([(REAL,)], {"method": "basic"}, "but got 'basic'"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, options, message):
    with pytest.raises(ValueError, match=message):
        F.factor_interval(F.overall_performance, scores, **options)
