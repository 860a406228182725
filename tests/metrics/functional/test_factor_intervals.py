"""The intervals of the factors rest on the patients that carry a number, and combine seeds as those of a mean do."""

import math
import tracemalloc

import numpy as np
import pytest

from synthtrust.metrics import functional as F  # noqa: N812
from synthtrust.metrics.functional.factor_intervals import Uncertainty, uncertainty

RNG = np.random.default_rng(0)
REAL = RNG.beta(8, 2, (40, 2))
SYNTHETIC = np.clip(REAL + RNG.normal(0, 0.1, REAL.shape), 0, 1)


def test_the_interval_of_a_mean_is_that_of_student():
    (interval,) = F.factor_interval(F.overall_performance, [(REAL,)])
    expected = F.mean_interval(REAL.mean(axis=1)[None])
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("shifts", [(-0.02, 0.03), (-0.02, 0.0, 0.03)], ids=["two seeds", "three"])
def test_several_seeds_are_combined_by_the_rule_of_the_mean(shifts):
    seeds = [(REAL + shift,) for shift in shifts]
    (interval,) = F.factor_interval(F.overall_performance, seeds)
    expected = F.mean_interval(np.stack([scores.mean(axis=1) for (scores,) in seeds]))
    assert (interval.value, interval.low, interval.high) == pytest.approx(
        (expected.value, expected.low, expected.high), abs=1e-9
    )
    assert (interval.n_seeds, interval.n_patients) == (len(shifts), 40)


def test_the_variance_of_few_seeds_is_enlarged():
    without = np.linspace(0.69, 0.71, 30)
    seeds = np.array([0.68, 0.72])
    patients = uncertainty(0.7, without, [])
    both = uncertainty(0.7, without, [seeds])
    assert both.error**2 - patients.error**2 == pytest.approx(3 * seeds.var(ddof=1) / 2)
    three = uncertainty(0.7, without, [np.array([0.68, 0.7, 0.72])])
    assert three.error**2 - patients.error**2 == pytest.approx((1 + 2 / 2**3) * 0.02**2 / 3)


@pytest.mark.parametrize(
    ("factor", "scale", "low", "high"),
    [
        (F.variability, "log", 0, math.inf), (F.performance_gap, "log", 0, math.inf), (F.alignment, "fisher", -1, 1),
        (F.correlation, "fisher", -1, 1), (F.case_consistency, "log_complement", -math.inf, 1),
    ],
)  # fmt: skip
def test_limits_lie_on_both_sides_and_within_the_range(factor, scale, low, high):
    arguments = (REAL, SYNTHETIC) if factor in (F.performance_gap, F.alignment, F.correlation) else (REAL,)
    for n in (8, 40):
        for interval in F.factor_interval(factor, [tuple(x[:n] for x in arguments)], scale):
            assert low < interval.low < interval.value < interval.high < high


def test_cases_of_one_patient_go_together():
    twice, patients = np.repeat(REAL, 2, axis=0), np.repeat(np.arange(40), 2)
    once = F.factor_interval(F.variability, [(REAL,)], "log")
    together = F.factor_interval(F.variability, [(twice,)], "log", groups=list(patients))
    apart = F.factor_interval(F.variability, [(twice,)], "log")
    for a, b, c in zip(once, together, apart, strict=True):
        np.testing.assert_allclose([b.low, b.high], [a.low, a.high], rtol=1e-9)
        assert (c.high - c.low) < 0.85 * (a.high - a.low)  # copies taken for patients: sqrt(2) too narrow
        assert (a.n_cases, b.n_cases, b.n_patients, c.n_patients) == (40, 80, 40, 80)


def test_an_interval_rests_on_the_patients_that_carry_it():
    rare = np.full((60, 2), np.nan)
    rare[:, 0] = np.linspace(0.4, 0.9, 60)
    rare[:5, 1] = REAL[:5, 0]
    _, region = F.factor_interval(F.variability, [(rare,)], "log")
    (alone,) = F.factor_interval(F.variability, [(REAL[:5, :1],)], "log")
    assert (region.n_cases, region.n_patients) == (5, 5)
    np.testing.assert_allclose([region.low, region.high], [alone.low, alone.high])
    assert F.factor_interval(F.overall_performance, [(rare,)])[0].n_patients == 60


def test_too_few_patients_have_no_interval_and_the_reason():
    few = F.factor_interval(F.variability, [(REAL[:9],)], "log", min_patients=10)
    assert all(math.isnan(interval.low) and interval.n_patients == 9 for interval in few)
    assert {interval.note for interval in few} == {"No interval: 9 patients, and limits need 10 to cover."}


@pytest.mark.parametrize(
    ("factor", "scores", "scale"),
    [
        (F.overall_performance, [(np.full((30, 2), 0.8),)] * 3, "identity"),
        (F.variability, [(np.full((30, 2), 0.8),)], "log"),
        (F.performance_gap, [(REAL, REAL)], "log"),
        (F.alignment, [(REAL, REAL)], "fisher"),
        (F.signed_gap, [(REAL, REAL)], "identity"),
        (F.signed_gap, [(REAL, REAL - shift) for shift in (0.1, 0.12, 0.15)], "identity"),
    ],
)
def test_patients_who_are_all_alike_are_no_certainty(factor, scores, scale):
    for interval in F.factor_interval(factor, scores, scale):
        assert math.isfinite(interval.value)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)
        assert interval.note.startswith("No interval: ")


def test_one_patient_gives_a_value_without_limits():
    (interval,) = F.factor_interval(F.overall_performance, [(REAL[:3],)], groups=["p"] * 3)
    assert interval.value == pytest.approx(REAL[:3].mean())
    assert math.isnan(interval.low)
    assert interval.note == "No interval: it needs two patients."


def test_twins_are_left_out_with_their_case():
    together = F.factor_interval(F.performance_gap, [(REAL, SYNTHETIC)], "log")
    shuffled = F.factor_interval(F.performance_gap, [(REAL, SYNTHETIC[::-1].copy())], "log")
    assert all(a.high < b.low for a, b in zip(together, shuffled, strict=True))


def test_time_and_memory_grow_with_the_patients_and_not_with_their_square():
    """Eight times the patients may take no more than 16 times the memory; in squares it would be 64 times."""
    peaks = []
    for n in (250, 2000):
        scores = [(np.tile(REAL, (n // 40 + 1, 1))[:n], np.tile(SYNTHETIC, (n // 40 + 1, 1))[:n])]
        tracemalloc.start()
        F.factor_interval(F.concordance, scores, "fisher")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 16 * peaks[0]


@pytest.mark.parametrize("skewness", [-0.3, 0.0, 0.2])
def test_p_values_belong_to_the_limits(skewness):
    doubt = Uncertainty(0.3, 0.1, 12.0, skewness)
    low, high = doubt.limits(0.95)
    assert (doubt.p_different(low), doubt.p_different(high)) == pytest.approx((0.05, 0.05))
    assert doubt.p_above(low) == pytest.approx(0.025)
    assert doubt.p_below(high) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ([(REAL, SYNTHETIC[:30])], {}, "of one shape"),
        ([(REAL,), (REAL[:30],)], {}, "of one shape"),
        ([(REAL[0],)], {}, "of one shape"),
        ([], {}, "of one shape"),
        ([(REAL,)], {"groups": ["a"]}, "Expected the patient of each of 40 items, but got 1"),
    ],
)
def test_scores_that_do_not_fit_are_refused(scores, options, message):
    with pytest.raises(ValueError, match=message):
        F.factor_interval(F.overall_performance, scores, **options)
