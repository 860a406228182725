"""Geometry: how the axes of an array lie in the patient, and how far two grids lie apart."""

from functools import lru_cache
from itertools import product

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt2axcodes, ornt_transform
from numpy.typing import NDArray

CANONICAL = "RAS"
"""How every array is brought into memory: its axes run towards right, anterior and superior, or nearest to that."""

GRID_LIMIT = 0.1
"""How far two grids may lie apart and still be one [share of the smallest voxel side]. Headers are written in float32
and as quaternions, and tools round them; a real misfit is a large part of a voxel."""

_AS_CANONICAL = np.array([[0, 1], [1, 1], [2, 1]])  # the turn of nibabel that turns nothing


def orientation_of(affine: NDArray[np.float64]) -> str:
    """Return where the axes of an array run to.

    >>> orientation_of(np.diag([-1.0, -1, 2, 1]))
    'LPS'
    """
    return "".join(map(str, ornt2axcodes(_turn(affine))))


def to_canonical(volume: NDArray, affine: NDArray[np.float64], dtype: type[np.generic] | None = None) -> NDArray:
    """Bring a stored volume ``(H, W, D)`` into the canonical orientation, in Fortran order as NIfTI itself has it.

    One order of memory for every file: sums of the same voxels are then the same to the last bit.

    Args:
        volume: The array as it is stored.
        affine: Its affine.
        dtype: The type of the result, converted in the same pass; None keeps the type that it has.
    """
    return np.asarray(apply_orientation(volume, _turn(affine)), dtype=dtype, order="F")


def canonical_affine(affine: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the affine that belongs to ``to_canonical`` of a volume of this stored shape ``(H, W, D)``.

    >>> canonical_affine(np.diag([-1.0, 1, 1, 1]), (5, 2, 2))[0].tolist()
    [1.0, 0.0, 0.0, -4.0]
    """
    turned: NDArray[np.float64] = affine @ inv_ornt_aff(_turn(affine), shape) + 0.0  # no negative zeros
    return turned


def canonical_shape(affine: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that a volume of this stored shape ``(H, W, D)`` has in the canonical orientation.

    >>> canonical_shape(np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (5, 2, 3))
    (2, 5, 3)
    """
    axes = _turn(affine)[:, 0].astype(int).tolist()
    return tuple(shape[axes.index(axis)] for axis in range(3))


def as_stored(volume: NDArray, affine: NDArray[np.floating]) -> NDArray:
    """Turn a canonical volume ``(H, W, D)`` as a file with this affine has it: the reverse of ``to_canonical``."""
    return np.asfortranarray(apply_orientation(volume, ornt_transform(_AS_CANONICAL, _turn(affine))))


def grid_distance(affine: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Return how far two grids of one shape lie apart [share of their smallest voxel side].

    That is the largest distance between the same corners of both. A spacing that is a little off adds up along an axis,
    which a comparison of affines, number by number, does not see.

    >>> shifted = np.array([[1.0, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> grid_distance(np.eye(4), shifted, (10, 10, 10))
    0.5
    >>> round(grid_distance(np.eye(4), np.diag([1.01, 1, 1, 1]), (100, 10, 10)), 3)
    0.995

    Args:
        affine: Voxel -> world [mm], shape ``(4, 4)``.
        other: The header of the other grid.
        shape: Voxels per axis, of both.
    """
    return grid_distance_mm(affine, other, shape) / float(min(*voxel_sizes(affine), *voxel_sizes(other)))


def grid_distance_mm(affine: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Return the largest distance between the same corners of two grids of one shape [mm]."""
    corners = np.array(list(product(*((-0.5, side - 0.5) for side in shape[:3]))))
    return float(np.linalg.norm(apply_affine(affine, corners) - apply_affine(other, corners), axis=1).max())


def _turn(affine: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return nibabel's turn from the stored to the canonical orientation, of the axes alone."""
    return _turn_of(tuple(np.asarray(affine, dtype=np.float64)[:3, :3].ravel().tolist()))


@lru_cache(maxsize=1024)  # a singular value decomposition each; cohorts have few affines
def _turn_of(axes: tuple[float, ...]) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(axes, (3, 3))
    turn: NDArray[np.float64] = io_orientation(affine)
    return turn
