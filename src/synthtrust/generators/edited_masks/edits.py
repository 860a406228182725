"""Edits of a label map: other proportions, a smooth warp, a surface that is grown or shrunk, and another place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass, gaussian_filter, map_coordinates

from synthtrust.metrics.functional import signed_distance

Label = NDArray[np.uint8]

WARP_LENGTH = 0.65
"""Standard deviation of the Gaussian that smooths a warp [radii of the labelled part]."""
ROOM = 2
"""Voxels that an edited label map has around it, at least, before it is put into the grid."""


@dataclass(frozen=True)
class EditSizes:
    """How much label maps are changed; 0 leaves that change out."""

    max_scale: float = 0.2
    """Largest logarithm of the size along each axis, each drawn by itself: 0.2 is from 0.82 to 1.22 times."""
    warp: float = 0.1
    """Standard deviation of a smooth displacement along each axis [radii of the labelled part]."""
    max_shift: float = 0.05
    """Farthest that the labelled part is moved along each axis [share of the grid's side]."""
    max_growth: float = 0.5
    """Farthest that its surface is moved out or in [voxels]."""


def draw_edit(label: Label, sizes: EditSizes, rng: np.random.Generator) -> Label | None:
    """Return a label map that is changed by chance, on the same grid; None if it would leave the grid.

    Proportions and warp are taken about the centre of the labelled part. A voxel is labelled where the signed distance
    to the changed surface says so, and as the region whose signed distance is highest there, so that regions keep
    their neighbours. The place is drawn among those at which all of it lies inside the grid.

    Args:
        label: A label map ``(H, W[, D])``, 0 where nothing is labelled, of which some voxel is.
        sizes: How much it is changed.
        rng: The only source of randomness.

    >>> ball = (((np.indices((16, 16, 16)) - 8) ** 2).sum(axis=0) < 16).astype(np.uint8)
    >>> unchanged = draw_edit(ball, EditSizes(0, 0, 0, 0), np.random.default_rng(0))
    >>> bool((unchanged == ball).all())
    True
    """
    reshaped, corner = _reshaped(label, sizes, rng)
    where = np.argwhere(reshaped)
    if not len(where):
        return np.zeros_like(label)
    low, high = where.min(axis=0), where.max(axis=0)
    if (low == 0).any() or (high == np.array(reshaped.shape) - 1).any():
        return None  # it is cut where the room around it ends, as far out as the grid is wide
    side, reach = np.array(label.shape), np.floor(sizes.max_shift * np.array(label.shape))
    least = np.maximum(-(corner + low), -reach).astype(int)
    most = np.minimum(side - 1 - (corner + high), reach).astype(int)
    if (least > most).any():
        return None
    start = corner + low + rng.integers(least, most + 1)
    part = reshaped[tuple(slice(a, b + 1) for a, b in zip(low, high))]
    result = np.zeros_like(label)
    result[tuple(slice(a, a + n) for a, n in zip(start, part.shape))] = part
    return result


def _reshaped(label: Label, sizes: EditSizes, rng: np.random.Generator) -> tuple[Label, NDArray[np.int_]]:
    """Return the labelled part in other proportions, warped and grown, and the place of its first voxel in the grid."""
    where = np.argwhere(label)
    corner, end = where.min(axis=0), where.max(axis=0)
    radius = radius_of(len(where), label.ndim)
    factors = np.exp(rng.uniform(-sizes.max_scale, sizes.max_scale, label.ndim))
    growth = rng.uniform(-sizes.max_growth, sizes.max_growth)
    room = int(np.ceil((end - corner + 1).max() * (np.exp(sizes.max_scale) - 1) / 2 + 3 * sizes.warp * radius))
    room = min(room + int(np.ceil(sizes.max_growth)) + ROOM, max(label.shape))
    cut = np.pad(label[tuple(slice(a, b + 1) for a, b in zip(corner, end))], room)
    centre = np.reshape(center_of_mass(cut > 0), (-1, *[1] * label.ndim))
    grid = (np.indices(cut.shape) - centre) / factors.reshape(centre.shape) + centre
    if sizes.warp:
        grid = grid + sizes.warp * radius * _smooth_noise(cut.shape, WARP_LENGTH * radius, rng)
    whole = map_coordinates(signed_distance(cut > 0), grid, order=1, mode="nearest")
    values = np.unique(label[label > 0])
    regions = [map_coordinates(signed_distance(cut == value), grid, order=1, mode="nearest") for value in values]
    return np.where(whole > -growth, values[np.argmax(regions, axis=0)], 0).astype(label.dtype), corner - room


def _smooth_noise(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a smooth field of displacements ``(axes, *shape)`` with a standard deviation of 1."""
    noise = [gaussian_filter(rng.normal(size=shape), length, mode="wrap") for _ in shape]
    return np.stack([one_axis / one_axis.std() for one_axis in noise])


def radius_of(n_voxels: int, axes: int) -> float:
    """Return the radius of a ball, or a disc, of so many voxels [voxels].

    >>> round(radius_of(113, 3), 2), round(radius_of(113, 2), 2)
    (3.0, 6.0)
    """
    return float((3 * n_voxels / (4 * np.pi)) ** (1 / 3)) if axes == 3 else float(np.sqrt(n_voxels / np.pi))
