"""NIfTI files, and what else nibabel reads, opened with their affine checked."""

from math import prod
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import FileBasedImage
from nibabel.fileholders import FileHolder
from nibabel.nifti1 import Nifti1Header
from nibabel.spatialimages import HeaderDataError, SpatialImage
from numpy.typing import NDArray

from synthtrust.cases.formats.volume_file import VolumeFile, check_promise
from synthtrust.cases.geometry import GRID_LIMIT, grid_distance, grid_distance_mm
from synthtrust.refusals import CaseError

NIFTI_ENDINGS = (".nii", ".nii.gz")
"""Endings of NIfTI files, in small letters."""

MOST_PACKED = 1032
"""How many bytes a byte of gzip can stand for at most: the limit of deflate."""


def open_nifti(path: Path) -> VolumeFile:
    """Read the header of a volume with nibabel.

    Raises:
        CaseError: If its voxels are colours or complex numbers, sform and qform put it into two places, or it promises
            more voxels than it can hold.
        Exception: Whatever nibabel raises on a file that is damaged or no volume.
    """
    image = _load(path)
    if not isinstance(image, SpatialImage) or image.affine is None:
        raise CaseError(f"Expected a volume on a grid, but {path} holds {type(image).__name__}. Export it as NIfTI.")
    dtype = np.dtype(image.get_data_dtype())
    if dtype.kind not in "iuf":
        kind = "complex numbers" if dtype.kind == "c" else "colours"
        raise CaseError(f"Expected one real number a voxel, but {path} holds {kind}. Convert it.")
    header, data = image.header, image.dataobj
    scaling = (getattr(data, "slope", 1), getattr(data, "inter", 0))
    file = VolumeFile(
        path,
        tuple(map(int, image.shape)),
        np.asarray(image.affine, dtype=np.float64),
        dtype,
        lambda part: np.asanyarray(data if all(index == slice(None) for index in part) else data[part]),
        oriented=not isinstance(header, Nifti1Header) or bool(header["sform_code"] > 0 or header["qform_code"] > 0),
        scaled=scaling != (1, 0),
    )
    if isinstance(header, Nifti1Header):
        _check_places(header, file)
    holder = Path(image.file_map["image"].filename or path)
    size = holder.stat().st_size * (MOST_PACKED if holder.suffix.lower() in (".gz", ".mgz") else 1)
    if holder.suffix.lower() not in (".bz2", ".zst"):
        check_promise(file, int(getattr(data, "offset", 0)) + prod(file.shape) * dtype.itemsize, size)
    return file


def _load(path: Path) -> FileBasedImage:
    try:
        return nib.load(path)
    except FileNotFoundError:
        if not path.name.lower().endswith(NIFTI_ENDINGS) or not path.is_file():
            raise
    # nibabel looks for an ending in small or in capital letters, and misses x.Nii.gz
    files = {"header": FileHolder(str(path)), "image": FileHolder(str(path))}
    return nib.Nifti1Image.from_file_map(files)


def _check_places(header: Nifti1Header, file: VolumeFile) -> None:
    """Refuse a header whose two affines give the scan two positions, since it is unclear which one is right."""
    sform, qform = header.get_sform(coded=True)[0], _qform(header)
    if sform is None or qform is None or not (_regular(sform) and _regular(qform)):
        return
    if grid_distance(sform, qform, file.sides) > GRID_LIMIT:
        apart = grid_distance_mm(sform, qform, file.sides)
        raise CaseError(
            f"Expected one place for the scan, but sform and qform of {file.path} put it {apart:.3g} mm apart. "
            "Keep the right one, in nibabel with image.set_qform(image.get_sform(), 1), or the other way round."
        )


def _qform(header: Nifti1Header) -> NDArray[np.float64] | None:
    """Return the affine of the quaternion; None where there is none, or it is broken and so says nothing."""
    try:
        return header.get_qform(coded=True)[0]
    except (HeaderDataError, ValueError):
        return None


def _regular(affine: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 0)
