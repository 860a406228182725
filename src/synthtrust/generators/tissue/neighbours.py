"""Voxels beside voxels."""

from numpy.typing import NDArray


def neighbours(volume: NDArray, axis: int) -> tuple[NDArray, NDArray]:
    """Return all voxels but the first along an axis, and those before them."""
    ahead, behind = [slice(None)] * volume.ndim, [slice(None)] * volume.ndim
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    return volume[tuple(ahead)], volume[tuple(behind)]
