"""Bringing an image onto another voxel grid: about the centre, or by relative position."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates


def centred(image: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Crop or zero-pad an image about its centre; voxels keep their size.

    >>> centred(np.array([1.0, 2.0, 3.0]), (5,)).tolist()
    [0.0, 1.0, 2.0, 3.0, 0.0]
    """
    if image.shape == shape:
        return image
    out = np.zeros(shape, dtype=image.dtype)
    source = tuple(slice(max(0, (a - b) // 2), max(0, (a - b) // 2) + min(a, b)) for a, b in zip(image.shape, shape))
    target = tuple(slice(max(0, (b - a) // 2), max(0, (b - a) // 2) + min(a, b)) for a, b in zip(image.shape, shape))
    out[target] = image[source]
    return out


def stretched(image: NDArray[np.floating], shape: Sequence[int]) -> NDArray[np.floating]:
    """Resample an image linearly so that it fills another grid from edge to edge; voxels change their size.

    >>> stretched(np.array([0.0, 2.0]), [4]).tolist()
    [0.0, 0.5, 1.5, 2.0]
    """
    if image.shape == tuple(shape):
        return image
    lines = [(np.arange(new) + 0.5) * old / new - 0.5 for new, old in zip(shape, image.shape)]  # centres of voxels
    where = np.stack(np.meshgrid(*lines, indexing="ij"))  # (axes, *shape)
    out: NDArray[np.floating] = map_coordinates(image, where, order=1, mode="nearest")
    return out
