"""Augmentation of images: a whole batch at once, each image by the randomness of its own draw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from monai.transforms import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthtrust.data.patches import plain


@dataclass(frozen=True)
class Affine:
    """Mirrors, turns, zooms and shifts images, in the plane or in space, and varies their contrast and brightness.

    All of it is one linear resampling of the whole batch, in which the border goes on beyond the edge: MONAI's
    transforms, one image after the other, take longer than a small network does.
    """

    flip: Sequence[int] = ()
    """Spatial axes along which half of the images are mirrored; 1 is left to right in a plane image ``(H, W)``."""
    rotate: float = 10.0
    """Largest angle in every coordinate plane [degrees]."""
    zoom: float = 0.1
    """Largest change of size [share]."""
    shift: float = 0.05
    """Largest shift along every axis [share of its side]."""
    contrast: float = 0.1
    """Largest change of contrast [share] and of brightness [standard deviations of an image]."""

    def __call__(self, images: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Return augmented images ``(B, C, *size)`` of the same shape; image i depends on ``rngs[i]`` alone."""
        sides = np.array(images.shape[2:], dtype=np.float64)
        n = len(sides)
        planes = list(combinations(range(n), 2))
        draws = np.stack([rng.uniform(-1, 1, len(planes) + 2 * n + 3) for rng in rngs])
        turn, mirror, shift, scales = np.split(draws, np.cumsum([len(planes), n, n]), axis=1)
        zoom, contrast, brightness = scales.T  # (B,) each
        mirrored = (mirror < 0) & np.isin(np.arange(n), list(self.flip))
        matrix = _rotations(np.deg2rad(self.rotate) * turn, planes, n)  # (B, n, n): place in the result -> in the image
        matrix *= np.where(mirrored, -1, 1)[:, None] / (1 + self.zoom * zoom)[:, None, None]
        matrix *= sides / sides[:, None]  # a turn by pixels, written in shares of the sides
        theta = np.concatenate([matrix, 2 * self.shift * shift[..., None]], axis=2)  # sides run from -1 to 1
        theta = np.concatenate([theta[:, ::-1, -2::-1], theta[:, ::-1, -1:]], axis=2)  # torch counts axes from the last
        grid = functional.affine_grid(torch.from_numpy(theta).float(), list(images.shape), align_corners=False)
        moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        one_each = (-1, *[1] * (n + 1))
        factor, offset = (torch.from_numpy(self.contrast * x).float().view(one_each) for x in (contrast, brightness))
        return moved * (1 + factor) + offset


@dataclass(frozen=True)
class EachImage:
    """Applies MONAI array transforms to one image after the other."""

    transforms: Sequence[Callable]
    """Take an image ``(C, *size)`` each, and keep its shape."""

    def __call__(self, images: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Return augmented images ``(B, C, *size)``; image i depends on ``rngs[i]`` alone."""
        augment = Compose(list(self.transforms))
        augmented = []
        for image, rng in zip(images, rngs, strict=True):
            augment.set_random_state(seed=int(rng.integers(2**31)))
            augmented.append(plain(augment(image)).float())
        return torch.stack(augmented)


def _rotations(angles: NDArray[np.float64], planes: Sequence[tuple[int, int]], n: int) -> NDArray[np.float64]:
    """Return rotation matrices ``(B, n, n)``, one turn after the other in each plane by ``angles`` ``(B, P)`` [rad]."""
    matrix = np.tile(np.eye(n), (len(angles), 1, 1))
    for angle, (i, j) in zip(angles.T, planes, strict=True):
        turn = np.tile(np.eye(n), (len(angles), 1, 1))
        turn[:, i, i] = turn[:, j, j] = np.cos(angle)
        turn[:, i, j], turn[:, j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix
