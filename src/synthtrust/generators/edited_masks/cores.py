"""The core of one patient's tumour in the whole of another's, for label maps whose regions are nested."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass, distance_transform_edt, map_coordinates

Label = NDArray[np.uint8]

MOST_CUT = 0.2
"""Share of a core that may lie outside of the whole of the other patient, and is cut; beyond it, it does not fit."""


def has_core(label: Label, core: Collection[int]) -> bool:
    """Return whether a label map has voxels of the core, and others that are labelled."""
    inside = np.isin(label, list(core))
    return bool(inside.any() and ((label > 0) & ~inside).any())


def exchange_core(label: Label, donor: Label, core: Collection[int]) -> Label | None:
    """Return a label map with the core of another patient in the place of its own; None if that does not fit.

    The core is brought to the size of the other whole (the cube root of the ratio of their volumes) and about the
    centre of the core that it replaces. What lay around that core grows into what the new one leaves free, and what
    juts out of the whole is cut.

    Args:
        label: The label map ``(H, W, D)`` that is changed, which has a core and something around it.
        donor: The label map that the core is taken from, which has both as well; its grid may be another.
        core: Values of the regions that make the core.

    >>> one, other = np.zeros((2, 9, 9, 9), np.uint8)
    >>> one[1:8, 1:8, 1:8], one[3:6, 3:6, 3:6], other[1:8, 1:8, 1:8], other[4, 4, 4] = 2, 1, 2, 1
    >>> [int((exchange_core(one, other, [1]) == value).sum()) for value in (1, 2)]
    [1, 342]
    """
    values = list(core)
    whole, inside = label > 0, np.isin(label, values)
    of_donor = np.isin(donor, values)
    factor = (whole.sum() / (donor > 0).sum()) ** (1 / label.ndim)
    shape = (-1, *[1] * label.ndim)
    from_centre = np.indices(label.shape) - np.reshape(center_of_mass(inside), shape)
    grid = from_centre / factor + np.reshape(center_of_mass(of_donor), shape)
    placed = map_coordinates(np.where(of_donor, donor, 0), grid, order=0, mode="constant").astype(label.dtype)
    fits = (whole & (placed > 0)).sum() >= (1 - MOST_CUT) * of_donor.sum() * factor**label.ndim
    around = whole & ~inside
    nearest = distance_transform_edt(~around, return_distances=False, return_indices=True)
    filled = np.where(whole, label[tuple(nearest)], 0)
    return np.where(whole & (placed > 0), placed, filled).astype(label.dtype) if fits else None
