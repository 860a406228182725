"""Fine structure: what tells two images of one kind apart, and stays when an image is saved in another way."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, binary_fill_holes, gaussian_filter

COARSE = 6  # coarse structure, which all images of a kind share, is what a blur of 1/6 of the side leaves
INSIDE = 2.0  # [cells] the same within a volume, whose outline is left out
RIM = 2  # [cells] along the background that are left out, since resampling mixes both there
DARK = 0.05  # [share of the 99th percentile]: nearer to the level of the border than that is background


def fine_structure(image: NDArray[np.floating], grid: int) -> NDArray[np.float32]:
    """Return what is left of an image on a grid without its coarse structure, flat and of length 1.

    Its inner product with that of another image is their correlation. A flat image gives zeros.

    >>> image = np.arange(40.0).reshape(5, 8) % 7
    >>> same, brighter = fine_structure(image, 4), fine_structure(2 * image + 10, 4)
    >>> round(float(same @ brighter), 4)
    1.0
    """
    fine = image.astype(np.float64)
    for axis in range(image.ndim):
        fine = averaged(fine, axis, grid)
    return _of_length_1(fine - gaussian_filter(fine, grid / COARSE, mode="nearest"), fine)


def _of_length_1(left: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what is left of an image, flat and of length 1; zeros if that is nothing but rounding."""
    left = left.ravel() - left.mean()
    length = np.linalg.norm(left)
    if length <= 1e-9 * np.abs(whole).max() * np.sqrt(left.size):
        return np.zeros(left.shape, np.float32)
    flat: NDArray[np.float32] = (left / length).astype(np.float32)
    return flat


def averaged(image: NDArray[np.float64], axis: int, grid: int) -> NDArray[np.float64]:
    """Return the averages over cells along one axis, each of which may begin and end inside a pixel."""
    side = image.shape[axis]
    edges, pixels = np.linspace(0, side, grid + 1)[:, None], np.arange(side)  # [pixels]
    shares = np.clip(np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels), 0, 1)  # (grid, side)
    cells: NDArray[np.float64] = np.moveaxis(np.tensordot(shares * (grid / side), image, (1, axis)), 0, axis)
    return cells


def interior_structure(volume: NDArray[np.floating], grid: int) -> NDArray[np.float32]:
    """Return the same of a volume inside its foreground; 0 elsewhere.

    Heads without their skull, brought to one space, share an outline that would make any two of them alike.

    >>> volume = np.zeros((30, 30, 30))
    >>> volume[4:26, 5:25, 3:27] = 50 + np.random.default_rng(0).normal(size=(22, 20, 24))
    >>> same, brighter = interior_structure(volume, 15), interior_structure(2 * volume + 10, 15)
    >>> round(float(same @ brighter), 4)
    1.0
    """
    cells, inside = volume.astype(np.float64), foreground(volume).astype(np.float64)
    for axis in range(volume.ndim):
        cells, inside = averaged(cells, axis, grid), averaged(inside, axis, grid)
    mask = binary_erosion(binary_fill_holes(inside > 0.5), iterations=RIM, border_value=1)
    if not mask.any():
        return fine_structure(volume, grid)
    cells -= cells[mask].mean()
    near = np.maximum(gaussian_filter(mask.astype(np.float64), INSIDE, mode="nearest"), np.finfo(np.float64).tiny)
    left = (cells - gaussian_filter(cells * mask, INSIDE, mode="nearest") / near) * mask
    left[mask] -= left[mask].mean()
    return _of_length_1(left, cells * mask)


def foreground(volume: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which voxels are no background: farther from the level of the border than ``DARK``.

    A volume that has no such level at its border, since it was cut out of a larger one, is foreground everywhere.
    """
    border = np.concatenate([np.take(volume, (0, -1), axis).ravel() for axis in range(volume.ndim)])
    level = np.median(border)
    away = np.abs(volume - level)
    limit = DARK * np.quantile(away[::2, ::2, ::2], 0.99)
    return away > limit if (np.abs(border - level) <= limit).mean() >= 0.5 else np.ones(volume.shape, dtype=bool)
