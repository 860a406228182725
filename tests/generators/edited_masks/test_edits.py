"""Edits of label maps keep regions and the grid, and change what they say that they change."""

import numpy as np
import pytest

from helpers.volumes import blob
from synthtrust.generators.edited_masks.edits import EditSizes, draw_edit

NOTHING = {"max_scale": 0.0, "warp": 0.0, "max_shift": 0.0, "max_growth": 0.0}


def edits(label, n=8, **sizes):
    return [draw_edit(label, EditSizes(**NOTHING | sizes), np.random.default_rng(seed)) for seed in range(n)]


@pytest.fixture(scope="module")
def label():
    return np.pad(blob(3), 6)


def test_without_a_change_a_label_map_is_what_it_was(label):
    np.testing.assert_array_equal(edits(label, 1)[0], label)


def test_a_shift_moves_all_regions_alike_and_farther_than_nowhere(label):
    centre = np.argwhere(label).mean(axis=0)
    moves = []
    for edited in edits(label, max_shift=0.1):
        moves.append(np.argwhere(edited).mean(axis=0) - centre)
        np.testing.assert_array_equal(edited[edited > 0], label[label > 0])
    assert 0 < np.abs(moves).max() <= 0.1 * label.shape[0]


def test_sizes_along_the_axes_change_by_themselves_and_within_the_largest(label):
    sides = np.ptp(np.argwhere(label), axis=0) + 1
    ratios = np.array([(np.ptp(np.argwhere(edited), axis=0) + 1) / sides for edited in edits(label, 20, max_scale=0.3)])
    assert (np.abs(np.log(ratios)) < 0.3 + 2 / sides.min()).all()
    assert (np.ptp(np.log(ratios), axis=1) > 0.1).mean() > 0.5
    assert (ratios < 0.9).any()
    assert (ratios > 1.1).any()


def test_growth_moves_the_surface_by_no_more_than_a_voxel(label):
    volumes = [(edited > 0).sum() / (label > 0).sum() for edited in edits(label, max_growth=1.0)]
    surface = 4 * np.pi * (3 * (label > 0).sum() / (4 * np.pi)) ** (2 / 3) / (label > 0).sum()
    assert 1 - 1.5 * surface < min(volumes) < 1 < max(volumes) < 1 + 1.6 * surface


def test_a_warp_changes_the_shape_and_little_of_the_volume(label):
    for edited in edits(label, warp=0.2):
        overlap = 2 * ((edited > 0) & (label > 0)).sum() / ((edited > 0).sum() + (label > 0).sum())
        assert 0.6 < overlap < 0.97
        assert set(np.unique(edited)) == {0, 1, 2}


def test_the_grid_is_not_left(label):
    tight = label[tuple(slice(a, b + 1) for a, b in zip(np.argwhere(label).min(0), np.argwhere(label).max(0)))]
    results = edits(tight, 20, max_scale=0.3, max_shift=0.05)
    assert any(edited is None for edited in results)  # larger than the grid along an axis
    inside = [edited for edited in results if edited is not None]
    assert inside
    assert all(edited.shape == tight.shape for edited in inside)


def test_plane_label_maps_are_edited_too():
    plane = blob(1)[10]
    edited = draw_edit(np.pad(plane, 8), EditSizes(), np.random.default_rng(0))
    assert edited is not None
    assert edited.any()
