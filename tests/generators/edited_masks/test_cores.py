"""The core of one patient lies in the whole of another."""

import numpy as np

from helpers.volumes import ball
from synthtrust.generators.edited_masks.cores import exchange_core, has_core

SHAPE = (24, 24, 24)


def tumour(radius, core, centre=0.0, off=0.0):
    label = np.where(ball(SHAPE, radius, centre), 2, 0).astype(np.uint8)
    label[ball(SHAPE, core, centre + off)] = 3
    label[ball(SHAPE, core / 2, centre + off)] = 1
    return label


def test_the_whole_stays_and_the_core_is_the_others():
    one, other = tumour(0.6, 0.2), tumour(0.6, 0.4, centre=0.1)
    changed = exchange_core(one, other, (1, 3))
    np.testing.assert_array_equal(changed > 0, one > 0)
    for value in (1, 3):
        assert abs((changed == value).sum() / (other == value).sum() - 1) < 0.1


def test_a_core_is_brought_to_the_size_of_the_whole():
    changed = exchange_core(tumour(0.8, 0.3), tumour(0.4, 0.2), (1, 3))
    assert abs(np.isin(changed, (1, 3)).sum() / np.isin(tumour(0.8, 0.4), (1, 3)).sum() - 1) < 0.1


def test_a_core_that_would_jut_out_does_not_fit():
    near_the_surface = tumour(0.6, 0.15, off=0.4)
    assert exchange_core(near_the_surface, tumour(0.6, 0.5), (1, 3)) is None


def test_a_label_map_without_core_or_without_surroundings_has_none():
    assert has_core(tumour(0.6, 0.2), (1, 3))
    assert not has_core(np.where(ball(SHAPE, 0.5), 2, 0), (1, 3))
    assert not has_core(np.where(ball(SHAPE, 0.5), 3, 0), (1, 3))
