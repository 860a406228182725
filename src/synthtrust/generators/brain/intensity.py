"""The scaling of intensities from a case's units to [-1, 1], and back to those of a typical training case."""

import numpy as np
from numpy.typing import NDArray

FAINTEST = 1e-3  # least intensity inside the brain [share of the scale]: an exact 0 would count as background


def scale_of(
    images: NDArray[np.float32], brain: NDArray[np.bool_], intensity_percentile: float | None
) -> NDArray[np.float32]:
    """Return the intensities that become -1 and +1 in each modality, shape ``(2, M)`` [intensity units].

    Args:
        images: Shape ``(M, H, W, D)``.
        brain: Shape ``(H, W, D)``.
        intensity_percentile: Percentile of the brain that becomes +1, so that a few very bright voxels are clipped and
            do not darken all others. -1 is then 0, or a lower percentile if that is negative. None for minimum and
            maximum of the volume, as published.
    """
    if intensity_percentile is None:
        low, high = images.min((1, 2, 3)), images.max((1, 2, 3))
    else:
        inside = images[:, brain]
        low = np.minimum(0, np.percentile(inside, 100 - intensity_percentile, axis=1))
        high = np.percentile(inside, intensity_percentile, axis=1)
    return np.stack([low, np.where(high > low, high, low + 1)]).astype(np.float32)


def to_unit(images: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Map images ``(M, H, W, D)`` to [-1, 1], and clip intensities beyond the scale."""
    low, high = scale[:, :, None, None, None]
    unit: NDArray[np.float32] = np.clip((images - low) / (high - low) * 2 - 1, -1, 1)
    return unit


def from_unit(unit: NDArray[np.float32], scale: NDArray[np.float32], brain: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Map images ``(M, H, W, D)`` from [-1, 1] to intensity units, exactly 0 outside the brain and nowhere inside.

    A background that is only near 0, as the published program leaves it, would distort every normalisation by the
    voxels that are not 0.
    """
    low, high = scale[:, :, None, None, None]
    images = low + (unit + 1) / 2 * (high - low)
    faintest = FAINTEST * (high - low)
    images = np.where(np.abs(images) < faintest, faintest, images)
    return np.where(brain, images, 0).astype(np.float32)
