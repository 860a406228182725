"""The box that is painted: from a case's voxels to the network's and back."""

from collections.abc import Iterable, Sequence

import numpy as np
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.cases.volumes import centre_crop_or_pad, centre_slice

Size = tuple[int, int, int]


def crop_or_pad(volume: NDArray, size: Sequence[int], fill: float = 0) -> NDArray:
    """Crop or pad the last three axes about their centre, with the rounding of Med-DDPM's published preprocessing."""
    return centre_crop_or_pad(volume, size, fill, larger_half_first=True)


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

    The order of the spatial axes is reversed, as in the published network, whose last axis is the first one of a file.
    No number is lost; a network on packed volumes works on fewer voxels with more channels, which costs less.
    """
    return rearrange(volume, "b c (h p) (w q) (d r) -> b (c p q r) d w h", p=factor, q=factor, r=factor)


def depth_to_space(packed: Tensor, factor: int) -> Tensor:
    """Undo ``space_to_depth``."""
    return rearrange(packed, "b (c p q r) d w h -> b c (h p) (w q) (d r)", p=factor, q=factor, r=factor)


def _holds(side: int, size: int, first: int, last: int) -> bool:
    kept = centre_slice(side, size, larger_half_first=True)
    return kept.start <= first and last < kept.stop
