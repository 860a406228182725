"""Paired contrasts: they see what is planted, are narrower than two intervals side by side, and take two seeds."""

import math

import numpy as np
import pytest

from synthtrust.metrics import functional as F  # noqa: N812

RNG = np.random.default_rng(5)
CASES = RNG.uniform(0.4, 0.9, (40, 3))


def scored(shift=0.0, spread=0.02, seeds=3):
    """Return the scores of cases under several seeds, moved and with some noise."""
    return [CASES + shift + RNG.normal(0, 0.005) + RNG.normal(0, spread, CASES.shape) for _ in range(seeds)]


def alone(seeds):
    return [(scores,) for scores in seeds]


def test_a_difference_of_paired_spreads_is_seen_where_two_intervals_overlap():
    narrow = [0.65 + 0.8 * (scores - 0.65) for scores in scored()]
    (t2,) = F.source_contrast(F.case_consistency, alone(scored()), alone(narrow))
    (real,), (twins,) = (F.factor_interval(F.case_consistency, alone(x), "log_complement") for x in (scored(), narrow))
    assert twins.low < real.high
    assert t2.p < 0.05
    assert 0 < t2.interval.low < t2.interval.value < t2.interval.high


def test_one_seed_shows_no_difference():
    (t2,) = F.source_contrast(F.case_consistency, alone(scored(seeds=1)), alone(scored(spread=0.3, seeds=1)))
    assert math.isnan(t2.p)
    assert math.isnan(t2.interval.low)
    assert t2.interval.note == "No interval: a contrast takes two training seeds."
    place = F.crossing(F.overall_performance, {a: list(zip(scored(seeds=1), scored(seeds=1))) for a in (0.0, 1.0)})
    assert (place.low, place.high) == (0, 1)
    assert math.isnan(place.p)


def test_an_order_of_regions_holds_only_if_every_step_does():
    twins = [
        scores * [1.0, 1.0, 1.0] + RNG.normal(0, 1, CASES.shape) * [0.01, 0.15, 0.4] for scores in scored(spread=0.01)
    ]
    arm = list(zip(scored(spread=0.01), twins, strict=True))
    falling, mixed = F.region_order([0, 1, 2], arm), F.region_order([0, 2, 1], arm)
    assert falling.p < 0.05 < mixed.p
    assert falling.p == pytest.approx(max(step.interval.uncertainty.p_above() for step in falling.steps))


def test_the_slope_is_that_of_least_squares():
    arms = {alpha: alone(scored(0.1 * alpha)) for alpha in (0.0, 0.25, 1.0)}
    means = [np.mean([scores.mean() for (scores,) in arms[alpha]]) for alpha in arms]
    (slope,) = F.alpha_slope(F.overall_performance, arms)
    assert slope.interval.value == pytest.approx(np.polyfit(list(arms), means, 1)[0])
    assert slope.p < 0.05


def test_the_place_of_a_minimum_is_claimed_beforehand():
    gaps = {0.0: 0.2, 0.5: 0.05, 1.0: 0.15}
    arms = {alpha: list(zip(scored(), scored(-gap), strict=True)) for alpha, gap in gaps.items()}
    for right, wrong in zip(F.minimum_place(0.5, arms), F.minimum_place(1.0, arms), strict=True):
        assert (right.alpha, right.not_excluded) == (0.5, (0.5,))
        assert right.p < 0.05 < wrong.p
    with pytest.raises(ValueError, match=r"one of the alphas \[0.0, 0.5, 1.0\]"):
        F.minimum_place(0.3, arms)


def test_a_crossing_lies_where_the_lines_cross():
    levels = {0.0: -0.1, 0.5: -0.02, 1.0: 0.06}
    arms = {alpha: list(zip(scored(level), scored(), strict=True)) for alpha, level in levels.items()}
    place = F.crossing(F.overall_performance, arms)
    assert place.low < 0.625 < place.high
    assert place.low <= place.alpha <= place.high
    assert place.p < 0.05
    apart = F.crossing(F.overall_performance, {a: list(zip(scored(0.2), scored(), strict=True)) for a in levels})
    assert math.isnan(apart.alpha)
    assert apart.p > 0.5


def test_arms_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="two or more alphas, but got 1"):
        F.alpha_slope(F.overall_performance, {1.0: alone(scored())})
    with pytest.raises(ValueError, match="the same cases and regions at each alpha"):
        F.alpha_slope(F.overall_performance, {0.0: alone(scored()), 1.0: alone([x[:9] for x in scored()])})
