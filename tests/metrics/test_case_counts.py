"""The table of counts is the same for one process and for two, whatever their shares."""

import pickle
from pathlib import Path

import pytest
import torch
from monai.data import MetaTensor
from torch import distributed as dist
from torch.multiprocessing import start_processes

from synthtrust.metrics import Alignment, DiceVectors, Variability
from synthtrust.metrics.functional import case_dice, overlap

M, REGIONS, LABELS = 5, ("ED", "NCR"), (2, 1)

TWINS = [(case, synthetic) for case in range(M) for synthetic in (False, True)]
PREDICTIONS = ((6, 7, 9), (5, 12, 9))
"""What two ranks count of one case: neither has an intersection of 6 with a prediction of 12."""
SHARES = {
    "uneven shares": (TWINS[:7], TWINS[7:]),
    "padded duplicates": (TWINS[::2] + TWINS[:1], TWINS[1::2] + TWINS[:3]),
    "a rank without any case": (TWINS, []),
    "the first rank without any case": ([], TWINS),
}


def maps(case: int, *, synthetic: bool) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2 * case + synthetic)
    pred, target = torch.randint(0, 3, (2, 1, 4, 3, 5), generator=generator)
    return pred, target


def score(metric: DiceVectors, case: int, *, synthetic: bool) -> None:
    counts = torch.stack(overlap(*maps(case, synthetic=synthetic), LABELS), dim=-1)
    metric.update(counts, torch.tensor([case]), torch.tensor([synthetic]))


@pytest.fixture
def scored() -> DiceVectors:
    metric = DiceVectors(M, REGIONS)
    for case, synthetic in TWINS:
        score(metric, case, synthetic=synthetic)
    return metric


def on_a_rank(rank: int, folder: Path, shares: tuple[list[tuple[int, bool]], ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metrics = [DiceVectors(M, REGIONS), Alignment(M, REGIONS), Variability(M, REGIONS)]
    for metric in metrics:
        for case, synthetic in shares[rank]:
            score(metric, case, synthetic=synthetic)
    results = [[metric.compute() for metric in metrics], metrics[0].counts(), metrics[0].one_source(synthetic=False)]
    torch.save(results, folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def refused_on_a_rank(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metric = DiceVectors(M, REGIONS)
    score(metric, rank, synthetic=False)
    with pytest.raises(ValueError, match=r"real cases \[0, 1\] and synthetic cases \[\] alone"):
        metric.compute()
    score(metric, rank, synthetic=True)  # a refusal leaves the metric fit for use
    assert metric.compute()[0].shape == (2, 2)
    dist.barrier()
    dist.destroy_process_group()


def differing_on_a_rank(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    metric = DiceVectors(1, ["WT"])
    metric.update(torch.tensor([[PREDICTIONS[rank]]]), torch.tensor([0]), torch.tensor([False]))
    torch.save(metric.counts(), folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def test_dice_is_that_of_the_label_maps_in_the_order_of_the_cases(scored):
    real, synthetic = scored.compute()
    for result, source in ((real, False), (synthetic, True)):
        expected = torch.cat([case_dice(*maps(case, synthetic=source), LABELS) for case in range(M)])
        torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES.keys())
@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_two_ranks_give_what_one_process_gives(tmp_path, scored, shares):
    start_processes(on_a_rank, args=(tmp_path, shares), nprocs=2, start_method="fork")
    metrics = [scored, Alignment(M, REGIONS), Variability(M, REGIONS)]
    for metric in metrics[1:]:
        for case, synthetic in TWINS:
            score(metric, case, synthetic=synthetic)
    expected = [[metric.compute() for metric in metrics], scored.counts(), scored.one_source(synthetic=False)]
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), expected, rtol=0, atol=0)


def test_a_refusal_on_two_ranks_leaves_the_metric_fit_for_use(tmp_path):
    start_processes(refused_on_a_rank, args=(tmp_path,), nprocs=2, start_method="fork")


def test_counts_are_never_mixed_from_two_ranks_that_predict_differently(tmp_path):
    start_processes(differing_on_a_rank, args=(tmp_path,), nprocs=2, start_method="fork")
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt")[0, 0, 0].tolist() == list(PREDICTIONS[0])


def test_a_case_without_its_twin_is_named(scored):
    scored.reset()
    for case, synthetic in [(0, False), (0, True), (1, False), (3, False), (4, True)]:
        score(scored, case, synthetic=synthetic)
    with pytest.raises(ValueError, match=r"real cases \[1, 3\] and synthetic cases \[4\] alone"):
        scored.compute()


def test_one_source_is_enough_for_validation():
    metric = DiceVectors(M, REGIONS)
    for case in (3, 1):
        score(metric, case, synthetic=False)
    case, dice = metric.one_source(synthetic=False)
    assert case.tolist() == [1, 3]
    torch.testing.assert_close(dice[1:], case_dice(*maps(3, synthetic=False), LABELS))
    assert metric.one_source(synthetic=True)[1].shape == (0, 2)


def test_a_test_cut_short_gives_the_cases_it_has():
    metric = DiceVectors(M, REGIONS)
    for synthetic in (False, True):
        score(metric, 2, synthetic=synthetic)
    assert [scores.shape for scores in metric.compute()] == [(1, 2), (1, 2)]
    assert (metric.counts()[:, 2] >= 0).all()
    assert (metric.counts()[:, [0, 1, 3, 4]] == -1).all()


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_case_at_all_is_refused():
    with pytest.raises(ValueError, match="Expected scores of 5 cases, but got none"):
        DiceVectors(M, REGIONS).compute()


def test_the_counts_tell_an_empty_region_from_a_missing_case():
    metric = DiceVectors(1, ["NCR"], empty="nan")
    metric.update(torch.zeros(2, 1, 3, dtype=torch.int64), torch.tensor([0, 0]), torch.tensor([False, True]))
    assert all(scores.isnan().all() for scores in metric.compute())
    assert metric.counts().tolist() == [[[[0, 0, 0]]], [[[0, 0, 0]]]]


def test_one_case_and_one_region_keep_their_axes():
    metric = DiceVectors(1, {"WT": (1, 2, 3)})
    metric.update(torch.ones(2, 1, 3, dtype=torch.int64), torch.tensor([0, 0]), torch.tensor([False, True]))
    assert [scores.tolist() for scores in metric.compute()] == [[[1.0]], [[1.0]]]
    assert metric.regions == ("WT",)


def test_a_case_scored_twice_alike_counts_once(scored):
    before = scored.counts()
    score(scored, 0, synthetic=True)
    assert (scored.counts() == before).all()


def test_a_case_scored_twice_differently_means_a_forgotten_reset(scored):
    counts = torch.stack(overlap(*maps(3, synthetic=True), LABELS), dim=-1)
    with pytest.raises(ValueError, match=r"other counts for \[0\] than before. Reset"):
        scored.update(counts, torch.tensor([0]), torch.tensor([False]))
    scored.reset()
    scored.update(counts, torch.tensor([0]), torch.tensor([False]))


def test_a_batch_that_contradicts_itself_is_refused():
    counts = torch.tensor([[[1, 2, 2], [1, 2, 2]], [[1, 3, 2], [1, 2, 2]]])
    with pytest.raises(ValueError, match=r"other counts for \[1\]"):
        DiceVectors(M, REGIONS).update(counts, torch.tensor([1, 1]), torch.tensor([True, True]))


def test_counts_with_metadata_leave_a_plain_table():
    metric = DiceVectors(1, ["WT"])
    ones = torch.ones(2, 1, 3, dtype=torch.int64)
    metric.update(MetaTensor(ones), MetaTensor(torch.tensor([0, 0])), MetaTensor(torch.tensor([False, True])))
    assert type(metric.counts()) is torch.Tensor
    assert all(type(scores) is torch.Tensor for scores in metric.compute())


def test_a_metric_survives_a_pickle(scored):
    torch.testing.assert_close(pickle.loads(pickle.dumps(scored)).compute(), scored.compute())


@pytest.mark.parametrize(
    ("counts", "case", "synthetic", "error", "message"),
    [
        (torch.ones(1, 2, 3), torch.tensor([0]), torch.tensor([True]), TypeError, "torch.float32"),
        (torch.ones(1, 2, 3).long(), torch.tensor([0]), torch.tensor([1]), TypeError, "bool"),
        (torch.ones(1, 3, 3).long(), torch.tensor([0]), torch.tensor([True]), ValueError, r"got \[\(1, 3, 3\)"),
        (torch.ones(2, 2, 3).long(), torch.tensor([0]), torch.tensor([True]), ValueError, r"got \[\(2, 2, 3\)"),
        (torch.ones(1, 2, 3).long(), torch.tensor([5]), torch.tensor([True]), ValueError, r"0 to 4 .* places \[5\]"),
        (torch.ones(1, 2, 3).long(), torch.tensor([-1]), torch.tensor([True]), ValueError, r"places \[-1\]"),
        (-torch.ones(1, 2, 3).long(), torch.tensor([0]), torch.tensor([True]), ValueError, r"counts \[-1"),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts, case, synthetic, error, message):
    with pytest.raises(error, match=message):
        DiceVectors(M, REGIONS).update(counts, case, synthetic)


@pytest.mark.parametrize(
    ("n_cases", "regions", "empty"), [(0, ["a"], "nan"), (3, [], "nan"), (3, ["a", "a"], "nan"), (3, ["a"], "zero")]
)
def test_a_table_that_makes_no_sense_is_refused(n_cases, regions, empty):
    with pytest.raises(ValueError, match="Expected"):
        DiceVectors(n_cases, regions, empty=empty)
