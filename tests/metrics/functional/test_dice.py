"""Dice is counted from label maps, right for every dtype, label and empty region."""

import tracemalloc

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.metrics import compute_dice

from synthtrust.metrics.functional import case_dice, confusion, dice_from_counts, overlap

REGIONS = [1, 2, (1, 4), (1, 2, 4)]


@pytest.fixture
def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """Label maps with the labels 0, 1, 2, 4; region 2 is missing in the one, in the other, in both."""
    values = torch.tensor([0, 1, 2, 4])
    draw = torch.randint(0, 4, (2, 5, 6, 5, 4), generator=torch.Generator().manual_seed(0))
    pred, target = values[draw]
    pred[1][pred[1] == 2] = 0
    target[2][target[2] == 2] = 0
    pred[3][pred[3] == 2] = 4
    target[3][target[3] == 2] = 1
    return pred, target


def masks(labels: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.isin(labels, torch.tensor(region)) for region in REGIONS], dim=1)  # (B, K, *spatial)


def test_the_confusion_counts_every_pair_of_labels():
    pred, target = torch.randint(0, 4, (2, 3, 5, 4, 3), generator=torch.Generator().manual_seed(1))
    counts = confusion(pred, target, n_labels=4)
    expected = [[[int(((t == i) & (p == j)).sum()) for j in range(4)] for i in range(4)] for p, t in zip(pred, target)]
    assert counts.dtype == torch.int64
    assert counts.tolist() == expected


def test_no_case_gives_no_counts():
    nothing = torch.zeros(0, 4, 3, dtype=torch.int64)
    assert confusion(nothing, nothing, n_labels=3).shape == (0, 3, 3)
    assert case_dice(nothing, nothing, labels=[1, 2]).shape == (0, 2)


def test_regions_are_counted_like_boolean_masks(maps):
    pred, target = maps
    p, t = masks(pred), masks(target)
    expected = [(p & t).flatten(2).sum(2), p.flatten(2).sum(2), t.flatten(2).sum(2)]
    for counts, truth in zip(overlap(pred, target, REGIONS), expected, strict=True):
        assert counts.dtype == torch.int64
        torch.testing.assert_close(counts, truth)


def test_dice_is_that_of_monai_with_the_rule_of_brats(maps):
    expected = compute_dice(masks(maps[0]), masks(maps[1]), include_background=True, ignore_empty=False)
    result = case_dice(*maps, labels=REGIONS)
    assert result.dtype == torch.float64
    torch.testing.assert_close(result.float(), expected)


@pytest.mark.parametrize(("empty", "both"), [("brats", 1.0), ("nan", float("nan"))])
def test_an_empty_region_follows_the_rule(empty, both):
    intersection, prediction, reference = torch.tensor([[0, 0, 0, 2], [0, 5, 0, 4], [0, 0, 5, 4]])
    dice = dice_from_counts(intersection, prediction, reference, empty=empty)
    torch.testing.assert_close(dice, torch.tensor([both, 0, 0, 0.5], dtype=torch.float64), equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16])
def test_the_dtype_of_the_maps_does_not_matter(maps, dtype):
    expected = case_dice(*maps, labels=REGIONS)
    torch.testing.assert_close(case_dice(maps[0].to(dtype), maps[1], labels=REGIONS), expected)


@pytest.mark.parametrize("n_voxels", [1, 7, 8, 64, 65, 200])
@pytest.mark.parametrize("top", [1, 4, 255, 400])
def test_voxels_are_counted_alike_wherever_a_chunk_or_a_word_ends(monkeypatch, n_voxels, top):
    monkeypatch.setattr("synthtrust.metrics.functional.dice.CHUNK", 64)
    values = np.random.default_rng(n_voxels).integers(0, top + 1, (2, 3, n_voxels))
    values[:, :, : n_voxels // 2] = 0
    pred, target = (torch.from_numpy(x if top > 255 else x.astype(np.uint8)) for x in values)
    regions = [*range(1, top + 1), (1, top)]
    for n, of_region in zip(overlap(pred, target, regions)[0].T, regions, strict=True):
        named = np.atleast_1d(of_region)
        assert n.tolist() == (np.isin(values[0], named) & np.isin(values[1], named)).sum(axis=1).tolist()


def test_a_case_of_full_size_is_counted_in_little_memory():
    pred, target = (torch.zeros(1, 240, 240, 155, dtype=torch.uint8) for _ in range(2))
    pred[:, 60:180, 60:180, 40:120], target[:, 65:185, 60:180, 40:120], target[:, 90:120, 90:120, 60:90] = 2, 2, 1
    tracemalloc.start()
    counts = [n.tolist() for n in overlap(pred, target, [1, 2, (1, 2)])]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole, shared, core = 120 * 120 * 80, 115 * 120 * 80, 30 * 30 * 30
    assert counts == [[[0, shared - core, shared]], [[0, whole, whole]], [[core, whole - core, whole]]]
    assert peak < 20 * 2**20


def test_labels_of_uint8_do_not_overflow():
    pred = torch.full((2, 300), 255, dtype=torch.uint8)
    assert overlap(pred, pred, [255, (0, 255)])[0].tolist() == [[300, 300]] * 2


def test_labels_that_no_region_names_are_outside_whatever_they_are():
    pred = torch.tensor([[-1, 1, 1, 14175, 7]])
    target = torch.tensor([[1, 1, 9, 14175, -5]])
    torch.testing.assert_close(case_dice(pred, target, labels=[1, 14175]), torch.tensor([[0.5, 1.0]]).double())


def test_a_label_below_zero_is_not_the_background():
    intersection, prediction, reference = overlap(torch.tensor([[-1, 0, 0]]), torch.tensor([[-1, 0, 1]]), regions=[0])
    assert [intersection.item(), prediction.item(), reference.item()] == [1, 2, 1]


def test_a_map_that_carries_metadata_gives_a_plain_tensor(maps):
    result = case_dice(MetaTensor(maps[0]), MetaTensor(maps[1]), labels=REGIONS)
    assert type(result) is torch.Tensor


def test_the_rule_for_empty_regions_moves_the_spread_by_a_third():
    dice = np.r_[np.random.default_rng(0).beta(8, 2, 241), np.full(10, np.nan)]
    spread = {rule: np.nan_to_num(dice, nan=value).std() for rule, value in (("zero", 0.0), ("brats", 1.0))}
    assert spread["zero"] > 4 / 3 * spread["brats"]


@pytest.mark.parametrize(
    ("pred", "target", "error", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64), TypeError, "pred, but got torch.float32"),
        (torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 3).bool(), TypeError, "target, but got torch.bool"),
        (
            torch.zeros(2, 3, dtype=torch.int64),
            torch.zeros(2, 4, dtype=torch.int64),
            ValueError,
            r"\(2, 3\) and \(2, 4",
        ),
        (torch.tensor([[0, 5, -2]]), torch.tensor([[0, 1, 1]]), ValueError, r"0 to 2 in pred, but got \[-2, 5\]"),
        (torch.tensor([[0, 1, 1]]), torch.tensor([[0, 3, 1]]), ValueError, r"0 to 2 in target, but got \[3\]"),
    ],
    ids=["probabilities", "a mask", "another shape", "unknown labels predicted", "an unknown label in the reference"],
)
def test_what_is_no_label_map_is_refused(pred, target, error, message):
    with pytest.raises(error, match=message):
        confusion(pred, target, n_labels=3)


@pytest.mark.parametrize("regions", [[], [()], [-1], [(1, -1)]])
def test_regions_without_labels_are_refused(regions):
    with pytest.raises(ValueError, match="Expected at least one region"):
        overlap(torch.tensor([[0, 1]]), torch.tensor([[0, 1]]), regions)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="'brats' or 'nan', but got 'zero'"):
        case_dice(torch.tensor([[0, 1]]), torch.tensor([[0, 1]]), labels=[1], empty="zero")
