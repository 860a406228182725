"""Images are resized by one function, whoever asks."""

import numpy as np
import pytest
import torch

from synthtrust.cases.resizing import resize
from synthtrust.data.image_cache import image_table
from synthtrust.generators.class_images import gather
from synthtrust.testing import tiny_classes


def test_shrinking_keeps_the_mean_and_growing_stays_within_the_range():
    image = torch.rand(2, 12, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resize(image, (6, 4)).mean((1, 2)), image.mean((1, 2)))
    larger = resize(image, (24, 10))
    assert larger.shape == (2, 24, 10)
    assert image.min() <= larger.min()
    assert larger.max() <= image.max()


def test_a_volume_is_resized_without_aliases():
    stripes = torch.zeros(1, 8, 8, 16)
    stripes[..., ::2] = 1  # as fine as voxels are: half as many show grey, not all or nothing
    torch.testing.assert_close(resize(stripes, (4, 8, 8)), torch.full((1, 4, 8, 8), 0.5))


@pytest.mark.parametrize("size", [(9, 7), (16, 16), (5, 20)])
def test_a_generator_learns_from_the_images_that_a_classifier_and_the_audits_see(tmp_path, size):
    cases = tiny_classes(tmp_path, count=4, size=(16, 18)).cases
    learned = gather(cases, size).images.astype(np.float64)
    learned -= learned.mean((1, 2, 3), keepdims=True)
    learned /= learned.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(
        image_table(cases, ("grey",), tmp_path / "cache", size).images[:], learned, atol=4e-3, rtol=0
    )
