"""The trust factors as torchmetrics, to be configured, collected and logged like any other metric."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor

from synthtrust.metrics import functional as F  # noqa: N812  the name torch gave to such rooms
from synthtrust.metrics.case_counts import CaseCounts
from synthtrust.metrics.functional.dice import EmptyRule


class TrustFactor(CaseCounts):
    """Keeps the voxel counts of paired cases; a factor says what to make of their Dice.

    Args:
        n_cases: M, the number of test cases.
        regions: The K regions by name, in order.
        empty: What a region counts that is empty in prediction and reference, see `dice_from_counts`.
        ddof: What is subtracted from the number of cases in a standard deviation (T2, T5).
    """

    def __init__(self, n_cases: int, regions: Iterable[str], empty: EmptyRule = "brats", ddof: int = 0) -> None:
        super().__init__(n_cases, regions, empty)
        self.ddof = ddof

    @abstractmethod
    def compute(self) -> Tensor:
        """Return the factor, one number for each combination of its ``axes``."""


class OverallPerformance(TrustFactor):
    """T1 of the real and of the synthetic cases, shape ``(2,)``."""

    axes: ClassVar[tuple[str, ...]] = ("source",)
    higher_is_better = True

    def compute(self) -> Tensor:
        """Return T1 by source."""
        return torch.stack([F.overall_performance(scores) for scores in self.paired()])


class CaseConsistency(TrustFactor):
    """T2 as the paper writes it, of the real and of the synthetic cases, shape ``(2,)``."""

    axes: ClassVar[tuple[str, ...]] = ("source",)
    higher_is_better = True

    def compute(self) -> Tensor:
        """Return T2 over cases by source."""
        return torch.stack([F.case_consistency(scores, ddof=self.ddof) for scores in self.paired()])


class RegionConsistency(TrustFactor):
    """T2 as the paper's text means it, of the real and of the synthetic cases, shape ``(2,)``."""

    axes: ClassVar[tuple[str, ...]] = ("source",)
    higher_is_better = True

    def compute(self) -> Tensor:
        """Return T2 over regions by source."""
        return torch.stack([F.region_consistency(scores, ddof=self.ddof) for scores in self.paired()])


class Alignment(TrustFactor):
    """T3 of each region, shape ``(K,)``."""

    axes: ClassVar[tuple[str, ...]] = ("region",)
    higher_is_better = True

    def compute(self) -> Tensor:
        """Return T3 by region."""
        return F.alignment(*self.paired())


class PerformanceGap(TrustFactor):
    """T4 of each region, shape ``(K,)``."""

    axes: ClassVar[tuple[str, ...]] = ("region",)
    higher_is_better = False

    def compute(self) -> Tensor:
        """Return T4 by region."""
        return F.performance_gap(*self.paired())


class Variability(TrustFactor):
    """T5 of the real and of the synthetic cases in each region, shape ``(2, K)``."""

    axes: ClassVar[tuple[str, ...]] = ("source", "region")
    higher_is_better = False

    def compute(self) -> Tensor:
        """Return T5 by source and region."""
        return torch.stack([F.variability(scores, ddof=self.ddof) for scores in self.paired()])
