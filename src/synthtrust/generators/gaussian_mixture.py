"""A Gaussian mixture that cannot sit on one point: every component has members enough, and leans on the whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]

ROUNDS = 100  # of expectation and maximisation at most
RIDGE = 1e-9  # variance that is added to that of all points, so that it can be inverted
GAIN = 1e-3  # mean log density [nats per point] below which a round has changed nothing


@dataclass(frozen=True)
class GaussianMixture:
    """K Gaussians in d dimensions."""

    weights: Array
    """Shape ``(K,)``, sum 1."""
    means: Array
    """Shape ``(K, d)``."""
    roots: Array
    """Lower Cholesky factors of the covariances, shape ``(K, d, d)``."""
    points: Array
    """What it was fitted to, shape ``(N, d)``."""
    shares: Array
    """The share of each component in each point, shape ``(N, K)``."""
    prior: float
    """Points that lie as all points do together, of each covariance."""

    @classmethod
    def fit(
        cls, points: Array, n_components: int, min_members: int, prior: float, rng: np.random.Generator
    ) -> "GaussianMixture":
        """Fit by expectation and maximisation from a k-means++ start.

        Every covariance is the posterior mode under ``prior`` points that lie as all points do together:
        ``(n_k S_k + prior S) / (n_k + prior)``; after Fraley and Raftery, Bayesian Regularization for Normal Mixture
        Estimation and Model-Based Clustering, 2007. A component that comes to have fewer members is given up.

        Args:
            points: Shape ``(N, d)``.
            n_components: At most so many.
            min_members: Fewest points a component may stand for, summed over their shares in it.
            prior: Points.
            rng: The random generator of the start.

        Raises:
            Refusal: If there are fewer points than ``min_members``.
        """
        if len(points) < min_members:
            raise Refusal(f"Expected at least min_members={min_members} points, but got {len(points)}.")
        whole = np.atleast_2d(np.cov(points.T, bias=True)) + RIDGE * np.eye(points.shape[1])
        n = max(1, min(n_components, len(points) // min_members))
        start = _spread(points, n, rng)
        shares = np.eye(n)[np.argmin(((points[:, None] - start) ** 2).sum(-1), 1)]
        before = -np.inf
        for _ in range(ROUNDS):
            while (members := shares.sum(0)).min() < min_members:
                shares = np.delete(shares, members.argmin(), 1)
                sums = shares.sum(1, keepdims=True)
                shares = np.where(sums > 0, shares / np.maximum(sums, 1e-300), 1 / shares.shape[1])
            mixture = cls._maximised(points, shares, whole, prior)
            densities = mixture.log_densities(points)
            total = logsumexp(densities, 1, keepdims=True)
            shares, now = np.exp(densities - total), float(total.mean())
            if abs(now - before) < GAIN:
                break
            before = now
        return mixture

    @classmethod
    def _maximised(cls, points: Array, shares: Array, whole: Array, prior: float) -> "GaussianMixture":
        members = shares.sum(0)
        means = shares.T @ points / members[:, None]
        roots = []
        for share, n, mean in zip(shares.T, members, means, strict=True):
            off = points - mean
            roots.append(np.linalg.cholesky((share * off.T @ off + prior * whole) / (n + prior)))
        return cls(members / len(points), means, np.stack(roots), points, shares, prior)

    def log_densities(self, points: Array) -> Array:
        """Return the logarithm of weight times density of each component at each point, shape ``(N, K)``.

        >>> standard = GaussianMixture(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)), *[np.zeros((0, 1))] * 2, 0)
        >>> standard.log_densities(np.zeros((1, 1))).round(4).tolist()
        [[-0.9189]]
        """
        columns = []
        for weight, mean, root in zip(self.weights, self.means, self.roots, strict=True):
            off = solve_triangular(root, (points - mean).T, lower=True)
            scale = np.log(np.diag(root)).sum() + 0.5 * len(mean) * np.log(2 * np.pi)
            columns.append(np.log(weight) - scale - 0.5 * (off**2).sum(0))
        return np.stack(columns, 1)

    def sample(self, rng: np.random.Generator) -> Array:
        """Draw one point, shape ``(d,)``.

        It is a sum over the points it was fitted to, each with a random weight, of what they differ by from the mean of
        the component and from that of all. Their covariance is that of the component, and no basis is needed that
        another linear-algebra library would give otherwise: turned or mirrored points are drawn turned or mirrored.
        """
        k = rng.choice(len(self.weights), p=self.weights)
        near, far = rng.standard_normal((2, len(self.points)))
        near *= np.sqrt(self.shares[:, k])
        far *= np.sqrt(self.prior / len(self.points))
        off = (near + far) @ self.points - near.sum() * self.means[k] - far.sum() * self.points.mean(0)
        drawn: Array = self.means[k] + off / np.sqrt(self.shares[:, k].sum() + self.prior)
        return drawn


def _spread(points: Array, n: int, rng: np.random.Generator) -> Array:
    """Pick n points far from each other; k-means++ (Arthur and Vassilvitskii 2007)."""
    picked = [points[rng.integers(len(points))]]
    nearest = np.full(len(points), np.inf)
    for _ in range(n - 1):
        nearest = np.minimum(nearest, ((points - picked[-1]) ** 2).sum(1))
        total = nearest.sum()
        picked.append(points[rng.choice(len(points), p=nearest / total if total > 0 else None)])
    return np.stack(picked)
