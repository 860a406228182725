"""The condition: one channel for each label and one for the brain around them, from a label map and a brain mask."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from synthtrust.cases.volumes import stretch
from synthtrust.refusals import Refusal


def find_brain(images: NDArray[np.float32], label: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the brain of a real case: where any image ``(M, H, W, D)`` or the label is not 0, with holes filled."""
    inside: NDArray[np.bool_] = binary_fill_holes((images != 0).any(0) | (label > 0))
    return inside


def mean_mask(masks: Iterable[NDArray[np.bool_]]) -> NDArray[np.float32]:
    """Return the share of masks that hold each voxel, on the grid of the first one; the others are stretched to it."""
    iterator = iter(masks)
    total, n = next(iterator).astype(np.float32), 1
    for mask in iterator:
        total += stretch(mask.astype(np.float32), total.shape)
        n += 1
    return total / np.float32(n)


def likely_brain(atlas: NDArray[np.float32], label: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the brain around a label map, where most cases of an atlas have brain or the map has a label."""
    inside: NDArray[np.bool_] = binary_fill_holes((stretch(atlas, label.shape) >= 0.5) | (label > 0))
    return inside


def numbered(label: NDArray[np.uint8], brain: NDArray[np.bool_], labels: Sequence[int]) -> NDArray[np.uint8]:
    """Return the number of each voxel's channel, from 1, with the brain last; 0 for no channel.

    >>> numbered(np.array([0, 0, 3, 1], np.uint8), np.array([False, True, True, True]), (1, 3)).tolist()
    [0, 3, 2, 1]

    Raises:
        Refusal: If the label map holds a value that is not among ``labels``.
    """
    if unknown := sorted(set(np.unique(label).tolist()) - {0, *labels}):
        raise Refusal(
            f"Expected labels among {list(labels)}, which the generator knows, but got {unknown}. Paint on labels of "
            "the training cohort; name the brain's own class, if there is one, with brain_label."
        )
    channel = np.where(brain, np.uint8(len(labels) + 1), np.uint8(0))
    for number, value in enumerate(labels, start=1):
        channel[label == value] = number
    return channel


def one_hot(channel: NDArray[np.uint8], n_channels: int) -> NDArray[np.float32]:
    """Return the channels ``(n_channels, ...)``: 1 in the channel of a voxel, 0 elsewhere, as published."""
    return np.stack([channel == number for number in range(1, n_channels + 1)]).astype(np.float32)
