"""Volumes that ITK reads: MetaImage, NRRD and series of DICOM slices, opened with their affine as NIfTI has it."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.formats.volume_file import Part, VolumeFile, check_promise
from synthtrust.cases.geometry import GRID_LIMIT
from synthtrust.refusals import CaseError

ITK_ENDINGS = (".mha", ".mhd", ".nrrd", ".nhdr")
"""Endings of MetaImage and NRRD; ``.mhd`` and ``.nhdr`` have their voxels in another file of the same name."""

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK and DICOM count towards left and posterior, NIfTI towards right, anterior
_NUMBERS = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"}


def simple_itk(path: Path) -> Any:
    """Return SimpleITK, which is an extra since it weighs much, without its own warnings on the terminal.

    Raises:
        CaseError: If it is not installed; the message names the file that it was wanted for.
    """
    try:
        sitk = import_module("SimpleITK")
    except ImportError:
        raise CaseError(
            f"Expected SimpleITK to read {path}, but it is not installed. Say pip install 'synthtrust[itk]'."
        ) from None
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk


def open_itk(path: Path) -> VolumeFile:
    """Read the header of a MetaImage or NRRD file.

    Raises:
        CaseError: If it is missing, SimpleITK is not installed, its voxels are no real numbers, or lie in a file of
            another name.
        RuntimeError: What ITK raises on a damaged file.
    """
    sitk = simple_itk(path)
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.suffix.lower() in (".mhd", ".nhdr"):
        _check_beside(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if path.suffix.lower() in (".mha", ".mhd") else "NrrdImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    file = opened(path, reader, lambda: reader.Execute())
    check_promise(file, 0, 0)
    return file


def opened(path: Path, header: Any, read: Any) -> VolumeFile:
    """Return a volume by a header of ITK: a reader that has read one, or an image.

    Args:
        path: The path of the file or folder.
        header: With size, spacing, origin, direction, components and type of the voxels.
        read: Returns the image.
    """
    sitk = simple_itk(path)
    kind = sitk.GetPixelIDValueAsString(header.GetPixelID()) if hasattr(header, "GetPixelID") else ""
    dtype = _dtype_of(kind, path)
    components = header.GetNumberOfComponents() if hasattr(header, "GetNumberOfComponents") else 1
    shape = tuple(map(int, header.GetSize())) + ((components,) if components > 1 else ())

    def load(part: Part) -> NDArray:
        voxels = sitk.GetArrayFromImage(read())  # (..., Z, Y, X), components last
        axes = len(header.GetSize())
        order = (*reversed(range(axes)), *range(axes, voxels.ndim))
        return voxels.transpose(order)[part]

    return VolumeFile(path, shape, _affine_of(header), dtype, load)


def _dtype_of(kind: str, path: Path) -> np.dtype:
    """Return the type of the voxels by ITK's name for it, such as "32-bit float" or "vector of 8-bit unsigned integer".

    Raises:
        CaseError: If they are no real numbers.
    """
    bits, _, number = kind.removeprefix("vector of ").partition("-bit ")
    name = {"unsigned integer": "uint", "signed integer": "int", "float": "float"}.get(number, "") + bits
    if name not in _NUMBERS:
        raise CaseError(f"Expected one real number a voxel, but {path} holds {kind}. Convert it.")
    return np.dtype(name)


def _affine_of(header: Any) -> NDArray[np.float64]:
    """Return voxel -> right, anterior, superior [mm] of the first three axes."""
    size = len(header.GetSize())
    if size < 3:
        return np.eye(4)  # such a shape is refused
    affine = np.eye(4)
    direction = np.array(header.GetDirection()).reshape(size, size)[:3, :3]
    affine[:3, :3] = direction * np.array(header.GetSpacing())[:3]
    affine[:3, 3] = np.array(header.GetOrigin())[:3]
    turned: NDArray[np.float64] = _LPS @ affine
    return turned


def _check_beside(path: Path) -> None:
    """Refuse a header whose voxels lie elsewhere: what a run read is known by the files of that name."""
    lines = path.read_text(encoding="latin-1").splitlines()
    named = [line.partition("=" if path.suffix.lower() == ".mhd" else ":")[2].strip() for line in lines
             if line.lower().startswith(("elementdatafile", "data file:", "datafile:"))]  # fmt: skip
    if not named or Path(named[0]).name != named[0] or not named[0].startswith(f"{path.stem}."):
        raise CaseError(
            f"Expected the voxels of {path} beside it in a file {path.stem}.*, but it names {named[:1] or 'none'}. "
            "Save header and voxels in one file, .mha or .nrrd."
        )


def is_dicom_series(path: Path) -> bool:
    """Whether this is a folder, which is then read as the slices of one DICOM series, or a DICOM slice of one."""
    return path.is_dir() or path.suffix.lower() == ".dcm"


def open_dicom(path: Path) -> VolumeFile:
    """Read the headers of the slices of a DICOM series: a folder that holds one, or a slice of it in such a folder.

    Raises:
        CaseError: If SimpleITK is not installed, there is no slice or more than one series, or slices are missing, lie
            at uneven distances or are shifted against each other, so that they are no grid.
        RuntimeError: What ITK raises on a damaged file.
    """
    sitk = simple_itk(path)
    if not path.exists():
        raise FileNotFoundError(path)
    files = _slices(sitk, path)
    headers = [_slice_header(sitk, file) for file in files]
    affine, order = _stacked(path, headers)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([files[n] for n in order])
    first = headers[order[0]]
    dtype = _dtype_of(sitk.GetPixelIDValueAsString(first.GetPixelID()), path)
    if first.GetNumberOfComponents() > 1:
        raise CaseError(f"Expected one real number a voxel, but {path} holds colours. Convert it.")

    def load(part: Part) -> NDArray:
        return sitk.GetArrayFromImage(reader.Execute()).transpose(2, 1, 0)[part]

    file = VolumeFile(path, (*map(int, first.GetSize()[:2]), len(files)), affine, dtype, load)
    check_promise(file, 0, 0)
    return file


def patient_in_dicom(path: Path) -> str:
    """Return the patient id in a DICOM slice, or in the first one of a folder; nothing where there is none.

    It is personal data, to be hashed before it is kept or shown.
    """
    sitk = simple_itk(path)
    header = _slice_header(sitk, _slices(sitk, path)[0])
    return str(header.GetMetaData("0010|0020")).strip() if header.HasMetaDataKey("0010|0020") else ""


def _slices(sitk: Any, path: Path) -> tuple[str, ...]:
    folder = path if path.is_dir() else path.parent
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    named = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), name) for name in series]
    if not path.is_dir():
        named = [files for files in named if str(path) in map(str, files)]
    if len(named) != 1 or not named[0]:
        raise CaseError(
            f"Expected the slices of one DICOM series in {path}, but got {len(named) or 'no'} series. Put each into a "
            "folder of its own."
        )
    return tuple(named[0])


def _slice_header(sitk: Any, file: str) -> Any:
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader


def _stacked(path: Path, headers: list[Any]) -> tuple[NDArray[np.float64], list[int]]:
    """Return the affine of the slices as one volume, and their order along it.

    Raises:
        CaseError: If they are no grid; the message names the folder.
    """
    if {tuple(header.GetSize())[2:] for header in headers} - {(), (1,)}:
        raise CaseError(f"Expected one slice a file, but {path} holds several in one. Convert it to NIfTI.")
    planes = np.array([_LPS @ _plane_affine(header) for header in headers])  # (N, 4, 4)
    if len({header.GetSize()[:2] for header in headers}) > 1 or not np.allclose(planes[:, :3, :2], planes[0, :3, :2],
                                                                              atol=1e-3):  # fmt: skip
        raise CaseError(f"Expected slices of one size and direction, but those in {path} differ. Resample them.")
    normal = np.cross(planes[0, :3, 0], planes[0, :3, 1])
    normal /= np.linalg.norm(normal)
    order = np.argsort(planes[:, :3, 3] @ normal, kind="stable")
    affine = planes[order[0]].copy()
    if len(order) > 1:
        places = planes[order, :3, 3]
        step = (places[-1] - places[0]) / (len(order) - 1)
        even = places[0] + np.arange(len(order))[:, None] * step
        side = float(np.linalg.norm(affine[:3, :3], axis=0).min())
        away = max(np.linalg.norm(places - even, axis=1).max(), np.linalg.norm(step - (step @ normal) * normal))
        if not step @ normal > 0 or away > GRID_LIMIT * min(side, float(step @ normal)):
            raise CaseError(
                f"Expected slices at even distances, one above the other, but those in {path} are off by up to "
                f"{away:.3g} mm: some are missing, doubled or tilted. Repair the series, or convert it to NIfTI."
            )
        affine[:3, 2] = step
    return affine, [int(n) for n in order]


def _plane_affine(header: Any) -> NDArray[np.float64]:
    """Return the affine of one slice, towards left, posterior and superior [mm]."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(header.GetDirection()).reshape(3, 3) * np.array(header.GetSpacing())
    affine[:3, 3] = header.GetOrigin()
    return affine
