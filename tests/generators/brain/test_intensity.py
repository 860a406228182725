"""Intensities are scaled to [-1, 1] and back, and background is exactly zero."""

import numpy as np
import pytest

from helpers.volumes import ball
from synthtrust.generators.brain.intensity import from_unit, scale_of, to_unit


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
