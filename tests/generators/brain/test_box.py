"""Volumes are cropped or padded to a box and back, and packed into channels and back."""

import numpy as np
import pytest
import torch

from synthtrust.generators.brain.box import crop_or_pad, depth_to_space, smallest_size, space_to_depth


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
