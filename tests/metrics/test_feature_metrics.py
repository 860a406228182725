"""Measures of features as torchmetrics: what the formulas give, on one process and on two, whatever their shares."""

from pathlib import Path

import pytest
import torch
from torch import distributed as dist
from torch.multiprocessing import start_processes
from torchmetrics import MetricCollection

from synthtrust.metrics import (
    Authenticity,
    CopyingStatistic,
    FeatureRows,
    FrechetDistance,
    KernelInceptionDistance,
    ManifoldOverlap,
    MembershipArea,
    NearestTrainingShare,
    NeighbourRatio,
)
from synthtrust.metrics import functional as F  # noqa: N812
from synthtrust.metrics.embeddings import ReferencePca

D = 4
N = {"train": 30, "holdout": 24, "synthetic": 27}
FIDELITY = [KernelInceptionDistance, FrechetDistance, ManifoldOverlap]
PRIVACY = [Authenticity, CopyingStatistic, MembershipArea, NearestTrainingShare, NeighbourRatio]
CASES = [(of, case) for of in N for case in range(N[of])]
SHARES = {
    "uneven shares": (CASES[:50], CASES[50:]),
    "padded duplicates": (CASES[::2] + CASES[:1], CASES[1::2] + CASES[:5]),
    "a rank without any case": (CASES, []),
    "the first rank without any case": ([], CASES),
}


def rows(of: str) -> torch.Tensor:
    seed = list(N).index(of)
    drawn = torch.randn(N[of], D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return drawn + 0.4 * (of == "synthetic")


def collection(**keywords) -> MetricCollection:
    made = [kind({of: N[of] for of in kind.sets}, D, **keywords) for kind in (*FIDELITY, *PRIVACY)]
    return MetricCollection(made, compute_groups=False)


def see(metrics: MetricCollection, cases: list[tuple[str, int]]) -> None:
    for of, case in cases:
        for metric in metrics.values():
            if of in metric.sets:
                metric.update(rows(of)[[case]], torch.tensor([case]), of)


EXPECTED = {
    "KernelInceptionDistance": lambda t, h, s: F.kid(h, s),
    "FrechetDistance": lambda t, h, s: F.frechet_distance(h, s),
    "ManifoldOverlap": lambda t, h, s: [
        getattr(F.manifold(h, s), name) for name in ("precision", "recall", "density", "coverage")
    ],
    "Authenticity": lambda t, h, s: F.authenticity(t, s) - F.authenticity(t, h),
    "CopyingStatistic": F.copying_statistic,
    "MembershipArea": lambda t, h, s: F.auc_interval(*(-torch.cdist(x, s).min(dim=1).values for x in (t, h))).value,
    "NearestTrainingShare": lambda t, h, s: (torch.cdist(s, torch.cat([t, h])).argmin(dim=1) < len(t)).double().mean(),
    "NeighbourRatio": F.nndr_ratio,
}


def check(found: dict[str, torch.Tensor], *sets: torch.Tensor) -> None:
    assert set(found) == set(EXPECTED)
    for name, formula in EXPECTED.items():
        expected = torch.as_tensor(formula(*sets), dtype=torch.float64)
        torch.testing.assert_close(found[name], expected, equal_nan=True, msg=name)


def test_every_measure_is_its_formula():
    metrics = collection()
    see(metrics, CASES)
    check(metrics.compute(), *(rows(of) for of in N))


def on_a_rank(rank: int, folder: Path, shares: tuple[list[tuple[str, int]], ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metrics = collection()
    see(metrics, shares[rank])
    torch.save(metrics.compute(), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_ranks_give_what_one_process_gives(tmp_path, shares):
    metrics = collection()
    see(metrics, CASES)
    start_processes(on_a_rank, args=(tmp_path, shares), nprocs=2, start_method="fork")
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(found, metrics.compute(), rtol=0, atol=0, equal_nan=True)


def test_a_replay_is_seen_and_an_honest_generator_is_not():
    def values(synthetic):
        made = [kind({"train": 300, "holdout": 300, "synthetic": 300}, D) for kind in PRIVACY]
        honest = torch.randn(600, D, generator=torch.Generator().manual_seed(1))
        sets = {"train": honest[:300], "holdout": honest[300:], "synthetic": synthetic(honest)}
        for metric in made:
            for of, drawn in sets.items():
                metric.update(drawn, torch.arange(300), of)
        return {type(metric).__name__: float(metric.compute()) for metric in made}

    replay = values(lambda honest: honest[:300])
    honest = values(lambda honest: torch.randn(300, D, generator=torch.Generator().manual_seed(2)))
    assert (replay["MembershipArea"], replay["NearestTrainingShare"], replay["NeighbourRatio"]) == (1, 1, 0)
    assert replay["CopyingStatistic"] < -3 < honest["CopyingStatistic"]
    assert replay["Authenticity"] < -0.3 < -0.1 < honest["Authenticity"]
    assert 0.45 < honest["MembershipArea"] < 0.55
    assert 0.45 < honest["NearestTrainingShare"] < 0.55
    assert 0.9 < honest["NeighbourRatio"] < 1.1


def test_rows_are_brought_to_the_coordinates_of_the_reference_and_gaps_are_filled():
    pca = ReferencePca(most=2).fit(rows("train"))
    metric = KernelInceptionDistance({"holdout": N["holdout"], "synthetic": N["synthetic"]}, D, coordinates=pca)
    gaps = rows("synthetic")
    gaps[3, 1] = torch.nan
    metric.update(rows("holdout"), torch.arange(N["holdout"]), "holdout")
    metric.update(gaps, torch.arange(N["synthetic"]), "synthetic")
    assert metric.rows("synthetic").shape == (N["synthetic"], 2)
    assert float(metric.compute()) == F.kid(pca.transform(rows("holdout")), pca.transform(gaps))


def test_reset_forgets_and_a_set_without_rows_is_refused():
    metric = FrechetDistance({"holdout": 24, "synthetic": 27}, D)
    metric.update(rows("holdout"), torch.arange(24), "holdout")
    with pytest.raises(ValueError, match="Expected features of synthetic cases, but got none"):
        metric.compute()
    metric.update(rows("synthetic"), torch.arange(27), "synthetic")
    metric.compute()
    metric.reset()
    with pytest.raises(ValueError, match="Expected features of holdout cases, but got none"):
        metric.rows("holdout")


def test_a_call_writes_down_and_loses_nothing():
    metric = FrechetDistance({"holdout": 24, "synthetic": 27}, D)
    assert metric(rows("holdout"), torch.arange(24), "holdout") is None
    metric(rows("synthetic"), torch.arange(27), "synthetic")
    assert float(metric.compute()) == F.frechet_distance(rows("holdout"), rows("synthetic"))


def test_a_case_with_other_features_means_a_forgotten_reset():
    metric = FrechetDistance({"holdout": 24, "synthetic": 27}, D)
    metric.update(rows("holdout"), torch.arange(24), "holdout")
    metric.update(rows("holdout")[3:4] * 1.001, torch.tensor([3]), "holdout")  # a padded batch, in half precision
    torch.testing.assert_close(metric.rows("holdout"), rows("holdout"), rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"other features for \[3\] of holdout than before. Reset"):
        metric.update(rows("holdout")[3:4] + 1, torch.tensor([3]), "holdout")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((torch.zeros(2, 3), torch.tensor([0, 1]), "holdout"), r"Expected rows \(B, 4\).*got \(2, 3\)"),
        ((torch.zeros(2, 4), torch.tensor([0.0, 1.0]), "holdout"), "integer places"),
        ((torch.zeros(2, 4), torch.tensor([0, 5]), "holdout"), r"places of holdout from 0 to 4, but got \[5\]"),
        ((torch.zeros(2, 4), torch.tensor([0, -1]), "synthetic"), r"but got \[-1\]"),
        ((torch.zeros(2, 4), torch.tensor([0, 1]), "train"), "cases of holdout, synthetic, but got some of 'train'"),
    ],
    ids=["features", "no place", "beyond", "before", "another set"],
)
def test_rows_that_fit_nowhere_are_refused(arguments, why):
    with pytest.raises(ValueError, match=why):
        KernelInceptionDistance({"holdout": 5, "synthetic": 5}, D).update(*arguments)


@pytest.mark.parametrize("n_cases", [{"holdout": 5}, {"holdout": 5, "synthetic": 0}, {"real": 5, "synthetic": 5}])
def test_the_sets_have_to_be_those_that_are_compared(n_cases):
    with pytest.raises(ValueError, match="Expected cases for each of holdout, synthetic"):
        KernelInceptionDistance(n_cases, D)


def test_the_base_has_no_measure_of_its_own():
    with pytest.raises(TypeError, match="abstract"):
        FeatureRows({}, D)
