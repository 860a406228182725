"""Distances between the surfaces of two masks [mm]: the 95th percentile of Hausdorff's, and the surface Dice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from synthtrust.refusals import Refusal

Mask: TypeAlias = NDArray[np.bool_]

PERCENTILE = 95
"""Percentile of the distances that stands for the largest, which a single voxel decides."""
MANY = 50_000
"""Points beyond which a map of distances is quicker than looking for the nearest of each; both give the same."""
ROUNDING = 1e-6
"""Distance by which rounding may move two points apart [mm]."""


@dataclass(frozen=True)
class SurfaceDistances:
    """How far each point of the surface of one mask lies from the surface of the other."""

    of_prediction: NDArray[np.float64]
    """From each surface voxel of the prediction to the nearest one of the reference [mm]."""
    of_reference: NDArray[np.float64]
    """From each surface voxel of the reference to the nearest one of the prediction [mm]."""

    @property
    def hausdorff_95(self) -> float:
        """The larger of the 95th percentiles of both directions [mm].

        Source: Huttenlocher et al., IEEE TPAMI 15 (1993), with a percentile in the place of the maximum, as the BraTS
        challenge takes it.
        """
        return float(max(np.percentile(distances, PERCENTILE) for distances in (self.of_prediction, self.of_reference)))

    def surface_dice(self, tolerance: float) -> float:
        """Return the share of both surfaces that lies within a tolerance [mm] of the other, from 0 to 1.

        Each surface voxel counts as one, so that on voxels of unequal sides it is no share of an area.

        Source: Nikolov et al., arXiv 1809.04430, with surface voxels in the place of surface elements, as MONAI has it.
        """
        both = np.concatenate([self.of_prediction, self.of_reference])
        return float((both <= tolerance + ROUNDING).mean())


def surface_distances(prediction: Mask, reference: Mask, spacing: ArrayLike) -> SurfaceDistances:
    """Return the distances between the surfaces of two masks that both have voxels.

    A surface voxel is one with a face neighbour outside the mask; what lies beyond the edge of the array is outside.
    Distances are those between the centres of voxels.

    Args:
        prediction: Mask ``(H, W, D)``, or ``(H, W)``.
        reference: Mask of the same shape.
        spacing: Sides of a voxel along each axis [mm].

    Raises:
        Refusal: If the shapes differ, a mask is empty, or a side is not above 0.

    >>> prediction, reference = np.zeros((2, 9, 9), bool)
    >>> prediction[2:5, 2:5], reference[2:7, 2:5] = True, True
    >>> apart = surface_distances(prediction, reference, (2.0, 1.0))
    >>> apart.hausdorff_95, apart.surface_dice(1.0), float(apart.of_prediction.max())
    (4.0, 0.75, 1.0)
    """
    sides = _sides(spacing, prediction.ndim)
    if prediction.shape != reference.shape or not (prediction.any() and reference.any()):
        raise Refusal(
            f"Expected two masks of one shape with voxels in both, but got {prediction.shape} with "
            f"{int(prediction.sum())} and {reference.shape} with {int(reference.sum())} voxels."
        )
    box = bounding_box(prediction | reference)
    first, second = (surface(mask[box]) for mask in (prediction, reference))
    return SurfaceDistances(_to_nearest(first, second, sides), _to_nearest(second, first, sides))


def surface(mask: Mask) -> Mask:
    """Return the voxels of a mask with a face neighbour outside it.

    >>> surface(np.ones((3, 3), bool)).astype(int).tolist()
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    padded = np.pad(mask, 1)
    inside = mask.copy()
    middle = tuple(slice(1, -1) for _ in mask.shape)
    for axis in range(mask.ndim):
        for moved in (slice(None, -2), slice(2, None)):
            inside &= padded[(*middle[:axis], moved, *middle[axis + 1 :])]
    return mask & ~inside


def bounding_box(mask: Mask) -> tuple[slice, ...]:
    """Return the smallest box that holds all voxels of a mask, which has some.

    >>> bounding_box(np.array([[0, 0, 0], [0, 1, 1]], bool))
    (slice(1, 2, None), slice(1, 3, None))
    """
    axes = range(mask.ndim)
    along = [np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis))) for axis in axes]
    return tuple(slice(int(places[0]), int(places[-1]) + 1) for places in along)


def grown(box: Sequence[slice], margin: float, sides: NDArray[np.float64], shape: Sequence[int]) -> tuple[slice, ...]:
    """Return a box with a margin [mm] around it, as far as the array of a shape reaches.

    >>> grown((slice(1, 3), slice(4, 5)), 2.0, np.array([1.0, 3.0]), (4, 9))
    (slice(0, 4, None), slice(3, 6, None))
    """
    steps = [math.ceil(margin / side) for side in sides.tolist()]
    return tuple(
        slice(max(edge.start - step, 0), min(edge.stop + step, length))
        for edge, step, length in zip(box, steps, shape, strict=True)
    )


def _sides(spacing: ArrayLike, n_axes: int) -> NDArray[np.float64]:
    sides = np.asarray(spacing, dtype=np.float64)
    if sides.shape != (n_axes,) or not (np.isfinite(sides).all() and (sides > 0).all()):
        raise Refusal(f"Expected {n_axes} sides of a voxel above 0 mm, but got {sides.tolist()}.")
    return sides


def _to_nearest(points: Mask, others: Mask, sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each of the points lies from the nearest of the others [mm]."""
    places = np.argwhere(points)
    distances = np.zeros(len(places))
    apart = ~others[tuple(places.T)]  # where both surfaces have a voxel there is nothing to look for
    if apart.sum() > MANY:
        distances[apart] = ndimage.distance_transform_edt(~others, sampling=sides)[tuple(places[apart].T)]
    elif apart.any():
        distances[apart] = KDTree(np.argwhere(others) * sides).query(places[apart] * sides)[0]
    return distances
