"""Smooth random fields, and what is linear along each axis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def field(shape: Sequence[int], lengths: Sequence[float], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a Gaussian random field of unit variance, smoothed with standard deviations ``lengths`` [voxels]."""
    kernels = []
    for n, length in zip(shape, lengths, strict=True):
        step = max(1.0, length)  # white noise on a grid as wide as the kernel loses nothing
        points = np.arange(-np.ceil(3 * length / step), np.ceil((n + 3 * length) / step)) * step
        kernel = np.exp(-0.5 * ((np.arange(n)[:, None] - points) / length) ** 2)
        kernels.append((kernel / np.sqrt((kernel**2).sum(1, keepdims=True))).astype(np.float32))
    return separable(rng.standard_normal([k.shape[1] for k in kernels], dtype=np.float32), kernels)


def linear(n_out: int, n_in: int) -> NDArray[np.float32]:
    """Return the matrix of linear interpolation between grids that span the same extent."""
    at = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n_in))).astype(np.float32)


def separable(volume: NDArray[np.float32], matrices: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Apply one matrix ``(out, in)`` along each axis."""
    for matrix in matrices:
        volume = np.tensordot(volume, matrix, axes=([0], [1]))  # the new axis comes last: three turns restore the order
    return volume
