"""Tissue classes as clusters of intensities: k-means, from centres that are given."""

import numpy as np
from numpy.typing import NDArray


def nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return which centre ``(k, M)`` is nearest to each point ``(n, M)``, shape ``(n,)``."""
    return ((centres**2).sum(1) - 2 * points @ centres.T).argmin(1).astype(np.int16)


def move_centres(points: NDArray[np.float32], centres: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Lloyd's steps of k-means; a class that holds no point stays where it is."""
    for _ in range(steps):
        near = nearest(points, centres)
        n = np.bincount(near, minlength=len(centres))
        total = np.stack([np.bincount(near, column, minlength=len(centres)) for column in points.T], axis=1)
        centres = np.where(n[:, None] > 0, total / np.maximum(n, 1)[:, None], centres).astype(np.float32)
    return centres
