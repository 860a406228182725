"""A draw number gives one patch, whoever asks; every case comes once per round."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer
from monai.transforms import RandFlipd, RandShiftIntensityd
from torch.utils.data import DataLoader

from synthtrust.data.cache import prepare
from synthtrust.data.patches import ROOM, MappedCases, Patches
from synthtrust.data.samplers import CaseCycle, EpochSampler, ShardSampler, shards_loaders
from synthtrust.testing import tiny_cases

AUGMENT = [RandFlipd(["image", "label"], prob=0.5, spatial_axis=0), RandShiftIntensityd("image", offsets=0.1, prob=1.0)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patches")
    return prepare(tiny_cases(folder / "real", count=5), ("flair", "t1ce"), folder / "cache")


def test_the_same_draw_is_the_same_patch_in_any_order(prepared):
    first, second = Patches(prepared, (8, 8, 8), augment=AUGMENT), Patches(prepared, (8, 8, 8), augment=AUGMENT)
    forward = [first[draw] for draw in range(12)]
    for draw in reversed(range(12)):
        again = second[draw]
        torch.testing.assert_close(again["image"], forward[draw]["image"], rtol=0, atol=0)
        torch.testing.assert_close(again["label"], forward[draw]["label"], rtol=0, atol=0)


def test_loader_processes_change_nothing(prepared):
    patches = Patches(prepared, (8, 8, 8), augment=AUGMENT)
    alone = [batch["image"] for batch in DataLoader(patches, 2, sampler=EpochSampler(3, 2))]
    helped = [batch["image"] for batch in DataLoader(patches, 2, sampler=EpochSampler(3, 2), num_workers=2)]
    torch.testing.assert_close(alone, helped, rtol=0, atol=0)


def test_patches_can_be_sent_to_loader_processes_that_are_not_forked(prepared):
    patches = Patches(prepared, (8, 8, 8), augment=AUGMENT)
    torch.testing.assert_close(pickle.loads(pickle.dumps(patches))[7], patches[7], rtol=0, atol=0)


def test_another_seed_draws_other_patches(prepared):
    assert not torch.equal(
        Patches(prepared, (8, 8, 8), seed=0)[0]["image"], Patches(prepared, (8, 8, 8), seed=1)[0]["image"]
    )


def test_every_case_comes_once_per_round():
    turns = CaseCycle(5, seed=0)
    rounds = [[turns[draw] for draw in range(5 * number, 5 * number + 5)] for number in range(4)]
    assert all(sorted(cases) == list(range(5)) for cases in rounds)
    assert len({tuple(cases) for cases in rounds}) > 1


def test_image_and_label_are_flipped_together(prepared):
    flip = [RandFlipd(["image", "label"], prob=1.0, spatial_axis=2)]
    plain, flipped = Patches(prepared, (8, 10, 12))[3], Patches(prepared, (8, 10, 12), augment=flip)[3]
    for key in ("image", "label"):
        torch.testing.assert_close(flipped[key], plain[key].flip(3))


def test_patches_see_every_label_when_they_are_asked_to(prepared):
    centred = Patches(prepared, (4, 4, 4), foreground=1.0)
    assert all((centred[draw]["label"] > 0).any() for draw in range(40))
    seen = {int(value) for draw in range(40) for value in centred[draw]["label"].unique()}
    assert {1, 2, 3} <= seen


def test_a_case_smaller_than_the_patch_lies_in_its_middle_between_zeros(prepared):
    shape = prepared[0].label().shape
    size = tuple(side + 6 for side in shape)
    patch = Patches([prepared[0]], size)[0]
    middle = tuple(slice(3, 3 + side) for side in shape)
    np.testing.assert_array_equal(patch["label"][0][middle], prepared[0].label())
    assert patch["image"].shape == (2, *size)
    assert patch["image"].sum() == pytest.approx(float(prepared[0].image().astype(np.float32).sum()), abs=0.1)


def test_items_are_plain_tensors(prepared):
    item = Patches(prepared, (8, 8, 8), augment=AUGMENT)[0]
    assert type(item["image"]) is type(item["label"]) is torch.Tensor
    assert (item["image"].dtype, item["label"].dtype) == (torch.float32, torch.uint8)


def test_transforms_of_another_kind_are_applied_by_monai(prepared):
    """A flip that happens always, and one more transform that is not known: the patch is the plain one, mirrored."""
    flip = [RandFlipd(["image", "label"], prob=1.0, spatial_axis=2), lambda item: item]
    patches = Patches(prepared, (8, 10, 12), augment=flip)
    assert patches.fused is None
    plain, flipped = Patches(prepared, (8, 10, 12))[3], patches[3]
    for key in ("image", "label"):
        assert flipped[key].dtype == plain[key].dtype
        torch.testing.assert_close(flipped[key], plain[key].flip(3))


def test_cases_stay_mapped_while_they_fit_and_patches_are_the_same(prepared):
    sizes = [case.image().nbytes + case.label().nbytes for case in prepared]
    room = max(sizes) + min(sizes)  # of the five cases at least one stays, and not all
    patches, of_all, of_none = (Patches(prepared, (8, 8, 8), augment=AUGMENT) for _ in range(3))
    patches.mapped, of_none.mapped = MappedCases(room), MappedCases(0)
    for draw in range(4 * len(prepared)):
        for other in (of_all, of_none):
            torch.testing.assert_close(patches[draw], other[draw], rtol=0, atol=0)
    kept = sum(array.nbytes for arrays in patches.mapped.kept.values() for array in arrays)
    assert 0 < kept == patches.mapped.taken <= room
    assert len(of_all.mapped.kept) == len(prepared) > len(patches.mapped.kept)
    assert not of_none.mapped.kept


def test_no_voxels_are_sent_to_a_loader_process(prepared):
    patches = Patches(prepared, (8, 8, 8))
    for draw in range(len(prepared)):
        patches[draw]
    assert len(patches.mapped.kept) == len(prepared)
    received = pickle.loads(pickle.dumps(patches))
    assert not received.mapped.kept
    assert received.mapped.room == ROOM
    assert len(pickle.dumps(patches.mapped)) < 200


def test_no_memory_is_kept_for_a_case_that_was_shown(prepared):
    """Besides maps, which are bounded, a case leaves heads of files and sample points, no voxels and no handles."""
    patches = Patches(prepared, (8, 8, 8), augment=AUGMENT)
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir())) if handles.is_dir() else 0
    for draw in range(3 * len(prepared)):
        patches[draw]
    for case in prepared:
        kept = {name: value for name, value in vars(case).items() if name not in ("case", "folder")}
        points = kept.pop("points")
        assert points.nbytes <= 24 * 1000
        assert all(np.shares_memory(view, points) for view in kept.pop("points_by_label"))
        assert set(kept) <= {"facts", "_head_of_image", "_head_of_label"}
    assert not before or len(list(handles.iterdir())) <= before + 1


def test_a_patch_that_is_changed_leaves_the_cache_as_it_is(prepared):
    patches = Patches(prepared, (8, 8, 8))
    before = patches[0]
    for value in patches[0].values():
        value += 1
    prepared[patches.cycle[0]].image()[:] = 0
    torch.testing.assert_close(patches[0], before, rtol=0, atol=0)


def test_two_ranks_draw_together_what_one_draws_with_twice_the_batch():
    alone = list(EpochSampler(3, 4, done=lambda: 15))
    by_rank = [list(EpochSampler(3, 2, rank, 2, done=lambda: 15)) for rank in (0, 1)]
    assert sorted(by_rank[0] + by_rank[1]) == alone == list(range(60, 72))


@pytest.mark.parametrize(("n", "world"), [(11, 2), (6, 3), (2, 5), (1, 2), (7, 1)])
def test_shards_hold_every_case_and_are_equally_long(n, world):
    shards = [list(ShardSampler(n, rank, world)) for rank in range(world)]
    assert {len(shard) for shard in shards} == {-(-n // world)}
    assert {i for shard in shards for i in shard} == set(range(n))
    assert sum(map(len, shards)) - n < world  # no more repeated than is needed


@pytest.mark.parametrize("asked", [True, False])
def test_whether_a_trainer_shards_is_known(asked):
    trainer = Trainer(accelerator="cpu", use_distributed_sampler=asked, logger=False, enable_checkpointing=False)
    assert shards_loaders(trainer) is asked
