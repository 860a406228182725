"""The trust factors as torchmetrics: a training logs them on validation cases beside their twins."""

from abc import abstractmethod
from collections.abc import Iterable
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import MetricCollection

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

    def named(self, factor: str, values: Tensor) -> dict[str, Tensor]:
        """Return each number of a result by a name of its own, such as ``T5_real_core``.

        >>> gap = PerformanceGap(n_cases=9, regions=["core", "whole"])
        >>> gap.named("T4", torch.tensor([0.1, 0.2]))
        {'T4_core': tensor(0.1000), 'T4_whole': tensor(0.2000)}
        """
        axes = {"source": ("real", "synthetic"), "region": self.regions}
        names = product(*(axes[axis] for axis in self.axes))
        return {"_".join((factor, *name)): value for name, value in zip(names, values.flatten(), strict=True)}


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


def trust_factors(n_cases: int, regions: Iterable[str], empty: EmptyRule = "brats") -> MetricCollection:
    """Return T1 to T5 by the names that the audit has for them; they share one table of counts.

    Args:
        n_cases: M, the number of pairs.
        regions: The K regions by name, in order.
        empty: What a region counts that is empty in prediction and reference, see `dice_from_counts`.
    """
    regions = tuple(regions)
    factors: dict[str, type[TrustFactor]] = {
        "T1": OverallPerformance,
        "T2": CaseConsistency,
        "T2_regions": RegionConsistency,
        "T3": Alignment,
        "T4": PerformanceGap,
        "T5": Variability,
    }
    return MetricCollection({name: factor(n_cases, regions, empty) for name, factor in factors.items()})


def named_values(factors: MetricCollection) -> dict[str, Tensor]:
    """Compute the `trust_factors`, and return each of their numbers by name; all ranks must call it."""
    values = factors.compute()
    return {
        key: value
        for name, factor in factors.items()
        if isinstance(factor, TrustFactor)
        for key, value in factor.named(name, values[name]).items()
    }
