"""Label maps become channels, and the brain comes from images, labels or an atlas."""

import numpy as np
import pytest

from helpers.volumes import ball
from synthtrust.generators.brain.condition import find_brain, likely_brain, mean_mask, numbered, one_hot


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
