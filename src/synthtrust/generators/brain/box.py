"""The grid: from a case's voxels to the network's and back."""

from collections.abc import Iterable, Sequence

import numpy as np
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

Size = tuple[int, int, int]


def crop_or_pad(volume: NDArray, size: Sequence[int], fill: float = 0) -> NDArray:
    """Crop or pad the last three axes about their centre.

    Where the difference is odd, the larger half lies at the start, as in the published preprocessing; padding is so
    the inverse of cropping.

    >>> crop_or_pad(np.arange(5).reshape(1, 1, 5), (1, 1, 2)).ravel().tolist()
    [2, 3]
    >>> crop_or_pad(np.array([2, 3]).reshape(1, 1, 2), (1, 1, 5)).ravel().tolist()
    [0, 0, 2, 3, 0]
    """
    shape = volume.shape[-3:]
    if shape == tuple(size):
        return volume.copy()
    out = np.full((*volume.shape[:-3], *size), fill, dtype=volume.dtype)
    (a, b, c), (x, y, z) = (
        [_middle(mine, theirs) for mine, theirs in zip(*pair, strict=True)] for pair in ((shape, size), (size, shape))
    )
    out[..., x, y, z] = volume[..., a, b, c]
    return out


def smallest_size(masks: Iterable[NDArray[np.bool_]], multiple: int) -> Size:
    """Return the sides of the smallest box about the centre that holds every mask, each a multiple of ``multiple``."""
    sides = [multiple] * 3
    for mask in masks:
        for axis, n in enumerate(mask.shape):
            taken = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
            while len(taken) and not _holds(n, sides[axis], int(taken[0]), int(taken[-1])):
                sides[axis] += multiple
    return sides[0], sides[1], sides[2]


def space_to_depth(volume: Tensor, factor: int) -> Tensor:
    """Fold blocks of ``factor**3`` voxels into channels, ``(B, C, H, W, D) -> (B, C * factor**3, d, w, h)``.

    The spatial axes are turned round, as the published network has them: the first axis of a file is its last. No
    number is lost; a network on packed volumes works on fewer, wider voxels, which is what two cores can afford.
    """
    return rearrange(volume, "b c (h p) (w q) (d r) -> b (c p q r) d w h", p=factor, q=factor, r=factor)


def depth_to_space(packed: Tensor, factor: int) -> Tensor:
    """Undo ``pack``."""
    return rearrange(packed, "b (c p q r) d w h -> b c (h p) (w q) (d r)", p=factor, q=factor, r=factor)


def _middle(have: int, want: int) -> slice:
    start = (max(have - want, 0) + 1) // 2
    return slice(start, start + min(have, want))


def _holds(side: int, size: int, first: int, last: int) -> bool:
    kept = _middle(side, size)
    return kept.start <= first and last < kept.stop
