"""Every kind of copy keeps what it promises to keep, and makes up the rest of the image from an honest one."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from synthtrust.audits.privacy.transforms import kinds, transform_copy


def images(shape, seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(100 + 10 * gaussian_filter(rng.normal(size=shape), (0, *[2] * (len(shape) - 1))) * 5).float()


SHAPES = [(1, 28, 36), (2, 16, 20, 18)]


@pytest.mark.parametrize(("shape", "kind"), [(shape, kind) for shape in SHAPES for kind in kinds(shape[0])])
def test_a_copy_has_the_shape_of_its_image_and_hangs_on_the_seed_alone(shape, kind):
    image, other = images(shape), images((shape[0], *(side + 3 for side in shape[1:])), seed=1)
    first, again = (transform_copy(image, kind, np.random.default_rng(7), other) for _ in range(2))
    assert first.shape == image.shape
    assert first.dtype == torch.float32
    assert first.isfinite().all()
    assert torch.equal(first, again)
    assert torch.equal(first, image) == (kind == "exact")


def test_single_modalities_are_planted_where_there_are_several():
    assert set(kinds(2)) - set(kinds(1)) == {"one modality"}
    image, other = images((3, 20, 20)), images((3, 20, 20), seed=1)
    copy = transform_copy(image, "one modality", np.random.default_rng(0), other)
    assert sum(torch.equal(a, b) for a, b in zip(copy, image)) == 1


def test_a_half_is_copied_and_the_other_half_is_not():
    image, other = images((1, 20, 20)), images((1, 20, 20), seed=1)
    for seed in range(8):
        same = transform_copy(image, "half of the image", np.random.default_rng(seed), other)[0] == image[0]
        assert same.float().mean() == pytest.approx(0.5, abs=0.02)
        assert same.float().mean(dim=0).eq(1).sum() == 10 or same.float().mean(dim=1).eq(1).sum() == 10


def test_what_is_not_copied_has_the_brightness_of_what_is():
    image, other = images((1, 20, 20)), 1000 * images((1, 20, 20), seed=1) + 5
    blend = transform_copy(image, "blend of 60 %", np.random.default_rng(0), other)
    assert blend.mean().item() == pytest.approx(image.mean().item(), rel=1e-4)
    left = blend - 0.6 * image
    assert np.corrcoef(left.flatten(), other.flatten())[0, 1] == pytest.approx(1, abs=1e-4)
    assert left.std().item() == pytest.approx(0.4 * image.std().item(), rel=1e-2)


def test_inverting_twice_gives_the_image_and_leaves_air_as_it_is():
    image = images((1, 20, 20))
    image[0, :4] = 0
    once = transform_copy(image, "inverted", np.random.default_rng(0), image)
    assert (once[0, :4] == 0).all()
    assert np.corrcoef(once[0, 4:].flatten(), image[0, 4:].flatten())[0, 1] == pytest.approx(-1, abs=1e-5)
