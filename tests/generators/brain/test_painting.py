"""Label maps become channels, brains come from where they may, and grids and intensities come back."""

import numpy as np
import pytest
import torch

from synthtrust.generators.brain.box import crop_or_pad, depth_to_space, smallest_size, space_to_depth
from synthtrust.generators.brain.condition import find_brain, likely_brain, mean_mask, numbered, one_hot
from synthtrust.generators.brain.intensity import from_unit, scale_of, to_unit
from synthtrust.generators.brain.mean_brain import average_brain


def ball(shape, radius, centre=0.0):
    position = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"), axis=-1)
    return np.linalg.norm(position - centre, axis=-1) < radius


def test_channels_are_the_labels_in_order_and_the_brain_around_them():
    label = np.array([0, 0, 1, 2, 3], np.uint8).reshape(1, 1, 5)
    channels = one_hot(numbered(label, label >= 0, (1, 2, 3)), 4)
    assert channels.reshape(4, 5).tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [1, 1, 0, 0, 0]]


def test_a_label_that_training_never_saw_is_refused_by_its_value():
    with pytest.raises(ValueError, match=r"\[1, 2, 3\].*got \[4\]"):
        numbered(np.array([[[0, 1, 4]]], np.uint8), np.ones((1, 1, 3), bool), (1, 2, 3))


def test_a_brain_is_where_any_image_or_the_label_is_not_zero_without_holes():
    images, label = np.zeros((2, 7, 7, 7), np.float32), np.zeros((7, 7, 7), np.uint8)
    images[1, 1:6, 1:6, 1:6] = 5
    images[1, 3, 3, 3] = 0
    label[0, 0, 0] = 1
    brain = find_brain(images, label)
    assert brain[3, 3, 3]
    assert brain.sum() == 5**3 + 1


def test_the_atlas_gives_the_brain_that_most_cases_have_and_always_holds_the_label():
    masks = [ball((12, 14, 16), radius) for radius in (0.5, 0.7, 0.9)]
    label = np.zeros((12, 14, 16), np.uint8)
    label[0, 0, 0] = 2
    brain = likely_brain(mean_mask(masks), label)
    np.testing.assert_array_equal(brain, masks[1] | (label > 0))


def test_the_atlas_lies_in_relative_coordinates():
    atlas = mean_mask([ball((24, 28, 32), 0.7), ball((12, 14, 16), 0.7)])
    brain = likely_brain(atlas, np.zeros((18, 21, 24), np.uint8))
    assert (brain != ball((18, 21, 24), 0.7)).mean() < 0.03  # half a voxel at the edge


@pytest.mark.parametrize("shape", [(24, 24, 15), (17, 20, 15), (10, 12, 9)])
def test_padding_undoes_cropping(shape):
    volume = np.random.default_rng(0).random((2, *shape))
    size = (19, 19, 14)
    back = crop_or_pad(crop_or_pad(volume, size), shape)
    np.testing.assert_array_equal(back[back != 0], volume[back != 0])
    np.testing.assert_array_equal(crop_or_pad(back, size), crop_or_pad(volume, size))


def test_a_published_volume_is_cropped_as_the_original_program_does():
    # 240 x 240 x 155 to 192 x 192 x 144: 24 voxels at both ends, 6 and 5 along the odd axis
    volume = np.zeros((240, 240, 155), np.uint8)
    volume[24:216, 24:216, 6:150] = 1
    assert crop_or_pad(volume, (192, 192, 144)).all()


def test_the_smallest_box_holds_every_brain():
    masks = [np.zeros((20, 21, 22), bool) for _ in range(2)]
    masks[0][8:11, 9:12, 10:12] = True
    masks[1][3:9, 10, 21] = True
    size = smallest_size(masks, 4)
    assert size == (16, 4, 24)
    assert all(crop_or_pad(mask, size).sum() == mask.sum() for mask in masks)


@pytest.mark.parametrize("factor", [1, 2])
def test_unpacking_undoes_packing_and_the_axes_are_turned_round(factor):
    volume = torch.rand(2, 3, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    packed = space_to_depth(volume, factor)
    assert packed.shape == (2, 3 * factor**3, 8 // factor, 6 // factor, 4 // factor)
    torch.testing.assert_close(depth_to_space(packed, factor), volume)


def test_a_packed_channel_holds_one_corner_of_every_block():
    volume = torch.arange(64.0).reshape(1, 1, 4, 4, 4)
    torch.testing.assert_close(space_to_depth(volume, 2)[0, 1], volume[0, 0, ::2, ::2, 1::2].permute(2, 1, 0))


@pytest.mark.parametrize("intensity_percentile", [None, 99.5])
def test_intensities_come_back_and_background_is_exactly_zero(intensity_percentile):
    rng = np.random.default_rng(0)
    brain = ball((16, 16, 16), 0.8)
    images = np.stack([rng.uniform(50, 500, brain.shape), rng.uniform(1, 9, brain.shape)]).astype(np.float32) * brain
    scale = scale_of(images, brain, intensity_percentile)
    unit = to_unit(images, scale)
    assert (unit.min(), unit.max()) == (-1, 1)
    assert (unit[:, ~brain] == -1).all()
    back = from_unit(unit, scale, brain)
    known = images < scale[1][:, None, None, None]
    np.testing.assert_allclose(back[known], images[known], rtol=1e-4, atol=1e-3)
    assert (back[:, ~brain] == 0).all()


def test_hot_voxels_do_not_darken_the_rest_and_darkness_inside_is_not_background():
    brain = np.ones((16, 16, 16), bool)
    images = np.full((1, 16, 16, 16), 100, np.float32)
    images[0, 0, 0, 0] = 32767
    assert scale_of(images, brain, None)[1, 0] == 32767
    assert scale_of(images, brain, 99.5)[1, 0] == 100
    assert (from_unit(np.full_like(images, -1), np.float32([[0], [100]]), brain) > 0).all()


@pytest.mark.parametrize("flip", [False, True])
def test_the_average_brain_is_of_those_that_have_a_brain_and_no_label_there(tmp_path, flip):
    images = np.full((2, 1, 4, 1, 1), -1, np.float16)
    images[0, 0, :3, 0, 0], images[1, 0, 1, 0, 0] = (0.5, 0.5, 0.9), 0
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "channel.npy", np.uint8([[3, 3, 1, 0], [0, 3, 0, 0]]).reshape(2, 4, 1, 1))
    expected = [0.5, 0.25, 0.25, 0.5] if flip else [0.5, 0.25, -1, -1]
    assert average_brain(tmp_path, 3, flip=flip).flatten().tolist() == expected
