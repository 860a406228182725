"""Precision, recall, density and coverage: whether synthetic features lie where real ones do, and all over it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from synthtrust.metrics.functional.nearest_distance import features, nearest_features
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class Manifold:
    """How two clouds of features overlap; each row has a ball that reaches to its k-th neighbour."""

    precision: float
    """Share of synthetic rows inside the ball of a real one."""
    recall: float
    """Share of real rows inside the ball of a synthetic one."""
    density: float
    """Real balls that a synthetic row lies in, over k; 1 is expected for equal distributions, more is possible."""
    coverage: float
    """Share of real rows whose ball holds a synthetic one; see `expected_coverage`."""
    n_real: int
    n_synthetic: int
    k: int


def manifold(real: Tensor, synthetic: Tensor, k: int = 5) -> Manifold:
    """Return precision, recall, density and coverage of synthetic features.

    Compare sets of one size only: all four move with n. A replay of the real rows has precision and coverage 1.

    Source: Kynkaanniemi et al. (2019) for the first two, Naeem et al. (2020) for the others.

    Args:
        real: Features ``(N, d)``.
        synthetic: Features ``(M, d)``.
        k: The neighbour that a ball reaches to, not counting the row itself.

    Raises:
        Refusal: If the features differ in number, one is NaN or infinite, or a side has no more than k rows.

    >>> real, synthetic = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[0.5], [1.5], [9.0]])
    >>> found = manifold(real, synthetic, k=1)
    >>> [round(x, 4) for x in (found.precision, found.recall, found.density, found.coverage)]
    [0.6667, 1.0, 1.3333, 1.0]
    """
    x, y = features(real), features(synthetic)
    if x.shape[1] != y.shape[1] or min(len(x), len(y)) <= k:
        raise Refusal(
            f"Expected more than k = {k} rows on each side with the same features, but got {tuple(x.shape)} and "
            f"{tuple(y.shape)}."
        )
    radius_x, radius_y = (nearest_features(rows, rows, k, same=True)[0][:, -1] for rows in (x, y))
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")  # (N, M)
    in_real = distance <= radius_x[:, None]
    in_synthetic = distance <= radius_y[None, :]
    precision, recall = in_real.any(dim=0), in_synthetic.any(dim=1)
    means = [float(share.double().mean()) for share in (precision, recall, in_real.sum(dim=0) / k, in_real.any(dim=1))]
    return Manifold(means[0], means[1], means[2], means[3], len(x), len(y), k)


def expected_coverage(n_real: int, n_synthetic: int, k: int = 5) -> float:
    r"""Return the mean coverage of equal distributions, :math:`1 - \prod_{i=1}^k (N-i)/(M+N-i)`.

    Source: Naeem et al., "Reliable fidelity and diversity metrics for generative models" (2020), for any dimension.

    Raises:
        Refusal: If k is not from 1 to N-1.

    >>> round(expected_coverage(200, 200), 4), round(expected_coverage(100, 300, k=3), 4)
    (0.9699, 0.9851)
    """
    if not 1 <= k < n_real:
        raise Refusal(f"Expected k from 1 to {n_real - 1}, but got {k}.")
    missed = 1.0
    for i in range(1, k + 1):
        missed *= (n_real - i) / (n_synthetic + n_real - i)
    return 1 - missed
