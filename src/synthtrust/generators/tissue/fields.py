"""Smooth random fields."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.volumes import apply_along_axes


def field(shape: Sequence[int], lengths: Sequence[float], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a Gaussian random field of unit variance, smoothed with standard deviations ``lengths`` [voxels]."""
    kernels = []
    for n, length in zip(shape, lengths, strict=True):
        step = max(1.0, length)  # white noise on a grid as wide as the kernel loses nothing
        points = np.arange(-np.ceil(3 * length / step), np.ceil((n + 3 * length) / step)) * step
        kernel = np.exp(-0.5 * ((np.arange(n)[:, None] - points) / length) ** 2)
        kernels.append((kernel / np.sqrt((kernel**2).sum(1, keepdims=True))).astype(np.float32))
    return apply_along_axes(rng.standard_normal([k.shape[1] for k in kernels], dtype=np.float32), kernels)
