"""Copies of label maps that the controls plant: as they are, mirrored, moved, resized, grown and shrunk."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, zoom

Label = NDArray[np.uint8]
FACTOR, MOVED = 1.1, 3  # size of a resized label map; voxels along every axis


def exact(label: Label, rng: np.random.Generator) -> Label:
    """Return the label map itself."""
    return label


def mirrored(label: Label, rng: np.random.Generator) -> Label:
    """Mirror along one axis."""
    return np.flip(label, int(rng.integers(label.ndim)))


def shifted(label: Label, rng: np.random.Generator) -> Label:
    """Move by three voxels along every axis; what leaves the grid is lost."""
    return np.pad(label, [(MOVED, 0)] * label.ndim)[tuple(slice(0, side) for side in label.shape)]


def larger(label: Label, rng: np.random.Generator) -> Label:
    """Enlarge by a tenth, to the nearest voxel."""
    return zoom(label, FACTOR, order=0)


def smaller(label: Label, rng: np.random.Generator) -> Label:
    """Make smaller by a tenth, to the nearest voxel."""
    return zoom(label, 1 / FACTOR, order=0)


def grown(label: Label, rng: np.random.Generator) -> Label:
    """Let the labelled part grow by a voxel; new voxels get the label of the nearest one."""
    distance, nearest = distance_transform_edt(label == 0, return_indices=True)
    return np.where(distance <= 1, label[tuple(nearest)], 0).astype(label.dtype)


def shrunk(label: Label, rng: np.random.Generator) -> Label:
    """Take a voxel off the labelled part; where nothing would be left it stays as it is."""
    inner = np.where(distance_transform_edt(label) > 1, label, 0).astype(label.dtype)
    return inner if inner.any() else label


COPIES: Mapping[str, Callable[[Label, np.random.Generator], Label]] = {
    "exact label map": exact,
    "mirrored label map": mirrored,
    "shifted label map": shifted,
    "label map 10 % larger": larger,
    "label map 10 % smaller": smaller,
    "label map grown by a voxel": grown,
    "label map shrunk by a voxel": shrunk,
}
"""Name of each kind of copy -> its function."""
