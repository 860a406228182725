"""KID and the RBF maximum mean discrepancy: how far two sets of features lie apart, unbiased at every size.

Zero is expected for equal distributions at any n, and single values may be negative; strongly negative against the
generator's own training images means that it repeats them (KID -.08 for a replay). Compare with unseen images.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthtrust.metrics.functional.nearest_distance import features
from synthtrust.refusals import Refusal

FEWEST = 10
"""Patients (or synthetic images) on a side below which the interval and the test are not computed."""


@dataclass(frozen=True)
class KernelDistance:
    """A squared maximum mean discrepancy with its doubt."""

    value: float
    low: float
    """Limits by bootstrap of patients. Near 0 they are too wide, since the variance vanishes there: read the p."""
    high: float
    p: float
    """That both sets are of one distribution, by permutation of patients."""
    n_real: int
    """Number of real rows."""
    n_synthetic: int
    level: float = 0.95


def kid(real: Tensor, synthetic: Tensor) -> float:
    r"""Return the kernel inception distance of two sets of features, on all of them.

    The unbiased estimate of the squared maximum mean discrepancy under :math:`k(x, y) = (x \cdot y / d + 1)^3`:

    .. math:: \frac{\sum_{i \ne j} k(x_i, x_j)}{m(m-1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{n(n-1)}
              - \frac{2 \sum_{ij} k(x_i, y_j)}{mn}

    Source: Binkowski et al., "Demystifying MMD GANs" (2018).

    Raises:
        Refusal: If the features differ in number, a side has fewer than two rows, or one holds NaN or infinity.

    >>> kid(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.0]]))  # 1 + 1 - 2 * (1 + 1 + 1 + 1) / 4
    0.0
    """
    x, y = _sets(real, synthetic, fewest=2)
    return _unbiased(_matrix(torch.cat([x, y])), len(x))


def median_bandwidth(rows: Tensor) -> float:
    """Return the median distance between two rows, the usual width of a Gaussian kernel.

    Raises:
        Refusal: If there are fewer than two rows or more than half of the pairs are equal.

    >>> median_bandwidth(torch.tensor([[0.0], [1.0], [3.0]]))
    2.0
    """
    distance = torch.pdist(features(rows))
    median = float(distance.median()) if len(distance) else 0.0
    if median == 0:
        raise Refusal(f"Expected rows that differ, but got {len(rows)} of which most are equal.")
    return median


def kernel_test(
    real: Tensor,
    synthetic: Tensor,
    *,
    n_boot: int = 1000,
    n_permutations: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> KernelDistance:
    """Return KID with an interval over patients and a permutation p; each row stands for a patient.

    A resampled row that was drawn twice is not compared with itself, which would bias every resample upwards. The
    kernel matrix takes ``8 * (m + n)**2`` bytes: 32 MB for 2,000 rows.

    Args:
        real: Features ``(m, d)``.
        synthetic: Features ``(n, d)``.
        n_boot: Resamples for the interval.
        n_permutations: Permutations for the p; it is never below ``1 / (n_permutations + 1)``.
        seed: Seed of both.
        level: Coverage.

    Raises:
        Refusal: As `kid`, or if a side has fewer than 10 patients.

    >>> rng = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(40, 3, generator=rng), torch.randn(40, 3, generator=rng)
    >>> kernel_test(x, y).p > 0.05, kernel_test(x, y + 1).p
    (True, 0.001)
    """
    x, y = _sets(real, synthetic, fewest=2)
    n_x, n_y = len(x), len(y)
    if min(n_x, n_y) < FEWEST:
        raise Refusal(f"Expected at least {FEWEST} patients on each side for the kernel test, got {n_x} and {n_y}.")
    k = _matrix(torch.cat([x, y]))
    rng = np.random.default_rng(seed)
    weights = (rng.multinomial(n, np.full(n, 1 / n), n_boot) for n in (n_x, n_y))
    draws = _weighted(k, *(torch.from_numpy(w).double() for w in weights))
    side = rng.permuted(np.broadcast_to(np.arange(n_x + n_y) < n_x, (n_permutations, n_x + n_y)), axis=1)
    inside = torch.from_numpy(side).double()  # (B, m + n)
    null = _weighted_pooled(k, inside, 1 - inside)
    value = _unbiased(k, len(x))
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.quantile(draws[draws.isfinite()], tails).tolist()
    p = (1 + int((null >= value - 1e-12).sum())) / (n_permutations + 1)
    return KernelDistance(value, low, high, p, n_x, n_y, level)


def _sets(real: Tensor, synthetic: Tensor, fewest: int) -> tuple[Tensor, Tensor]:
    x, y = features(real), features(synthetic)
    if x.shape[1] != y.shape[1] or min(len(x), len(y)) < fewest:
        raise Refusal(
            f"Expected at least {fewest} rows on each side with the same features, but got {tuple(x.shape)} and "
            f"{tuple(y.shape)}."
        )
    return x, y


def _matrix(rows: Tensor) -> Tensor:
    """Return the kernel of every two rows."""
    return (rows @ rows.T / rows.shape[1] + 1) ** 3


def _unbiased(k: Tensor, m: int) -> float:
    ones = torch.ones(1, len(k), dtype=k.dtype)
    return float(_weighted(k, ones[:, :m], ones[:, m:])[0])


def _weighted(k: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the distance with rows of the first set counted a times ``(B, m)``, of the second b times ``(B, n)``."""
    return _weighted_pooled(k, torch.cat([a, torch.zeros_like(b)], dim=1), torch.cat([torch.zeros_like(a), b], dim=1))


def _weighted_pooled(k: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the distance between two weightings ``(B, m + n)`` of all rows; no row is paired with itself."""
    diagonal = k.diagonal()
    a_k = a @ k
    within = (_mean_pair((a_k * a).sum(dim=1), a, diagonal), _mean_pair(((b @ k) * b).sum(dim=1), b, diagonal))
    between = (a_k * b).sum(dim=1) / (a.sum(dim=1) * b.sum(dim=1))
    return within[0] + within[1] - 2 * between


def _mean_pair(total: Tensor, weight: Tensor, diagonal: Tensor) -> Tensor:
    squares = weight**2
    return (total - squares @ diagonal) / (weight.sum(dim=1) ** 2 - squares.sum(dim=1))
