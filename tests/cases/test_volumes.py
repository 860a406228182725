"""Every room brings arrays to its units and its grid by the same functions."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch.nn.functional import interpolate

from synthtrust.audits.spaces import standardised
from synthtrust.cases import CaseError
from synthtrust.cases.volumes import (
    centre_crop_or_pad,
    check_contrast,
    foreground_box,
    mean_and_sd,
    stretch,
    z_score,
)
from synthtrust.data import cache


def test_units_of_bright_images_keep_their_digits():
    values = np.float32(1e6) + np.arange(4, dtype=np.float32).repeat(10000)
    assert mean_and_sd(values) == pytest.approx((1e6 + 1.5, np.sqrt(1.25)))
    assert mean_and_sd(np.full(5, 7, np.float32)) == (7, 1)


def test_only_what_is_inside_is_scaled():
    image = np.float32([[0, 1, 3], [5, 0, 9]])
    z_score(image, image != 0)
    assert (image[0, 0], image[1, 1]) == (0, 0)
    inside = image[image != 0]
    np.testing.assert_allclose((inside.mean(), inside.std()), (0, 1), atol=1e-6)
    empty = np.zeros((2, 2), np.float32)
    z_score(empty, empty != 0)
    assert not empty.any()


def test_an_image_without_contrast_is_refused_by_name():
    with pytest.raises(CaseError, match=r"every pixel is 3\.0 in t1 of case a"):
        check_contrast(np.full(4, 3.0), "t1 of case a")


def test_the_box_holds_foreground_and_labels_and_nothing_more():
    image, label = np.zeros((2, 6, 7, 8), np.float32), np.zeros((6, 7, 8), np.uint8)
    image[1, 2, 3, 4], label[4, 3, 4] = -1, 1
    assert foreground_box(image) == (slice(2, 3), slice(3, 4), slice(4, 5))
    assert foreground_box(image, label) == (slice(2, 5), slice(3, 4), slice(4, 5))


@pytest.mark.parametrize("larger_half_first", [False, True])
@pytest.mark.parametrize("size", [(3, 8, 5), (4, 5, 6), (7, 7, 7)])
def test_padding_is_the_inverse_of_cropping(size, larger_half_first):
    volume = np.arange(1, 2 * 7 * 7 * 7 + 1).reshape(2, 7, 7, 7)
    there = centre_crop_or_pad(volume, size, larger_half_first=larger_half_first)
    assert there.shape == (2, *size)
    again = centre_crop_or_pad(centre_crop_or_pad(there, (7, 7, 7), larger_half_first=larger_half_first), size,
                               larger_half_first=larger_half_first)  # fmt: skip
    np.testing.assert_array_equal(again, there)
    kept = np.intersect1d(volume, there)
    assert len(kept) == 2 * np.prod(np.minimum(size, 7))


@pytest.mark.parametrize("shape", [(9, 4, 11), (5, 6, 7), (3, 12, 7)])
def test_stretching_is_linear_interpolation_between_centres_of_voxels(shape):
    image = np.random.default_rng(0).normal(size=(5, 6, 7))
    lines = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip(shape, image.shape)]
    expected = map_coordinates(image, np.stack(np.meshgrid(*lines, indexing="ij")), order=1, mode="nearest")
    np.testing.assert_allclose(stretch(image, shape), expected, atol=1e-12)
    by_torch = interpolate(torch.from_numpy(image)[None, None], shape, mode="trilinear", align_corners=False)[0, 0]
    np.testing.assert_allclose(stretch(image, shape), by_torch.numpy(), atol=1e-12)


def test_a_feature_space_sees_a_volume_in_the_units_that_a_network_is_trained_in():
    image = np.random.default_rng(0).normal(300, 50, (2, 6, 7, 8)).astype(np.float32)
    image[:, 0] = 0
    seen = standardised(torch.from_numpy(image)).numpy()
    learned, box = cache.preprocess(image.copy(), None, ["t1", "t2"])
    np.testing.assert_array_equal(seen[:, *box], learned)
