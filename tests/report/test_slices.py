"""The grey levels of a picture are those of what it shows, not those of its background."""

import numpy as np
import pytest

from synthtrust.report.slices import _window


@pytest.mark.parametrize("background", [0, -7, 50])
def test_grey_levels_leave_out_the_background_wherever_it_lies(background):
    rng = np.random.default_rng(0)
    brain = np.zeros((30, 20), dtype=bool)
    brain[5:25, 4:16] = True
    image = np.where(brain, rng.integers(40, 60, brain.shape), background)

    outside, low, high = _window(image[None])

    assert np.array_equal(outside[0], ~brain) or background == 50  # brain that looks like background may touch it
    assert not outside[0, 10:20, 8:12].any()
    assert 40 <= low < high < 60


def test_a_full_field_of_view_has_no_background():
    image = np.random.default_rng(0).integers(0, 10, (30, 20))

    assert not _window(image[None])[0].any()
