"""The intensities: from a case's units to [-1, 1] and back to those of a typical training case."""

import numpy as np
from numpy.typing import NDArray

FAINTEST = 1e-3  # [share of the scale] inside the brain, where an exact 0 would be taken for background


def scale_of(
    images: NDArray[np.float32], brain: NDArray[np.bool_], intensity_percentile: float | None
) -> NDArray[np.float32]:
    """Return what becomes -1 and what becomes +1, per modality, shape ``(2, M)`` [intensity units].

    Args:
        images: Shape ``(M, H, W, D)``.
        brain: Shape ``(H, W, D)``.
        intensity_percentile: Percentile of the brain that becomes +1: a few hot voxels then do not darken the rest, and
            are clipped. What becomes -1 is 0, or lower where intensities are. None for minimum and maximum of the
            volume, as published.
    """
    if intensity_percentile is None:
        low, high = images.min((1, 2, 3)), images.max((1, 2, 3))
    else:
        inside = images[:, brain]
        low = np.minimum(0, np.percentile(inside, 100 - intensity_percentile, axis=1))
        high = np.percentile(inside, intensity_percentile, axis=1)
    return np.stack([low, np.where(high > low, high, low + 1)]).astype(np.float32)


def to_unit(images: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map images ``(M, H, W, D)`` to [-1, 1], clipping what lies beyond the scale."""
    low, high = scale[:, :, None, None, None]
    unit: NDArray[np.float32] = np.clip((images - low) / (high - low) * 2 - 1, -1, 1)
    return unit


def from_unit(unit: NDArray[np.float32], scale: NDArray[np.float32], brain: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Map images ``(M, H, W, D)`` from [-1, 1] to intensity units, exactly 0 outside the brain and not inside.

    A background that is only near 0, as the published program leaves it, shifts every later normalisation that counts
    the voxels that are not 0.
    """
    low, high = scale[:, :, None, None, None]
    images = low + (unit + 1) / 2 * (high - low)
    faintest = FAINTEST * (high - low)
    images = np.where(np.abs(images) < faintest, faintest, images)
    return np.where(brain, images, 0).astype(np.float32)
