"""What is done to the arrays of images in more than one room: units, grids and slices, each by one function."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthtrust.refusals import CaseError


def check_contrast(values: NDArray, name: str) -> None:
    """Check that the values of an image differ, since they are divided by their standard deviation.

    Args:
        values: Intensities of the foreground, at least one.
        name: What the image is called in the message.

    Raises:
        CaseError: If they do not.
    """
    if (lowest := values.min()) == values.max():
        raise CaseError(f"Expected contrast, but every pixel is {lowest} in {name}. Repair or leave it out.")


def mean_and_sd(values: NDArray) -> tuple[float, float]:
    """Return the mean and the standard deviation (over n) of intensities, at least one; 1 where all are the same.

    Intensities up to a million lose digits in float32 sums, so that both are computed in float64.
    """
    values = values.astype(np.float64)
    return float(values.mean()), float(values.std()) or 1.0


def z_score(image: NDArray[np.float32], inside: NDArray[np.bool_]) -> None:
    """Bring some values of an image to mean 0 and standard deviation 1, in place; the others stay as they are.

    Args:
        image: One channel or several, of any shape.
        inside: Which values, such as the foreground: a mask of the image, or of its first axes.

    >>> image = np.float32([1, 0, 3])
    >>> z_score(image, image != 0)
    >>> image.tolist()
    [-1.0, 0.0, 1.0]
    """
    if (values := image[inside].astype(np.float64)).size:
        mean, sd = mean_and_sd(values)
        values -= mean
        values /= sd
        image[inside] = values


def foreground_box(
    image: NDArray[np.float32] | Sequence[NDArray[np.float32]], label: NDArray[np.uint8] | None = None
) -> tuple[slice, ...]:
    """Return the smallest box around all voxels that are not 0 in every channel, or are labelled.

    Args:
        image: ``(C, *spatial)``, or its C channels one by one, not 0 everywhere.
        label: Label map ``spatial``, where there is one.
    """
    inside = image[0] != 0
    for channel in image[1:]:
        inside |= channel != 0
    if label is not None:
        inside |= label > 0
    box = []
    for axis in range(inside.ndim):
        line = np.flatnonzero(inside.any(tuple(other for other in range(inside.ndim) if other != axis)))
        box.append(slice(int(line[0]), int(line[-1]) + 1))
    return tuple(box)


def centre_slice(side: int, size: int, *, larger_half_first: bool = False) -> slice:
    """Return the part of an axis of ``side`` voxels that a centre crop to ``size`` voxels keeps, or a pad fills."""
    start = (max(side - size, 0) + larger_half_first) // 2
    return slice(start, start + min(side, size))


def centre_crop_or_pad(
    volume: NDArray, size: Sequence[int], fill: float = 0, *, larger_half_first: bool = False
) -> NDArray:
    """Crop or pad the last axes of an array about their centre; voxels keep their size.

    Args:
        volume: Any leading axes, then as many as ``size`` has.
        size: Side lengths of the result [voxels].
        fill: Value of what is added.
        larger_half_first: Which half is the larger one where a difference is odd: the one at the end, or, as in the
            published preprocessing of Med-DDPM, the one at the start. Either way padding is the inverse of cropping.

    Returns:
        A new array.

    >>> centre_crop_or_pad(np.array([1, 2, 3]), (5,)).tolist()
    [0, 1, 2, 3, 0]
    >>> centre_crop_or_pad(np.array([2, 3]), (5,)).tolist()
    [0, 2, 3, 0, 0]
    >>> centre_crop_or_pad(np.array([2, 3]), (5,), larger_half_first=True).tolist()
    [0, 0, 2, 3, 0]
    """
    n_leading = volume.ndim - len(size)
    leading = [slice(None)] * n_leading
    out = np.full((*volume.shape[:n_leading], *size), fill, dtype=volume.dtype)
    sides = list(zip(volume.shape[n_leading:], size, strict=True))
    source = [centre_slice(old, new, larger_half_first=larger_half_first) for old, new in sides]
    target = [centre_slice(new, old, larger_half_first=larger_half_first) for old, new in sides]
    out[(*leading, *target)] = volume[(*leading, *source)]
    return out


def linear_weights(n_out: int, n_in: int) -> NDArray[np.float64]:
    """Return the matrix ``(n_out, n_in)`` of linear interpolation between grids that span the same extent."""
    centres = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(n_in)))


def apply_along_axes(volume: NDArray, matrices: Sequence[NDArray]) -> NDArray:
    """Apply one matrix ``(n_out, n_in)`` along each axis of a volume."""
    for matrix in matrices:  # the new axis comes last: after a full turn the order is the old one
        volume = np.tensordot(volume, matrix, axes=([0], [1]))
    return volume


def stretch(image: NDArray[np.floating], shape: Sequence[int]) -> NDArray[np.floating]:
    """Interpolate an image linearly so that it fills another grid from edge to edge; voxels change their size.

    This is for smooth maps, such as averages: where an axis shrinks, voxels are left out. What a network or a
    comparison sees is resized by ``synthtrust.cases.resizing.resize``, which averages there.

    >>> stretch(np.array([0.0, 2.0]), [4]).tolist()
    [0.0, 0.5, 1.5, 2.0]
    """
    if image.shape == tuple(shape):
        return image
    matrices = [linear_weights(new, old) for new, old in zip(shape, image.shape, strict=True)]
    return apply_along_axes(image.astype(np.float64), matrices).astype(image.dtype)


def axial_slice(volume: NDArray, height: int) -> NDArray:
    """Return one slice of a volume in RAS+ order, ``(rows, columns)``: anterior up, the patient's right on the left."""
    return np.flip(volume[:, :, height].T)
