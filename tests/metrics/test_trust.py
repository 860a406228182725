"""The factors as torchmetrics give what the formulas give, in the shape their axes promise."""

import numpy as np
import pytest
import torch
from torchmetrics import MetricCollection

from synthtrust.metrics import (
    Alignment,
    CaseConsistency,
    DiceVectors,
    OverallPerformance,
    PerformanceGap,
    RegionConsistency,
    TrustFactor,
    Variability,
)
from synthtrust.metrics import functional as F  # noqa: N812

M = 6
FACTORS = [OverallPerformance, CaseConsistency, RegionConsistency, Alignment, PerformanceGap, Variability]


def score(metric: DiceVectors | TrustFactor | MetricCollection, n_regions: int) -> None:
    rng = np.random.default_rng(0)
    volume = rng.integers(20, 60, (2 * M, n_regions, 2))
    counts = np.concatenate([rng.integers(5, 20, (2 * M, n_regions, 1)), volume], axis=-1)
    metric.update(torch.from_numpy(counts), torch.arange(M).repeat(2), torch.arange(2 * M) >= M)


def dice(n_regions: int) -> tuple[torch.Tensor, torch.Tensor]:
    vectors = DiceVectors(M, map(str, range(n_regions)))
    score(vectors, n_regions)
    return vectors.compute()


EXPECTED = {
    OverallPerformance: lambda r, s: torch.stack([F.overall_performance(r), F.overall_performance(s)]),
    CaseConsistency: lambda r, s: torch.stack([F.case_consistency(r), F.case_consistency(s)]),
    RegionConsistency: lambda r, s: torch.stack([F.region_consistency(r), F.region_consistency(s)]),
    Alignment: F.alignment,
    PerformanceGap: F.performance_gap,
    Variability: lambda r, s: torch.stack([F.variability(r), F.variability(s)]),
}


@pytest.mark.parametrize("n_regions", [1, 3], ids=["one region", "three regions"])
@pytest.mark.parametrize("factor", FACTORS)
def test_a_factor_is_its_formula_in_the_shape_of_its_axes(factor, n_regions):
    metric = factor(M, [f"region {k}" for k in range(n_regions)])
    score(metric, n_regions)
    result = metric.compute()
    torch.testing.assert_close(result, EXPECTED[factor](*dice(n_regions)))
    lengths = {"source": 2, "region": n_regions}
    assert tuple(result.shape) == tuple(lengths[axis] for axis in factor.axes)


def test_the_spread_may_be_that_of_a_sample():
    metric = Variability(M, ["a", "b"], ddof=1)
    score(metric, 2)
    torch.testing.assert_close(metric.compute()[0], F.variability(dice(2)[0], ddof=1))


def test_every_factor_knows_which_way_is_better():
    better = {factor.__name__: factor.higher_is_better for factor in FACTORS}
    assert [name for name, higher in better.items() if not higher] == ["PerformanceGap", "Variability"]


def test_factors_share_one_table_in_a_collection():
    collection = MetricCollection([factor(M, ["a", "b", "c"]) for factor in FACTORS])
    score(collection, 3)
    assert len(collection.compute_groups) == 1
    for factor in FACTORS:
        torch.testing.assert_close(collection.compute()[factor.__name__], EXPECTED[factor](*dice(3)))


def test_a_factor_needs_every_twin():
    metric = Alignment(M, ["a"])
    metric.update(torch.ones(1, 1, 3, dtype=torch.int64), torch.tensor([2]), torch.tensor([False]))
    with pytest.raises(ValueError, match=r"real cases \[2\]"):
        metric.compute()
