"""Resampling of a case to the voxel size of the real ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import rescale_affine, voxel_sizes
from nibabel.processing import resample_from_to
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.formats.volumes import read_header

TOLERATED = 0.02
"""Difference of two voxel sides that is left as it is [share]: a case of 200 voxels is then off by four."""


def median_spacing(cases: Sequence[Case]) -> tuple[float, ...]:
    """Return the median voxel size of cases [mm], by the headers of their label maps, or of their images."""
    files = [case.label_map or next(iter(case.images.values())) for case in cases]
    sizes = [voxel_sizes(read_header(path)[1]) for path in files]
    return tuple(round(float(side), 4) for side in np.median(sizes, axis=0))


def resampled(
    images: Mapping[str, NDArray[np.floating]],
    label: NDArray[np.uint8],
    affine: NDArray[np.float64],
    spacing: Sequence[float],
) -> tuple[dict[str, NDArray[np.floating]], NDArray[np.uint8], NDArray[np.float64]]:
    """Bring a case to a voxel size, axes and field of view as they are.

    Images are interpolated linearly, label maps by the nearest voxel. A case whose voxels have that size already is
    returned unchanged.

    Args:
        images: Modality -> image ``(H, W, D)``.
        label: Label map ``(H, W, D)``.
        affine: Voxel -> right, anterior, superior [mm], of all of them.
        spacing: Voxel size that is wanted [mm].

    Returns:
        The images, the label map, and their affine.
    """
    own_spacing = voxel_sizes(affine)
    if np.all(np.abs(own_spacing - spacing) <= TOLERATED * np.asarray(spacing)):
        return dict(images), label, affine
    shape = tuple(max(1, round(n * a / b)) for n, a, b in zip(label.shape, own_spacing, spacing, strict=True))
    target = shape, rescale_affine(affine, label.shape, spacing, shape)

    def brought(volume: NDArray[Any], order: int) -> NDArray[Any]:
        image = resample_from_to(nib.Nifti1Image(volume, affine), target, order=order, mode="nearest")
        return np.asarray(image.dataobj, dtype=volume.dtype)

    linear = {name: brought(image.astype(np.float32), 1) for name, image in images.items()}
    return linear, brought(label, 0), target[1]
