"""Volumes on disk: headers and voxels of NIfTI files."""

import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from synthtrust.cases.errors import CaseError

GRID_TOLERANCE = 1e-3  # [mm] headers are written in float32 and as quaternions; a real misfit is a part of a voxel


def read_header(path: Path) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Return shape and affine of a NIfTI file without reading its voxels.

    Raises:
        CaseError: If the file is missing, is not NIfTI, or its voxels are colours or complex numbers.
    """
    try:
        image = nib.load(path)
        dtype = image.get_data_dtype()
    except FileNotFoundError:
        raise CaseError(f"Expected a NIfTI file at {path}, but there is none.") from None
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise CaseError(f"Expected a NIfTI file, but could not read {path}: {error}. Copy it again.") from error
    if dtype.kind not in "iuf":
        kind = "complex numbers" if dtype.kind == "c" else "colours"
        raise CaseError(f"Expected one real number a voxel, but {path} holds {kind}. Convert it.")
    return tuple(image.shape), image.affine


def read_volume(path: Path, dtype: type[np.generic], channel: int | None = None) -> NDArray:
    """Read the voxels of a NIfTI file, or of one channel of a four-dimensional one, shape ``(H, W, D)``.

    Raises:
        CaseError: If the file is missing, truncated, or has not three dimensions.
    """
    read_header(path)
    try:
        data = nib.load(path).dataobj
        volume = np.asarray(data if channel is None else data[..., channel], dtype=dtype)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CaseError(
            f"Expected a whole NIfTI file, but {path} is cut short or damaged: {error}. Copy it again."
        ) from error
    volume = volume.reshape(spatial(volume.shape))
    if volume.ndim != 3:
        raise CaseError(f"Expected a volume (H, W, D), but got shape {volume.shape} in {path}.")
    return volume


def spatial(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out trailing axes of length one: some tools write (H, W, D, 1)."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape
