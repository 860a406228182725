"""The mixture finds clusters, has the density that SciPy gives it, and never stands on a few points."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from synthtrust.generators.gaussian_mixture import GaussianMixture


@pytest.fixture
def clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[-6.0, 0], [6, 0], [0, 9]])
    return np.concatenate([centre + rng.normal(size=(n, 2)) for centre, n in zip(centres, (100, 200, 300))])


def fitted(points, n_components=3, min_members=10, prior=2.0):
    return GaussianMixture.fit(points, n_components, min_members, prior, np.random.default_rng(1))


def test_clusters_are_found(clusters):
    mixture = fitted(clusters)
    order = np.argsort(mixture.weights)
    np.testing.assert_allclose(mixture.weights[order], [1 / 6, 1 / 3, 1 / 2], atol=0.01)
    np.testing.assert_allclose(mixture.means[order], [[-6, 0], [6, 0], [0, 9]], atol=0.3)


def test_densities_are_those_of_scipy(clusters):
    mixture = fitted(clusters)
    for k, column in enumerate(mixture.log_densities(clusters[::50]).T):
        expected = multivariate_normal(mixture.means[k], mixture.roots[k] @ mixture.roots[k].T).logpdf(clusters[::50])
        np.testing.assert_allclose(column, np.log(mixture.weights[k]) + expected, rtol=1e-9)


def test_drawn_points_have_the_mean_and_the_covariance_of_the_points(clusters):
    mixture, rng = fitted(clusters, prior=0.1), np.random.default_rng(2)
    drawn = np.stack([mixture.sample(rng) for _ in range(4000)])
    np.testing.assert_allclose(drawn.mean(0), clusters.mean(0), atol=0.3)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(clusters.T), atol=1.5)


def test_turned_and_mirrored_points_are_drawn_turned_and_mirrored(clusters):
    turn = np.array([[0.6, 0.8], [0.8, -0.6]])
    upright, turned = (fitted(points) for points in (clusters, clusters @ turn))
    for seed in range(20):
        expected = upright.sample(np.random.default_rng(seed)) @ turn
        np.testing.assert_allclose(turned.sample(np.random.default_rng(seed)), expected, atol=1e-9)


def test_draws_of_a_component_have_its_covariance(clusters):
    mixture, rng = fitted(clusters, n_components=1, prior=50.0), np.random.default_rng(3)
    drawn = np.stack([mixture.sample(rng) for _ in range(20000)])
    np.testing.assert_allclose(np.cov(drawn.T), mixture.roots[0] @ mixture.roots[0].T, atol=0.8)


def test_no_component_stands_for_few_points_and_every_one_is_wide(clusters):
    outlier = np.array([[40.0, -40.0]])
    mixture = fitted(np.concatenate([clusters, outlier]), n_components=4)
    assert mixture.weights.min() * (len(clusters) + 1) >= 10
    assert all(np.linalg.svd(root, compute_uv=False).min() > 0.5 for root in mixture.roots)


def test_the_prior_pulls_every_covariance_to_that_of_all_points(clusters):
    whole = np.cov(clusters.T, bias=True)
    for root in fitted(clusters, prior=1e9).roots:
        np.testing.assert_allclose(root @ root.T, whole, rtol=1e-5)


def test_identical_points_can_be_fitted():
    mixture = fitted(np.ones((50, 3)))
    np.testing.assert_allclose(mixture.sample(np.random.default_rng(0)), np.ones(3), atol=1e-3)


def test_too_few_points_are_refused(clusters):
    with pytest.raises(ValueError, match="at least min_members=10 points, but got 9"):
        fitted(clusters[:9])
