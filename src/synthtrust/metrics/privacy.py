"""What synthetic features give away of training cases, as torchmetrics, to watch a generator while it learns.

Each needs the three sets: cases the generator learns from, real ones it never sees, and what it paints. The audit asks
more: it searches for copies in the images themselves, plants some to see what it would miss, and tests by patient.
"""

import torch
from torch import Tensor

from synthtrust.metrics import functional as F  # noqa: N812  the name torch gave to such rooms
from synthtrust.metrics.feature_rows import FeatureRows


class _OfThreeSets(FeatureRows):
    sets = ("train", "holdout", "synthetic")
    higher_is_better = False

    def _three(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.rows("train"), self.rows("holdout"), self.rows("synthetic")


class MembershipArea(_OfThreeSets):
    """Area under the ROC curve of an attack that calls those real rows members to which a synthetic one is near (P2).

    0.5 for an honest generator, 1 for a replay of every training case.

    >>> metric = MembershipArea({"train": 2, "holdout": 2, "synthetic": 2}, n_features=1)
    >>> for of, rows in {"train": [0, 10], "holdout": [5, 11], "synthetic": [1, 10]}.items():
    ...     metric.update(torch.tensor(rows)[:, None], torch.tensor([0, 1]), of)
    >>> metric.compute()  # distances 1 and 0 of training rows, 4 and 1 of unseen ones; one of four pairs is a tie
    tensor(0.8750, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Return the area, a scalar."""
        *real, synthetic = self._three()
        members, others = (-F.nearest_features(rows, synthetic)[0][:, 0] for rows in real)
        return torch.tensor(F.delong(members, others)[0].mean(), dtype=torch.float64)


class NearestTrainingShare(_OfThreeSets):
    """Share of synthetic rows whose nearest real row is a training row (P3).

    An honest generator gives the share of training rows among the real ones: half, with sets of one size.
    """

    def compute(self) -> Tensor:
        """Return the share, a scalar."""
        train, holdout, synthetic = self._three()
        nearest = F.nearest_features(synthetic, torch.cat([train, holdout]))[1][:, 0]
        return (nearest < len(train)).double().mean()


class NeighbourRatio(_OfThreeSets):
    """NNDR of synthetic rows over that of unseen ones, see `nndr_ratio`: about 1 is honest, far below is a leak."""

    higher_is_better = True

    def compute(self) -> Tensor:
        """Return the ratio, a scalar."""
        return torch.tensor(F.nndr_ratio(*self._three()), dtype=torch.float64)


class Authenticity(_OfThreeSets):
    """Authenticity of synthetic rows less that of unseen ones, see `authenticity`: about 0 is honest, below a leak."""

    higher_is_better = True

    def compute(self) -> Tensor:
        """Return the difference, a scalar in [-1, 1]."""
        train, holdout, synthetic = self._three()
        return torch.tensor(F.authenticity(train, synthetic) - F.authenticity(train, holdout), dtype=torch.float64)


class CopyingStatistic(_OfThreeSets):
    """C_T, see `copying_statistic`: about 0 is honest, far below is a leak, or low diversity; NaN with few rows."""

    higher_is_better = True

    def compute(self) -> Tensor:
        """Return the statistic, a scalar."""
        return torch.tensor(F.copying_statistic(*self._three()), dtype=torch.float64)
