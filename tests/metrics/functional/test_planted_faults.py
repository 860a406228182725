"""Planted faults: their KID and coverage are what the theory says, and sets that have them are not called better."""

import numpy as np
import pytest
import torch

from synthtrust.metrics.functional.kernel_distance import (
    jackknife_variance,
    kernel_matrix,
    kernel_test,
    kid,
    left_out,
    second_order_variance,
)
from synthtrust.metrics.functional.manifold import expected_coverage, manifold
from synthtrust.metrics.functional.planted_collapse import planted_collapse
from synthtrust.metrics.functional.planted_shift import planted_shift


def draws(seed, *sizes, d=4):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(size, d, generator=rng, dtype=torch.float64) for size in sizes]


@pytest.mark.parametrize(("m", "n"), [(12, 12), (12, 17), (20, 11)])
def test_what_is_left_out_is_what_a_loop_leaves_out(m, n):
    x, y = draws(m, m, n)
    value, without_real, without_synthetic = left_out(kernel_matrix(torch.cat([x, y])), m)

    assert value == pytest.approx(kid(x, y), rel=1e-9)
    for i in range(m):
        assert float(without_real[i]) == pytest.approx(kid(torch.cat([x[:i], x[i + 1 :]]), y), rel=1e-9)
    for i in range(n):
        assert float(without_synthetic[i]) == pytest.approx(kid(x, torch.cat([y[:i], y[i + 1 :]])), rel=1e-9)


def test_the_jackknife_of_a_mean_is_its_variance():
    (x,) = draws(0, 30, d=1)
    without = (x.sum() - x[:, 0]) / 29

    assert jackknife_variance(without) == pytest.approx(float(x.var()) / 30)


@pytest.mark.parametrize(("m", "n"), [(40, 40), (30, 70)])
def test_the_variance_of_equal_sets_is_that_of_permuted_ones(m, n):
    rng = np.random.default_rng(m)
    rows = torch.cat(draws(m, m, n))
    k = kernel_matrix(rows)
    permuted = [left_out(k[order][:, order], m)[0] for order in (rng.permutation(m + n) for _ in range(1500))]

    assert second_order_variance(k, m) == pytest.approx(np.var(permuted), rel=0.2)


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_the_fault_of_normal_images_is_what_the_theory_says(shift):
    """With L the squared length in d dimensions it is 3L/d + 3L^2/d^2 + (L^3 + 6L^2 + 3L(d + 2))/d^3."""
    d, length = 4, shift**2
    truth = 3 * length / d + 3 * length**2 / d**2 + (length**3 + 6 * length**2 + 3 * length * (d + 2)) / d**3
    faults = [planted_shift(*draws(seed, 40, 20, d=d), shift=shift).fault for seed in range(60)]

    error = np.std(faults) / 60**0.5
    assert abs(np.mean(faults) - truth) < 4 * error
    assert error < 0.02 * truth


def test_the_fault_does_not_know_the_signs_of_axes():
    x, y = draws(3, 60, 60)
    flipped = torch.tensor([1.0, -1.0, -1.0, 1.0])
    as_given, mirrored = planted_shift(x, y), planted_shift(x * flipped, y * flipped)

    assert (as_given.value, as_given.limit, as_given.fault) == pytest.approx(
        (mirrored.value, mirrored.limit, mirrored.fault), rel=1e-9
    )


def test_honest_sets_are_shown_to_be_nearer_and_shifted_ones_are_not():
    nearer = {"honest": 0, "shifted": 0}
    for seed in range(30):
        x, y = draws(seed, 150, 150)
        nearer["honest"] += planted_shift(x, y).is_below
        nearer["shifted"] += planted_shift(x, y + torch.tensor([0.0, 0.0, 0.0, 0.5])).is_below

    assert nearer["honest"] >= 20  # .9 of 1,000
    assert nearer["shifted"] <= 5  # at most .05


def test_limits_of_the_kernel_distance_are_in_order_and_hold_the_value():
    for seed in range(5):
        x, y = draws(seed, 20, 40)
        for shift in (0.0, 1.0):
            estimate = kernel_test(x, y + shift, n_permutations=1)
            assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize(("m", "n"), [(80, 80), (60, 180), (120, 40)])
def test_the_coverage_of_equal_and_of_collapsed_sets_is_what_is_expected(m, n):
    honest, collapsed = [], []
    for seed in range(60):
        x, y = draws(seed, m, n)
        honest.append(planted_collapse(x, y))
        collapsed.append(planted_collapse(x, y[: n // 2].repeat(2, 1)))

    for margins, expected in ((honest, honest[0].expected), (collapsed, honest[0].fault)):
        error = np.std([margin.value for margin in margins]) / 60**0.5
        assert abs(np.mean([margin.value for margin in margins]) - expected) < 4 * error
    k = honest[0].k
    assert (honest[0].expected, honest[0].fault) == (expected_coverage(m, n, k), expected_coverage(m, n // 2, k))
    assert 0.93 < honest[0].expected < 0.98  # whatever the sizes
    assert np.mean([margin.is_above for margin in collapsed]) <= 0.15  # at most .05
    assert np.mean([margin.low <= margin.expected <= margin.high for margin in honest]) >= 0.9


def test_coverage_is_that_of_the_manifold():
    x, y = draws(5, 50, 50)

    assert planted_collapse(x, y, neighbours=3).value == manifold(x, y, k=3).coverage


def test_a_coverage_of_1_is_no_certainty():
    (x,) = draws(6, 30)
    margin = planted_collapse(x, x)

    assert margin.value == 1
    assert margin.limit < 1 - 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: planted_shift(x[:9], x), "at least 10 patients on each side for a planted shift, got 9 and 40"),
        (lambda x: planted_shift(x, x, shift=0.0), "above 0 standard deviations, but got 0.0"),
        (lambda x: planted_collapse(x, x, repeats=1), "2 or more repeats, but got 1"),
        (lambda x: planted_collapse(x[:6], x[:6]), "at least 8 real and 4 synthetic rows for coverage with k = 5"),
    ],
)
def test_what_cannot_be_asked_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(draws(0, 40)[0])
