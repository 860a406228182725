"""Volumes on disk: every file that holds one, read into arrays of one orientation."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.formats.itk_volume import ITK_ENDINGS, is_dicom_series, open_dicom, open_itk, patient_in_dicom
from synthtrust.cases.formats.nifti import NIFTI_ENDINGS, open_nifti
from synthtrust.cases.formats.volume_file import VolumeFile
from synthtrust.cases.geometry import as_stored, canonical_affine, canonical_shape, orientation_of, to_canonical
from synthtrust.files import RememberedFiles
from synthtrust.refusals import CaseError

VOLUME_ENDINGS = (*NIFTI_ENDINGS, *ITK_ENDINGS)
"""Endings of volumes, in small letters; a folder of DICOM slices is a volume, too."""


@dataclass(frozen=True)
class VolumeHeader:
    """What the header of a volume says, without its voxels."""

    shape: tuple[int, ...]
    """Voxels towards right, anterior and superior, and the number of channels where the file has several."""
    affine: NDArray[np.float64]
    """Voxel -> right, anterior, superior [mm], of the array as ``read_volume`` gives it; shape ``(4, 4)``."""
    orientation: str
    """Where the axes of the stored array run to, such as ``LPS``; a guess if not ``oriented``."""
    oriented: bool
    """Whether the header says so."""
    dtype: np.dtype
    """The type of the numbers on disk."""
    scaled: bool
    """Whether values are others than the numbers on disk, by a slope or an intercept."""


def is_volume(path: str | Path) -> bool:
    """Whether a name is that of a volume, or a folder holds DICOM slices.

    >>> is_volume("a/Scan.NII.GZ"), is_volume("scan.mha"), is_volume("scan.png")
    (True, True, False)
    """
    path = Path(path)
    return path.name.lower().endswith(VOLUME_ENDINGS) or (path.is_dir() and any(path.glob("*.[dD][cC][mM]")))


def stem_of(path: str | Path) -> str:
    """Return the name of a volume without its ending.

    >>> stem_of("a/Scan.v2.NII.GZ"), stem_of("scan.mha"), stem_of("series")
    ('Scan.v2', 'scan', 'series')
    """
    name = Path(path).name
    ending = max((ending for ending in VOLUME_ENDINGS if name.lower().endswith(ending)), key=len, default="")
    return name[: len(name) - len(ending)]


def kind_of(path: Path) -> str:
    """Return what a file is expected to be: ``NIfTI``, ``MetaImage or NRRD`` or ``DICOM``."""
    return _opener(path)[0]


def read_header(path: Path) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Return shape and affine of a volume as ``read_volume`` gives it, without reading its voxels.

    Raises:
        CaseError: If the file is missing, no volume, or not to be trusted; see ``describe_header``.
    """
    header = describe_header(path)
    return header.shape, header.affine


def stored_orientation(path: Path) -> str:
    """Return where the axes of a volume run to as it is stored, such as ``LPS``."""
    return describe_header(path).orientation


def stored_affine(path: Path) -> NDArray[np.float64]:
    """Return the affine of a volume from its voxels as they are stored to world [mm], shape ``(4, 4)``."""
    return _open(path).affine


def describe_header(path: Path) -> VolumeHeader:
    """Return what the header of a volume says, without reading its voxels; jobs of a sweep share what was read.

    Raises:
        CaseError: If the file is missing or no volume; its voxels are colours or complex numbers; it has no place in
            space, or two; or it promises more voxels than it can hold. The message names the file.
    """
    return _headers.of(path) if path.is_file() else _read_header(path)


def _read_header(path: Path) -> VolumeHeader:
    file = _open(path)
    channels = file.channels
    return VolumeHeader(
        canonical_shape(file.affine, file.sides) + (() if channels is None else (channels,)),
        canonical_affine(file.affine, file.sides),
        orientation_of(file.affine),
        file.oriented,
        file.dtype,
        file.scaled,
    )


_headers = RememberedFiles(_read_header)


def read_volume(path: Path, dtype: type[np.generic] | None, channel: int | None = None) -> NDArray:
    """Read the voxels of a volume, or of one channel of a file of several, shape ``(H, W, D)``.

    Axes run towards right, anterior and superior, or nearest to that, however the file has them: one scan that is
    saved in two orientations gives the same array.

    Args:
        path: The file, or the folder of a DICOM series.
        dtype: The type of the values; None for the one that the file has.
        channel: Index along the last axis; None for a file of one volume.

    Raises:
        CaseError: If the header is refused, the file is truncated, or has not three dimensions.
    """
    file = _open(path)
    part = file.part(channel)
    try:
        stored = file.load(part)
        return to_canonical(stored, file.affine, dtype)
    except Exception as error:  # whatever a damaged file makes of a reader: a cohort goes on without it
        raise CaseError(
            f"Expected a whole volume, but {path} is cut short or damaged: {_one_line(error)}. Copy it again."
        ) from error


def write_volume(voxels: NDArray, affine: NDArray[np.float64], path: Path, description: str = "") -> None:
    """Write an array ``(H, W, D)`` as NIfTI, in the type and the orientation it has, with a description of 79 bytes."""
    volume = nib.Nifti1Image(voxels, affine)
    volume.header["descrip"] = description.encode("ascii")
    nib.save(volume, path)


def write_volume_like(voxels: NDArray, like: Path, path: Path, description: str = "") -> None:
    """Write an array that lies as ``read_volume`` gives them as NIfTI, voxel on voxel with another file.

    Args:
        voxels: Shape ``(H, W, D)``, in the type they are to have.
        like: The file whose orientation and affine it gets.
        path: Where to write.
        description: What the header says of it, at most 79 characters.

    Raises:
        CaseError: If that file cannot be read, or is of another shape.
    """
    file = _open(like)
    if canonical_shape(file.affine, file.sides) != voxels.shape:
        raise CaseError(
            f"Expected an array of the shape {canonical_shape(file.affine, file.sides)} of {like}, but got "
            f"{voxels.shape}."
        )
    write_volume(as_stored(voxels, file.affine), file.affine, path, description)


def patient_of(path: Path) -> str:
    """Return a name for the patient that a DICOM series says it is of; nothing for other files, or if it says nothing.

    The name is a hash, the same for all series of one patient: ids of hospitals stand on no page.
    """
    if not is_dicom_series(path):
        return ""
    patient = patient_in_dicom(path)
    return f"patient-{hashlib.sha256(f'synthtrust {patient}'.encode()).hexdigest()[:12]}" if patient else ""


def _open(path: Path) -> VolumeFile:
    kind, opener = _opener(path)
    try:
        file = opener(path)
    except CaseError:
        raise
    except Exception as error:  # whatever a damaged file makes of a reader: a cohort goes on without it
        if not path.exists():
            raise CaseError(f"Expected a {kind} file at {path}, but there is none.") from None
        raise CaseError(
            f"Expected a {kind} file, but could not read {path}: {_one_line(error)}. Copy it again."
        ) from error
    if not (np.isfinite(file.affine).all() and abs(np.linalg.det(file.affine[:3, :3])) > 0):
        raise CaseError(
            f"Expected a header that says where the voxels lie, but the affine of {path} is "
            f"{file.affine[:3].round(3).tolist()}, which is no place in space. Repair it, or export the scan again."
        )
    file.part(None if file.channels is None else 0)
    return file


def _opener(path: Path) -> tuple[str, Callable[[Path], VolumeFile]]:
    """Return what a file is expected to be, and what opens it."""
    if path.name.lower().endswith(ITK_ENDINGS):
        return "MetaImage or NRRD", open_itk
    return ("DICOM", open_dicom) if is_dicom_series(path) else ("NIfTI", open_nifti)


def _one_line(error: Exception) -> str:
    """Return the type of an error and what it says, without the lines that ITK puts around it."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[-300:]}" if text else type(error).__name__
