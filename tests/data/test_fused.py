"""The fused pass does to a patch what MONAI's transforms do, drawn from the same distributions."""

import numpy as np
import pytest
import torch
from monai.transforms import (
    Compose,
    Flip,
    RandFlipd,
    RandGaussianNoised,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from scipy.stats import ks_2samp

from synthtrust.data.fused import Drawn, Fused, Shift, fused
from synthtrust.data.patches import plain

BOTH = ["image", "label"]


def transforms(probability=0.5):
    """Return the augmentation of the configs, each step with this probability."""
    flips = [RandFlipd(BOTH, prob=probability, spatial_axis=axis) for axis in range(3)]
    scale = RandScaleIntensityd("image", factors=0.1, prob=probability)
    return [*flips, scale, RandShiftIntensityd("image", offsets=0.1, prob=probability)]


def patch(seed=0, shape=(2, 4, 5, 6)):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape).astype(np.float16), rng.integers(0, 4, shape[1:]).astype(np.uint8)


def test_what_was_drawn_is_applied_as_monai_applies_it():
    """Every combination of flips: labels equal, intensities to the last digits of float32."""
    rng = np.random.default_rng(0)
    image, label = patch()
    seen = set()
    for _ in range(60):
        drawn = fused(transforms()).draw(rng)
        seen.add(drawn.mirrored)
        flip = Flip(drawn.mirrored) if drawn.mirrored else lambda volume: volume
        expected = flip(torch.from_numpy(image.astype(np.float32))) * drawn.factor + drawn.offset
        torch.testing.assert_close(drawn.image(image), torch.as_tensor(expected), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(drawn.label(label), np.asarray(flip(torch.from_numpy(label)[None]))[0])
    assert len(seen) == 8


@pytest.mark.parametrize("one", range(5))
def test_a_step_that_is_certain_is_the_step_of_monai(one):
    """With ranges of one value nothing is left to chance, so that both ways give the same patch."""
    certain = [
        *(RandFlipd(BOTH, prob=1.0, spatial_axis=axis) for axis in (0, (1, 2), None)),
        RandScaleIntensityd("image", factors=(0.25, 0.25), prob=1.0),
        RandShiftIntensityd("image", offsets=(0.5, 0.5), prob=1.0),
    ]
    image, label = patch()
    for chosen in ([certain[one]], [certain[4], certain[one], certain[3]]):  # a shift before a scaling is scaled
        drawn = fused(chosen).draw(np.random.default_rng(0))
        item = Compose(chosen)({"image": torch.from_numpy(image).float(), "label": torch.from_numpy(label)[None]})
        torch.testing.assert_close(drawn.image(image), plain(item["image"]), rtol=1e-6, atol=1e-6)
        assert torch.equal(drawn.label(label)[None], plain(item["label"]))


@pytest.mark.parametrize("seed", range(2))
def test_draws_have_the_distribution_of_monai(seed):
    """Value and number of flips of one marked voxel over many draws; a wrong range or probability shows at once."""
    n = 250
    image = np.float16([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])
    steps, rng = transforms(), np.random.default_rng(seed)
    compose, ours = Compose(steps), fused(steps)
    compose.set_random_state(seed=seed)
    label = torch.zeros(1, 2, 2, 2, dtype=torch.uint8)
    of_monai = [compose({"image": torch.from_numpy(image).float(), "label": label})["image"] for _ in range(n)]
    mine = [ours.draw(rng).image(image) for _ in range(n)]
    for voxels in (
        [[float(x.flatten()[0]) for x in images] for images in (of_monai, mine)],  # which corner lies there, and so on
        [[float(x.max() - x.min()) for x in images] for images in (of_monai, mine)],  # 7 times the factor
        [[float(x.mean()) for x in images] for images in (of_monai, mine)],
    ):
        assert ks_2samp(*voxels).pvalue > 1e-4


def test_the_same_generator_draws_the_same():
    steps = fused(transforms())
    assert steps.draw(np.random.default_rng(5)) == steps.draw(np.random.default_rng(5))


class Own(RandFlipd):
    """A subclass may do anything."""


@pytest.mark.parametrize(
    "other",
    [
        RandGaussianNoised("image"),
        RandFlipd(["image"], prob=1.0),
        RandFlipd(BOTH, prob=1.0, lazy=True),
        RandFlipd(BOTH, prob=1.0, spatial_axis=-1),
        RandScaleIntensityd("image", factors=0.1, channel_wise=True),
        RandScaleIntensityd("image", factors=0.1, dtype=np.float64),
        RandShiftIntensityd("image", offsets=0.1, factor_key="mean"),
        RandShiftIntensityd(BOTH, offsets=0.1),
        Own(BOTH),
        lambda item: item,
    ],
)
def test_another_transform_is_left_to_monai(other):
    assert fused([*transforms(), other]) is None


def test_nothing_drawn_copies_and_changes_nothing():
    image, label = patch()
    assert fused([]).draw(np.random.default_rng(0)) == Drawn()
    np.testing.assert_array_equal(Drawn().image(image), image.astype(np.float32))
    copied = Drawn().label(label)
    np.testing.assert_array_equal(copied, label)
    assert not np.shares_memory(copied.numpy(), label)


def test_a_padded_border_is_shifted_too():
    """As MONAI does: what is added to every voxel is added to the zeros around a small case."""
    drawn = Fused((Shift(1.0, 0.5, 0.5),)).draw(np.random.default_rng(0))
    assert drawn.image(np.zeros((1, 2, 2, 2), np.float16)).unique().tolist() == [0.5]
