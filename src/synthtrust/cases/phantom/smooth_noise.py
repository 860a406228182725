"""Smooth noise, the same at every resolution: what makes one phantom unlike another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FINER = 2
"""Tissue is decided on a grid this much finer than the image's (partial volume): one slice is as thick there."""


def smooth_noise(rng: np.random.Generator, shape: Sequence[int], width: float, centre: float = 0) -> Array:
    """Return smooth noise of mean about 0 and standard deviation 1, the same at every resolution.

    A random sum of ``cos(pi i x) cos(pi j y) cos(pi k z)``, whose number of half-waves ``|(i, j, k)|`` is Gaussian
    around ``centre`` with this ``width``.
    """
    waves = np.arange(int(centre + 2.5 * width) + 2)
    through = waves if shape[2] > FINER else waves[:1]  # one slice is the same all through
    i, j, k = np.meshgrid(waves, waves, through, indexing="ij", sparse=True)
    weight = np.exp(-(((np.sqrt(i**2 + j**2 + k**2) - centre) / width) ** 2) / 2)
    weight[0, 0, 0] = 0
    field = rng.normal(size=weight.shape) * weight
    for side, numbers in zip(shape, (waves, waves, through), strict=True):
        basis = np.cos(np.pi * np.outer(numbers, (np.arange(side) + 0.5) / side))  # (K, side)
        field = np.tensordot(field, basis, axes=(0, 0))  # the axis at the front goes, its voxels come at the back
    return field / field.std()
