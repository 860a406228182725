"""KID, Frechet distance, precision and coverage have their golden values, and their theory for equal distributions."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from synthtrust.metrics.functional.frechet import frechet_distance, real_floor
from synthtrust.metrics.functional.kernel_distance import kernel_test, kid, median_bandwidth
from synthtrust.metrics.functional.manifold import expected_coverage, manifold


@pytest.fixture(scope="module")
def toy():
    """Return the sets of the golden table: 200 rows of 8 standard normal features each."""
    rng = np.random.default_rng(20240601)
    train, _, honest = (rng.normal(size=(200, 8)) for _ in range(3))
    sets = {
        "train": train,
        "honest": honest,
        "exact": train,
        "noisy": train + 0.05 * rng.normal(size=(200, 8)),
        "lowdiv": 0.6 * rng.normal(size=(200, 8)),
        "shifted": rng.normal(size=(200, 8)) + 0.5,
        "tenth": np.concatenate([train[:20], honest[20:]]),
    }
    return {name: torch.from_numpy(rows) for name, rows in sets.items()}


@pytest.mark.parametrize(
    ("name", "kernel", "precision", "recall", "frechet"),
    [
        ("honest", 0.040505, 0.845, 0.845, 0.36428),
        ("exact", -0.078564, 1, 1, 0),
        ("noisy", -0.078866, 1, 1, 0.0006),
        ("lowdiv", 0.154704, 1, 0.36, 1.3972),
        ("shifted", 0.877794, 0.785, 0.725, 1.82138),
        ("tenth", 0.021210, 0.845, 0.875, 0.30717),
    ],
)
def test_the_golden_values(toy, name, kernel, precision, recall, frechet):
    assert kid(toy["train"], toy[name]) == pytest.approx(kernel, abs=1e-6)
    scores = manifold(toy["train"], toy[name], k=3)
    assert (scores.precision, scores.recall) == pytest.approx((precision, recall))
    assert frechet_distance(toy["train"], toy[name]) == pytest.approx(frechet, abs=5e-5)


def test_the_kernel_distance_is_unbiased_and_its_p_uniform():
    rng = torch.Generator().manual_seed(0)
    values, p = [], []
    for seed in range(150):
        result = kernel_test(*torch.randn(2, 30, 4, generator=rng), n_permutations=99, seed=seed)
        values.append(result.value)
        p.append(result.p)
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(150)
    assert stats.kstest(p, "uniform").pvalue > 0.005


def test_the_interval_covers_the_distance_of_different_sets():
    rng = torch.Generator().manual_seed(0)
    big = torch.randn(2, 3000, 3, generator=rng)
    truth = kid(big[0], big[1] + 0.7)
    covered = 0
    for seed in range(40):
        x, y = torch.randn(2, 60, 3, generator=rng)
        result = kernel_test(x, y + 0.7, n_permutations=9, seed=seed)
        covered += result.low <= truth <= result.high
    assert covered >= 33  # nominal 38 of 40


def test_the_usual_width_is_the_median_distance_of_two_rows():
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    assert median_bandwidth(x) == pytest.approx(math.sqrt(2 * 4), rel=0.1)


def test_the_frechet_distance_of_equal_distributions_is_its_known_bias():
    x, y = torch.randn(2, 400, 256, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(x, y, allow_few=True) == pytest.approx(83.7, rel=0.03)  # d^2 / (2n) is 81.9
    with pytest.raises(ValueError, match="at least 1280 rows"):
        frechet_distance(x, y)


def test_the_frechet_distance_of_normal_distributions():
    rng = np.random.default_rng(0)
    c1, c2 = (a @ a.T for a in rng.normal(size=(2, 3, 3)))
    root = np.linalg.eigvals(c1 @ c2)
    truth = 3 + np.trace(c1 + c2) - 2 * np.sqrt(root.real).sum()
    x, y = (rng.multivariate_normal(np.full(3, m), c, 20000) for m, c in ((0, c1), (1, c2)))
    assert frechet_distance(torch.from_numpy(x), torch.from_numpy(y)) == pytest.approx(truth, rel=0.05)


def test_the_floor_is_at_the_same_n():
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    distance = real_floor(frechet_distance, x[:100], x[100:])
    assert distance.n == 50
    assert distance.floor_low < distance.floor < distance.floor_high
    assert distance.ratio == pytest.approx(1, abs=0.4)
    assert math.isnan(real_floor(lambda a, b: 0.0, x[:100], x[100:]).ratio)


@pytest.mark.parametrize(("n_real", "n_synthetic", "k"), [(200, 200, 5), (100, 300, 3)])
def test_density_and_coverage_of_equal_distributions(n_real, n_synthetic, k):
    rng = torch.Generator().manual_seed(0)
    scores = [
        manifold(torch.randn(n_real, 6, generator=rng), torch.randn(n_synthetic, 6, generator=rng), k)
        for _ in range(30)
    ]
    assert np.mean([f.coverage for f in scores]) == pytest.approx(expected_coverage(n_real, n_synthetic, k), abs=0.006)
    assert np.mean([f.density for f in scores]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: kernel_test(x[:9], x), "at least 10 patients on each side for the kernel test, got 9 and 40"),
        (lambda x: kid(x, x[:, :2]), "the same features"),
        (lambda x: kid(x, x * math.nan), "40 rows"),
        (lambda x: median_bandwidth(x * 0), "most are equal"),
        (lambda x: frechet_distance(x[:14], x), "at least 15 rows .* but got 14 and 40"),
        (lambda x: manifold(x[:5], x), "more than k = 5 rows"),
        (lambda x: expected_coverage(5, 5, 5), "k from 1 to 4"),
    ],
)
def test_too_little_is_refused_with_the_number_that_is_needed(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.randn(40, 3, generator=torch.Generator().manual_seed(0)))
