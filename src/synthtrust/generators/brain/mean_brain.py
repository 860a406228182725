"""The average brain of prepared training volumes."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synthtrust.generators.brain.volumes import load_prepared


def average_brain(folder: Path, n_channels: int, *, flip: bool) -> Tensor:
    """Return the average of prepared volumes over those with unlabelled brain at a voxel, ``(M, *size)``; -1 if none.

    Args:
        folder: The folder of the prepared volumes.
        n_channels: Number of channels of the condition, of which the brain's is the last.
        flip: Average each volume and its mirror image.
    """
    images, channels = load_prepared(folder)
    total, count = np.zeros(images.shape[1:], np.float32), np.zeros(channels.shape[1:], np.float32)
    for image, channel in zip(images, channels):
        healthy = channel == n_channels
        total += np.where(healthy, image, 0)
        count += healthy
    if flip:
        total, count = total + np.flip(total, 1), count + np.flip(count, 0)
    return torch.from_numpy(np.where(count > 0, total / np.maximum(count, 1), np.float32(-1)))
