"""Augmentation: each image by its own randomness, and exactly the geometry that its names promise."""

import numpy as np
import pytest
import torch
from monai.transforms import RandFlip, RandGaussianNoise
from scipy.ndimage import affine_transform

from synthtrust.data import Affine, EachImage

OFF = dict(rotate=0.0, zoom=0.0, shift=0.0, contrast=0.0)


class Fixed:
    """A source of randomness that always says the same."""

    def __init__(self, *values):
        self.values = np.array(values, dtype=float)

    def uniform(self, low, high, n):
        assert n == len(self.values)
        return self.values


def rngs(*numbers):
    return [np.random.default_rng([0, number]) for number in numbers]


@pytest.fixture
def images():
    return torch.rand(6, 2, 9, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("augment", [Affine(flip=[0, 1]), EachImage([RandFlip(0.5), RandGaussianNoise(1.0)])])
def test_an_image_depends_on_its_own_draw_alone(images, augment):
    batch = augment(images, rngs(*range(6)))
    alone = torch.cat([augment(image[None], rngs(n)) for n, image in enumerate(images)])
    torch.testing.assert_close(batch, alone)
    assert not torch.allclose(batch, augment(images, rngs(*range(1, 7))))


@pytest.mark.parametrize("shape", [(3, 1, 9, 12), (2, 2, 6, 7, 5)], ids=["plane", "volume"])
def test_nothing_to_do_changes_nothing(shape):
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(Affine(**OFF)(images, rngs(*range(shape[0]))), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_of_the_images_are_mirrored_along_the_axis_that_is_named(axis):
    images = torch.rand(64, 1, 5, 6, 7, generator=torch.Generator().manual_seed(2))
    mirrored = Affine(flip=[axis], **OFF)(images, rngs(*range(64)))
    same = torch.isclose(mirrored, images, atol=1e-4).flatten(1).all(1)
    other = torch.isclose(mirrored, images.flip(axis + 2), atol=1e-4).flatten(1).all(1)
    assert (same ^ other).all()
    assert 16 < int(same.sum()) < 48


def test_a_turn_is_by_pixels_also_where_sides_differ():
    image = np.zeros((21, 33))
    image[8:13, 10:26] = np.random.default_rng(0).random((5, 16))
    turned = Affine(**OFF | {"rotate": 30.0})(
        torch.from_numpy(image[None, None]).float(), [Fixed(1, 0, 0, 0, 0, 0, 0, 0)]
    )
    angle, centre = np.deg2rad(30), np.array([10, 16])
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = affine_transform(image, matrix, centre - matrix @ centre, order=1, mode="nearest")
    np.testing.assert_allclose(turned[0, 0], expected, atol=1e-4)


def test_shifts_zooms_and_contrast_are_shares():
    image = torch.rand(1, 1, 10, 20, generator=torch.Generator().manual_seed(3))
    moved = Affine(**OFF | {"shift": 0.2})(image, [Fixed(0, 0, 0, 1, -1, 0, 0, 0)])  # 2 rows and 4 columns
    torch.testing.assert_close(moved[..., :8, 4:], image[..., 2:, :16], atol=1e-5, rtol=0)
    larger = Affine(**OFF | {"zoom": 1.0})(image, [Fixed(0, 0, 0, 0, 0, 1, 0, 0)])  # twice as large: the middle half
    torch.testing.assert_close(larger[..., 1:9, 1:19].mean(), image[..., 2:8, 5:15].mean(), atol=0.05, rtol=0)
    brighter = Affine(**OFF | {"contrast": 0.5})(image, [Fixed(0, 0, 0, 0, 0, 0, 1, -1)])
    torch.testing.assert_close(brighter, 1.5 * image - 0.5, atol=1e-5, rtol=0)


def test_augmented_images_are_plain_tensors(images):
    for augment in (Affine(), EachImage([RandFlip(0.5)])):
        made = augment(images, rngs(*range(6)))
        assert (type(made), made.dtype, made.shape) == (torch.Tensor, torch.float32, images.shape)
