"""Distances of synthetic features from real ones as torchmetrics, to watch a generator while it learns.

The audit gives each of them an interval and the floor of two real halves; these give the bare number.
"""

from typing import ClassVar

import torch
from torch import Tensor

from synthtrust.metrics import functional as F  # noqa: N812  the name torch gave to such rooms
from synthtrust.metrics.feature_rows import FeatureRows


class _OfTwoSets(FeatureRows):
    sets = ("holdout", "synthetic")


class KernelInceptionDistance(_OfTwoSets):
    """KID of all rows at once, unbiased, see `kid`; with features of any network, none is downloaded.

    >>> metric = KernelInceptionDistance({"holdout": 2, "synthetic": 2}, n_features=1)
    >>> metric.update(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]), "holdout")
    >>> metric.update(torch.tensor([[0.0], [0.0]]), torch.tensor([0, 1]), "synthetic")
    >>> metric.compute()
    tensor(0., dtype=torch.float64)
    """

    higher_is_better = False

    def compute(self) -> Tensor:
        """Return KID, a scalar."""
        return torch.tensor(F.kid(self.rows("holdout"), self.rows("synthetic")), dtype=torch.float64)


class FrechetDistance(_OfTwoSets):
    """Frechet distance of two Gaussians, see `frechet_distance`; biased upwards for few cases."""

    higher_is_better = False

    def compute(self) -> Tensor:
        """Return the distance, a scalar."""
        return torch.tensor(F.frechet_distance(self.rows("holdout"), self.rows("synthetic")), dtype=torch.float64)


class ManifoldOverlap(_OfTwoSets):
    """Precision, recall, density and coverage, see `manifold`.

    Args:
        n_cases: Set -> its number of cases; the two should be equal.
        n_features: D.
        coordinates: See `FeatureRows`.
        k: The neighbour that a row's ball reaches to.
    """

    axes: ClassVar[tuple[str, ...]] = ("precision", "recall", "density", "coverage")
    higher_is_better = True

    def __init__(self, *args: object, k: int = 5, **keywords: object) -> None:
        super().__init__(*args, **keywords)  # type: ignore[arg-type]
        self.k = k

    def compute(self) -> Tensor:
        """Return the four, shape ``(4,)``."""
        found = F.manifold(self.rows("holdout"), self.rows("synthetic"), self.k)
        return torch.tensor([getattr(found, name) for name in self.axes], dtype=torch.float64)
