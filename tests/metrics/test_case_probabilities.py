"""The table of probabilities is the same for one process and for two, whatever their shares."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import distributed as dist
from torch.multiprocessing import start_processes

from synthtrust.metrics import CaseProbabilities

M, CLASSES = 5, ("normal", "bacterial", "viral")

TWINS = [(case, synthetic) for case in range(M) for synthetic in (False, True)]
SHARES = {
    "uneven shares": (TWINS[:7], TWINS[7:]),
    "padded duplicates": (TWINS[::2] + TWINS[:1], TWINS[1::2] + TWINS[:3]),
    "a rank without any case": (TWINS, []),
    "the first rank without any case": ([], TWINS),
}


def probability(case: int, *, synthetic: bool) -> torch.Tensor:
    logits = torch.randn(1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2 * case + synthetic))
    return logits.softmax(1)


def score(metric: CaseProbabilities, case: int, *, synthetic: bool, error: float = 0.0) -> None:
    row = probability(case, synthetic=synthetic) + error * torch.tensor([[1.0, -1.0, 0.0]])
    metric.update(row, torch.tensor([case]), torch.tensor([synthetic]))


@pytest.fixture
def scored() -> CaseProbabilities:
    metric = CaseProbabilities(M, CLASSES)
    for case, synthetic in TWINS:
        score(metric, case, synthetic=synthetic)
    return metric


def on_a_rank(rank: int, folder: Path, shares: tuple[list[tuple[int, bool]], ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metric = CaseProbabilities(M, CLASSES)
    for case, synthetic in shares[rank]:
        score(metric, case, synthetic=synthetic)
    torch.save([metric.compute(), metric.one_source(synthetic=False)], folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def rounded_on_a_rank(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metric = CaseProbabilities(M, CLASSES)
    for case in range(rank, M):
        score(metric, case, synthetic=False, error=1e-3 * rank)
    torch.save(metric.one_source(synthetic=False)[1], folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_ranks_give_what_one_process_gives(tmp_path, scored, shares):
    start_processes(on_a_rank, args=(tmp_path, shares), nprocs=2, start_method="fork")
    expected = [scored.compute(), scored.one_source(synthetic=False)]
    assert (expected[0] >= 0).all()
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), expected, rtol=0, atol=0)


def test_a_row_is_never_mixed_from_two_ranks_that_round_differently(tmp_path):
    start_processes(rounded_on_a_rank, args=(tmp_path,), nprocs=2, start_method="fork")
    expected = torch.cat([probability(case, synthetic=False) for case in range(M)])
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), expected, rtol=0, atol=0)


def test_each_case_has_its_own_place_and_source(scored):
    table = scored.compute()
    for case, synthetic in TWINS:
        torch.testing.assert_close(table[int(synthetic), case][None], probability(case, synthetic=synthetic))
    torch.testing.assert_close(table.sum(-1), torch.ones(2, M, dtype=torch.float64))


def test_a_case_that_nobody_scored_is_told_from_one_that_was():
    metric = CaseProbabilities(M, CLASSES)
    score(metric, 3, synthetic=False)
    case, rows = metric.one_source(synthetic=False)
    assert (case.tolist(), rows.shape) == ([3], (1, 3))
    assert (metric.compute()[:, [0, 1, 2, 4]] == -1).all()
    assert metric.one_source(synthetic=True)[1].shape == (0, 3)


def test_a_case_scored_twice_differently_means_a_forgotten_reset(scored):
    before = scored.compute()
    score(scored, 2, synthetic=True)
    with pytest.raises(ValueError, match=r"other probabilities for \[2\] than before. Reset"):
        score(scored, 2, synthetic=True, error=0.1)
    torch.testing.assert_close(scored.compute(), before, rtol=0, atol=0)
    scored.reset()
    score(scored, 2, synthetic=True, error=0.1)


def test_a_metric_survives_a_pickle(scored):
    torch.testing.assert_close(pickle.loads(pickle.dumps(scored)).compute(), scored.compute())


@pytest.mark.parametrize(
    ("rows", "case", "synthetic", "message"),
    [
        (torch.full((1, 2), 0.5), torch.tensor([0]), torch.tensor([True]), r"got \[\(1, 2\)"),
        (torch.full((2, 3), 1 / 3), torch.tensor([0]), torch.tensor([True]), r"got \[\(2, 3\)"),
        (torch.full((1, 3), 1 / 3), torch.tensor([0]), torch.tensor([1]), "torch.int64"),
        (torch.full((1, 3), 1 / 3), torch.tensor([5]), torch.tensor([True]), r"places \[5\]"),
        (torch.tensor([[0.9, 0.9, 0.1]]), torch.tensor([0]), torch.tensor([True]), "of sum 1"),
        (torch.tensor([[1.5, -0.5, 0.0]]), torch.tensor([0]), torch.tensor([True]), "of sum 1"),
        (torch.full((1, 3), torch.nan), torch.tensor([0]), torch.tensor([True]), "nan"),
    ],
)
def test_what_is_no_probability_is_refused(rows, case, synthetic, message):
    with pytest.raises(ValueError, match=message):
        CaseProbabilities(M, CLASSES).update(rows, case, synthetic)


@pytest.mark.parametrize(("n_cases", "classes"), [(0, ["a", "b"]), (3, ["a"]), (3, ["a", "a"])])
def test_a_table_that_makes_no_sense_is_refused(n_cases, classes):
    with pytest.raises(ValueError, match="Expected"):
        CaseProbabilities(n_cases, classes)


def test_findings_need_not_sum_to_1_but_lie_in_0_to_1():
    metric = CaseProbabilities(2, ["effusion"], exclusive=False)
    metric.update(torch.tensor([[0.25]]), torch.tensor([1]), torch.tensor([False]))
    assert metric.one_source(synthetic=False)[1].tolist() == [[0.25]]
    several = CaseProbabilities(2, ["effusion", "mass"], exclusive=False)
    several.update(torch.tensor([[0.9, 0.8]]), torch.tensor([0]), torch.tensor([True]))
    assert several.compute()[1, 0].tolist() == pytest.approx([0.9, 0.8])
    for wrong in (1.2, -0.1, float("nan")):
        with pytest.raises(ValueError, match="probabilities from 0 to 1"):
            several.update(torch.tensor([[0.5, wrong]]), torch.tensor([1]), torch.tensor([False]))
    with pytest.raises(ValueError, match="and two classes named once"):
        CaseProbabilities(2, ["effusion"])
