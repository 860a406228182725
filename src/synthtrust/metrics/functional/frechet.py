"""The Frechet distance of two sets of features, and the floor that any distance between finite sets stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthtrust.metrics.functional.nearest_distance import features
from synthtrust.refusals import Refusal

ROWS_PER_FEATURE = 5
"""Fewest rows for each feature; with fewer, the bias (about d^2 / (2 n) for large n) hides the differences."""


@dataclass(frozen=True)
class FlooredDistance:
    """A distance between real and synthetic rows, and between two halves of the real rows (the floor)."""

    value: float
    """Mean over draws of the distance of n synthetic rows from half of the real ones."""
    floor: float
    """Mean over draws of the distance between the two halves of the real rows."""
    floor_low: float
    """2.5 % quantile of the floor over draws; these are halves of one set, so it is no interval for new patients."""
    floor_high: float
    """97.5 % quantile of the floor over draws."""
    n: int
    """Number of rows on each side in every draw."""
    n_draws: int

    @property
    def ratio(self) -> float:
        """The value over the floor, about 1 if the sets differ as real ones do; NaN if the floor is not above 0."""
        return self.value / self.floor if self.floor > 0 else float("nan")


def frechet_distance(real: Tensor, synthetic: Tensor, *, allow_few: bool = False) -> float:
    r"""Return :math:`|\mu_1 - \mu_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^{1/2})` of two sets of features.

    The trace of the matrix root is the sum of the roots of the eigenvalues of :math:`C_1^{1/2} C_2 C_1^{1/2}`, which
    is symmetric, so that no imaginary part appears. Covariances have ``ddof=1``. The distance of two finite sets
    from the same distribution is not 0: compare it with `real_floor` at the same n.

    Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017).

    Args:
        real: Features ``(m, d)``.
        synthetic: Features ``(n, d)``.
        allow_few: Allow fewer than 5 rows for each feature.

    Raises:
        Refusal: If the features differ in number, one is NaN or infinite, or there are too few rows.

    >>> x = torch.tensor([[-1.0], [1.0]]).repeat(5, 1)
    >>> round(frechet_distance(x, 3 * x + 2), 4)  # means 2 apart, standard deviations 1.0541 and 3.1623
    8.4444
    """
    x, y = features(real), features(synthetic)
    n, d = min(len(x), len(y)), x.shape[1]
    if y.shape[1] != d:
        raise Refusal(f"Expected the same features on both sides, but got {d} and {y.shape[1]}.")
    if n < 2 or (n < ROWS_PER_FEATURE * d and not allow_few):
        raise Refusal(
            f"Expected at least {max(2, ROWS_PER_FEATURE * d)} rows on each side for the Frechet distance of {d} "
            f"features, but got {len(x)} and {len(y)}. Reduce the features (ReferencePca), or use KID."
        )
    c1, c2 = (torch.atleast_2d(torch.cov(rows.T)) for rows in (x, y))
    values, vectors = torch.linalg.eigh(c1)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    trace = torch.linalg.eigvalsh(root @ c2 @ root).clamp(min=0).sqrt().sum()
    shift = ((x.mean(dim=0) - y.mean(dim=0)) ** 2).sum()
    return max(float(shift + c1.trace() + c2.trace() - 2 * trace), 0.0)  # rounding may leave -1e-15


def real_floor(
    distance: Callable[[Tensor, Tensor], float],
    real: Tensor,
    synthetic: Tensor,
    *,
    n_draws: int = 20,
    seed: int = 0,
) -> FlooredDistance:
    """Return the distance of synthetic from real rows, with that between two random halves of the real rows.

    Both are computed at the same n (half of the real rows, or all synthetic ones if they are fewer), since distances
    shrink with n. Rows should be patients: take one of several images of a patient.

    Args:
        distance: A function of two sets of features, such as `frechet_distance` or `kid`.
        real: Features ``(m, d)`` of real images that the generator never saw.
        synthetic: Features ``(n, d)``.
        n_draws: Number of random halvings.
        seed: Seed of the halvings.

    Raises:
        Refusal: If ``distance`` refuses the halves.

    >>> x = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    >>> distance = real_floor(frechet_distance, x[:200], x[200:] + 1)
    >>> distance.n, distance.value > distance.floor_high
    (100, True)
    """
    return real_floors(lambda a, b: [distance(a, b)], real, synthetic, n_draws=n_draws, seed=seed)[0]


def real_floors(
    distances: Callable[[Tensor, Tensor], Sequence[float]],
    real: Tensor,
    synthetic: Tensor,
    *,
    n_draws: int = 20,
    seed: int = 0,
) -> list[FlooredDistance]:
    """Return the `real_floor` of several distances, computed on the same draws.

    >>> x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    >>> mean, length = real_floors(lambda a, b: [float(b.mean()), float(len(b))], x[:20], x[20:])
    >>> length.value, length.floor_high
    (10.0, 10.0)
    """
    rng = np.random.default_rng(seed)
    n = min(len(real) // 2, len(synthetic))
    values, floors = [], []
    for _ in range(n_draws):
        order, drawn = rng.permutation(len(real)), rng.permutation(len(synthetic))[:n]
        half = real[torch.from_numpy(order[:n])]
        floors.append(distances(half, real[torch.from_numpy(order[n : 2 * n])]))
        values.append(distances(half, synthetic[torch.from_numpy(drawn)]))
    low, high = np.quantile(floors, [0.025, 0.975], axis=0)
    columns = zip(np.mean(values, axis=0), np.mean(floors, axis=0), low, high)
    return [
        FlooredDistance(float(value), float(floor), float(least), float(most), n, n_draws)
        for value, floor, least, most in columns
    ]
