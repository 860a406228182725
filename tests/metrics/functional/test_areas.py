"""Intervals of areas under ROC curves: laws, and a published score interval."""

import numpy as np
import pytest
from scipy import stats

from synthtrust.metrics.functional import area_gap, area_interval, area_ratio, area_variance, gap_interval
from synthtrust.metrics.functional.placements import auc_by_class
from synthtrust.refusals import Refusal


def contributions(rng, m, n, distance, case=None, seeds=3):
    """Return what each patient adds, ``(S, P)``, of two normal classes."""
    case = rng.normal(size=m + n) if case is None else case
    truth = (np.arange(m + n) < m).astype(int)
    arm = []
    for _ in range(seeds):
        score = case + 0.3 * rng.normal(size=m + n) + distance * truth
        arm.append(auc_by_class(np.stack([-score, score], axis=1), truth)[1][:, 1])
    return np.stack(arm)


def test_one_perfect_area_has_the_limit_of_the_score_interval():
    """With no pair in the wrong order the lower limit solves (1 - area)^2 = t^2 V(area)."""
    score = np.arange(60.0)
    _, patients = auc_by_class(np.stack([-score, score], axis=1), np.arange(60) >= 30)
    interval = area_interval(patients[None, :, 1], 30, 30)

    t = stats.t.ppf(0.975, 59)
    assert (1 - interval.low) ** 2 == pytest.approx(t**2 * area_variance(interval.low, 30, 30), rel=1e-5)
    assert (interval.value, interval.high) == (1, 1)


@pytest.mark.parametrize("draw", range(4))
def test_far_from_1_with_many_patients_the_gap_is_delongs(draw):
    rng = np.random.default_rng(draw)
    case = rng.normal(size=1200)
    a, b = contributions(rng, 600, 600, 0.9, case), contributions(rng, 600, 600, 1.0, case)
    gap, raw = area_gap(a, b, 600, 600), gap_interval(a, b)

    assert gap.value == pytest.approx(raw.value)
    assert (gap.low, gap.high) == pytest.approx((raw.low, raw.high), abs=4e-3)
    assert gap.v_patients == pytest.approx(raw.v_patients, rel=0.1)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.5, 4.0, 9.0])
def test_no_interval_is_without_length(distance):
    rng = np.random.default_rng(1)
    a = contributions(rng, 12, 30, distance)

    whole, gap, ratio = area_interval(a, 12, 30), area_gap(a, a, 12, 30), area_ratio(a, a, 12, 30)
    assert 0 <= whole.low < whole.value <= whole.high <= 1
    assert gap.low < 0 < gap.high
    assert ratio.low < 1 < ratio.high


def test_both_arms_trade_places():
    rng = np.random.default_rng(2)
    case = rng.normal(size=50)
    a, b = contributions(rng, 20, 30, 2.0, case), contributions(rng, 20, 30, 1.0, case)
    gap, back = area_gap(a, b, 20, 30), area_gap(b, a, 20, 30)

    assert (gap.low, gap.high) == pytest.approx((-back.high, -back.low), abs=1e-6)
    assert gap.lower_bound > gap.low
    assert gap.upper_bound < gap.high


def test_the_ratio_agrees_with_the_gap_where_it_is_1():
    """A ratio above chance of 1 and a gap of 0 are one hypothesis."""
    rng = np.random.default_rng(4)
    case = rng.normal(size=80)
    for distance in (1.0, 1.2, 1.6, 2.4):
        a, b = contributions(rng, 40, 40, distance, case), contributions(rng, 40, 40, 1.0, case)
        gap, ratio = area_gap(a, b, 40, 40), area_ratio(a, b, 40, 40, chance=0.5)
        assert (gap.lower_bound > 0) == (ratio.lower_bound > 1)


def test_a_ratio_of_areas_at_chance_is_undefined():
    rng = np.random.default_rng(5)
    a = contributions(rng, 20, 20, -0.5)
    ratio = area_ratio(a, a, 20, 20, chance=0.5)
    assert np.isnan([ratio.value, ratio.low, ratio.lower_bound]).all()


def test_one_patient_on_a_side_gives_no_limits():
    assert np.isnan(area_interval(np.full((2, 10), np.nan), 1, 9).low)


@pytest.mark.parametrize(
    ("patients", "counts", "message"),
    [(np.zeros(4), (2, 2), "of shape"), (np.zeros((1, 4)), (0, 4), "on both sides")],
)
def test_what_is_no_arm_is_refused(patients, counts, message):
    with pytest.raises(Refusal, match=message):
        area_interval(patients, *counts)
