"""Which patient's label map another one was made from: shapes brought to one place and size, and their likeness.

A copy may be mirrored, moved, resized, grown or shrunk. Place and size are taken out by the centre and radius of the
labelled part; what was grown or shrunk by a voxel is undone in a view of its own, as signed distances less a voxel.
"""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from synthtrust.refusals import Refusal

Array = NDArray[np.float32]

NODES, EXTENT = 16, 2.2
"""Nodes along each axis of the grid that shapes are compared on, and its half side [radii of the labelled part]."""
NEAR_SURFACE = 0.3
"""Signed distances are cut here [radii]: what is far from every surface says nothing."""
ROOM = 8
"""Voxels around the labelled part beyond `NEAR_SURFACE`: the reach of the Gaussian below, and what views grow by."""
STAIRCASE = 0.5
"""Gaussian over signed distances [voxels], so that the steps of a resized label map weigh less. With a wider one, which
takes away what tells patients apart, fewer resized copies were found."""
MOST_LABEL_MAPS = 1000
"""Label maps that the principal components are learned from, at most: of 135 hippocampi, half of them were too few, and
resized copies went unseen."""
NOTHING = 1e-6
"""Share of the largest variance, up to which a principal component has none and only rounding gives it a direction."""
OFFSETS = (0.0, -1.0, 1.0)
"""Views: a label map as it is, a voxel smaller, a voxel larger [voxels]."""
VIEWS = ("label map", "a voxel smaller", "a voxel larger")


def label_shapes(label: NDArray[np.integer], labels: Sequence[int]) -> Array:
    """Return a label map as shapes in each view, ``(V, C, 16, ...)``: signed distances in one place and size.

    The first channel is the labelled part, inside positive. The others are the regions but the first, each as if all
    voxels were labelled like the nearest one that is, so that growing and shrinking do not move them.

    Args:
        label: A label map ``(H, W[, D])``, 0 where nothing is labelled.
        labels: Values of the regions.

    Raises:
        Refusal: If nothing is labelled.
    """
    if not label.any():
        raise Refusal("Expected a label map with a labelled voxel, but it is empty.")
    corner, end = (edge(np.argwhere(label), axis=0) for edge in (np.min, np.max))
    room = int(np.ceil(NEAR_SURFACE * (end - corner).max() / 2)) + ROOM
    cut = np.pad(label[tuple(slice(a, b + 1) for a, b in zip(corner, end))], room)
    nearest = distance_transform_edt(cut == 0, return_distances=False, return_indices=True)
    everywhere = cut[tuple(nearest)]
    whole = gaussian_filter(signed_distance(cut > 0), STAIRCASE)
    regions = [gaussian_filter(signed_distance(everywhere == value), STAIRCASE) for value in labels[1:]]
    return np.stack([_in_place(whole + offset, whole, regions) for offset in OFFSETS]).astype(np.float32)


def _in_place(distance: NDArray[np.floating], whole: NDArray[np.floating], regions: Sequence[NDArray]) -> NDArray:
    """Sample signed distances on the grid around the centre of the part where they are positive."""
    weight = np.clip((distance if (distance > 0).any() else whole) + 0.5, 0, 1)
    where, weights = np.argwhere(weight > 0), weight[weight > 0]
    centre = np.average(where, axis=0, weights=weights)
    radius = np.sqrt(np.average((where - centre) ** 2, axis=0, weights=weights).mean())
    ticks = np.linspace(-EXTENT, EXTENT, NODES) * radius
    grid = np.stack(np.meshgrid(*(c + ticks for c in centre), indexing="ij"))
    first, *others = (map_coordinates(x, grid, order=1, mode="nearest") / radius for x in (distance, *regions))
    inside = first > -0.1
    cut = [first, *(other * inside for other in others)]
    return np.clip(np.stack(cut), -NEAR_SURFACE, NEAR_SURFACE)


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the distance to the surface of a mask [voxels], positive inside, ``(H, W[, D])``.

    It is as far away as the grid is wide where there is no surface, and passes 0 between the last voxel inside and the
    first one outside.

    >>> signed_distance(np.array([False, False, True, True])).tolist()
    [-1.5, -0.5, 0.5, 1.5]
    """
    if not mask.any() or mask.all():
        return np.full(mask.shape, float(max(mask.shape)) * (1 if mask.all() else -1))
    distance: NDArray[np.floating] = distance_transform_edt(mask) - distance_transform_edt(~mask)
    return distance - 0.5 * np.sign(distance)


class ShapeSpace:
    """Compares label maps with those of a reference, by the ways in which patients differ and sizes of one do not.

    Likeness is the correlation of what differs from the mean shape, highest over all mirrorings. Ways in which patients
    differ much, such as length, say less of a single one, and ways in which a label map differs from itself on another
    grid say nothing: principal components weigh by the inverse of their spread, whose square is the variance among
    patients plus that among sizes of one patient (within-class covariance normalisation; Hatch and others, Interspeech
    2006). Mean and components are those of the reference in all mirrorings, to which unseen and synthetic label maps
    are strangers.

    >>> corner = np.zeros((12, 12, 12), int); corner[2:8, 3:6, 2:10] = 1; corner[2:4, 3:9, 2:5] = 1
    >>> ball = (((np.indices((12, 12, 12)) - 5.5) ** 2).sum(axis=0) < 20).astype(int)
    >>> shapes = np.stack([label_shapes(x, [1]) for x in (corner, ball, corner[:, ::-1])])
    >>> resized = np.stack([label_shapes(np.repeat(x, 2, axis=0), [1]) for x in (corner, ball)])
    >>> ShapeSpace(shapes[:2], resized).similarity(shapes[2:])[0].argmax(axis=1).tolist()  # the mirrored one
    [0]
    """

    def __init__(self, reference: Array, resized: Array) -> None:
        """Learn the mean and the components.

        Args:
            reference: Shapes ``(N, V, C, 16, ...)`` of at least two label maps, taken as they are.
            resized: Shapes of the first M <= N of these label maps, made a little larger or smaller, likewise.
        """
        as_they_are = reference[:, 0]
        self._mean = mirror_parts(as_they_are.mean(axis=0, keepdims=True))[0]  # that of all mirrorings is symmetric
        step = -(-len(reference) // MOST_LABEL_MAPS)
        changes = resized[:, 0] - as_they_are[: len(resized)]
        self._components, parity = _whitened(as_they_are[::step] - self._mean, changes)
        self._targets = self._coordinates(as_they_are).T
        axes = range(reference.ndim - 3)
        mirrorings = [flip for m in range(len(axes) + 1) for flip in combinations(axes, m)]
        self._signs = [np.prod(parity[:, list(flip)], axis=1) for flip in mirrorings]

    def similarity(self, queries: Array) -> NDArray[np.float64]:
        """Return the likeness of label maps to those of the reference in each view, ``(V, Q, N)``, from -1 to 1.

        Args:
            queries: Shapes ``(Q, V, C, 16, ...)`` from `label_shapes`, compared in every view.
        """
        views = []
        for view in range(queries.shape[1]):
            of_queries = self._coordinates(queries[:, view])
            views.append(np.max([(of_queries * sign) @ self._targets for sign in self._signs], axis=0))
        return np.stack(views).astype(np.float64).clip(-1, 1)

    def _coordinates(self, shapes: Array) -> Array:
        flat = (shapes - self._mean).reshape(len(shapes), -1) @ self._components
        result: Array = flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(1e-12)
        return result


def mirror_parts(shapes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the parts of shapes that mirroring leaves as they are or turns the sign of, ``(2 ** axes, N, C, ...)``.

    They add up to the shapes, and are at right angles to each other. The first is symmetric along every axis.

    Args:
        shapes: Values ``(N, C, 16, ...)``.

    >>> mirror_parts(np.array([[[1.0, 5.0]]])).tolist()
    [[[[3.0, 3.0]]], [[[-2.0, 2.0]]]]
    """
    parts: list[NDArray[np.floating]] = [shapes]
    for axis in range(2, shapes.ndim):
        parts = [(part + sign * np.flip(part, axis)) / 2 for part in parts for sign in (1, -1)]
    return np.stack(parts)


def _whitened(shapes: Array, changes: Array) -> tuple[Array, NDArray[np.int_]]:
    """Return the principal components of centred shapes in all mirrorings, and what mirroring does to each.

    The covariance of all mirrorings falls apart into those of the mirror parts, which are smaller by as many times.

    Args:
        shapes: Values ``(N, C, 16, ...)``.
        changes: How shapes of one label map differ between two sizes ``(M, C, 16, ...)``.

    Returns:
        The components ``(D, K)``, each divided by its spread, and the sign by which mirroring along each axis
        multiplies its coordinate ``(K, axes)``.
    """
    variances, components, parities = [], [], []
    signs = product((1, -1), repeat=shapes.ndim - 2)
    for part, changed, parity in zip(mirror_parts(shapes), mirror_parts(changes), signs, strict=True):
        rows = part.reshape(len(part), -1)
        variance, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64) / len(rows))
        axes = rows.T @ (vectors / np.sqrt(variance.clip(1e-12) * len(rows)))
        variances.append([variance, ((changed.reshape(len(changed), -1) @ axes) ** 2).mean(axis=0)])
        components.append(axes)
        parities.append(np.tile(parity, (len(rows), 1)))
    of_patients, of_sizes = np.concatenate(variances, axis=1)
    kept = of_patients > NOTHING * of_patients.max()
    spread = np.sqrt(of_patients[kept] + of_sizes[kept])
    result: Array = (np.concatenate(components, axis=1)[:, kept] / spread).astype(np.float32)
    return result, np.concatenate(parities)[kept]
