"""A case: the images of one patient at one time, their label map or class, and where they came from."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

GRID_TOLERANCE = 1e-3  # [mm] headers are written in float32 and as quaternions; a real misfit is a part of a voxel


RASTERS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Endings of plane images; every other file is read as NIfTI."""


class Source(StrEnum):
    """Where the images of a case come from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


class CaseError(ValueError):
    """A case that cannot be used; the message names the file and what to do."""


@dataclass(frozen=True)
class Case:
    """One labelled volume or plane image on disk, all its files on one grid ``(H, W, D)`` or ``(H, W)``.

    A twin (a synthetic case painted on the label of a real one) keeps the ``id`` of that real case: it pairs them.
    """

    id: str
    images: Mapping[str, Path]
    """Canonical modality name -> NIfTI, PNG, JPEG, TIFF or BMP file."""
    label: Path | int
    """NIfTI file with the label map; or the class of the whole image, counted from 0."""
    source: Source = Source.REAL
    patient: str = ""
    """Whom the case belongs to; several cases may share one patient. The case's own id when not given."""
    channels: Mapping[str, int] = field(default_factory=dict)
    """Modality name -> index along the last axis, for files that hold several modalities (a colour is one)."""
    relabel: Mapping[int, int] | None = None
    """Value in the label file -> canonical label; any other value is refused. None: the file is canonical already."""
    part: str = ""
    """``train``, ``val`` or ``test`` when its publisher has split the cohort; empty when nobody did."""

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", self.id)
        object.__setattr__(self, "images", MappingProxyType({name: Path(p) for name, p in self.images.items()}))
        if not isinstance(self.label, int):
            object.__setattr__(self, "label", Path(self.label))

    def __reduce__(self) -> tuple[type["Case"], tuple[object, ...]]:  # a mappingproxy does not pickle
        relabel = None if self.relabel is None else dict(self.relabel)
        return type(self), (
            self.id, dict(self.images), self.label, self.source, self.patient, dict(self.channels), relabel,
            self.part,
        )  # fmt: skip

    @property
    def files(self) -> dict[str, Path]:
        """Every file of the case by its role: modality names, and ``label`` where that is a file."""
        return {**self.images, **({} if isinstance(self.label, int) else {"label": self.label})}

    @property
    def label_map(self) -> Path:
        """The file with the label map.

        Raises:
            CaseError: If the case has a class instead.
        """
        if isinstance(self.label, int):
            raise CaseError(f"Expected a label map, but case {self.id} has class {self.label} for the whole image.")
        return self.label

    @property
    def category(self) -> int:
        """The class of the whole image, counted from 0.

        Raises:
            CaseError: If the case has a label map instead.
        """
        if not isinstance(self.label, int):
            raise CaseError(f"Expected a class for the whole image, but case {self.id} has a label map, {self.label}.")
        return self.label

    def load_image(self, modality: str) -> NDArray[np.float32]:
        """Read one image, shape ``(H, W, D)`` or ``(H, W)``, in the file's intensity units.

        Raises:
            CaseError: If the file cannot be read, holds a value that is not finite, or is zero everywhere.
        """
        path = self.images[modality]
        read = read_raster if path.suffix.lower() in RASTERS else read_volume
        image: NDArray[np.float32] = read(path, np.float32, self.channels.get(modality))
        if not np.isfinite(image).all():
            raise CaseError(
                f"Expected finite intensities, but got NaN or infinity in {path}. Repair or leave out {self.id}."
            )
        if not image.any():
            raise CaseError(f"Expected an image, but got zero in every voxel of {path}. Repair or leave out {self.id}.")
        return image

    def load_label(self) -> NDArray[np.uint8]:
        """Read the label map in canonical labels, shape ``(H, W, D)``.

        Raises:
            CaseError: If the file cannot be read, or holds a value that its cohort does not know.
        """
        raw = read_volume(self.label_map, np.float32)
        values = np.unique(raw)
        known = (
            self.relabel
            if self.relabel is not None
            else {int(v): int(v) for v in values if 0 <= v < 256 and v == int(v)}
        )
        if unknown := [v for v in values.tolist() if v not in known]:
            raise CaseError(
                f"Expected label values among {sorted(known)}, but got {unknown[:8]} in {self.label_map}. "
                "Choose the release whose labels these are (BraTS: cases.release=2021 has 1, 2, 4; 2023 has 1, 2, 3; "
                "2024 has 1, 2, 3, 4), or repair the file."
            )
        label = np.zeros(raw.shape, dtype=np.uint8)
        for value in values.tolist():
            label[raw == value] = known[int(value)]
        return label


def check_grid(case: Case) -> None:
    """Check from the headers alone that every file of a case is there and lies on the voxel grid of its label map.

    Raises:
        CaseError: If a file is missing or not NIfTI, or its shape, channels or affine do not fit.
    """
    shape, affine = read_header(case.label_map)
    for modality, path in case.images.items():
        image_shape, image_affine = read_header(path)
        channel = case.channels.get(modality)
        if channel is not None:
            if len(image_shape) != 4 or channel >= image_shape[3]:
                raise CaseError(f"Expected {modality} in channel {channel} of {path}, but got shape {image_shape}.")
            image_shape = image_shape[:3]
        if _spatial(image_shape) != _spatial(shape):
            raise CaseError(
                f"Expected {path} on the grid of its label, but got shape {image_shape} against {shape}. "
                "Resample one onto the other."
            )
        if not np.allclose(image_affine, affine, atol=GRID_TOLERANCE):
            raise CaseError(
                f"Expected {path} to have the affine of its label, but they differ by up to "
                f"{np.abs(image_affine - affine).max():.3g} mm. Resample one onto the other."
            )


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
    volume = volume.reshape(_spatial(volume.shape))
    if volume.ndim != 3:
        raise CaseError(f"Expected a volume (H, W, D), but got shape {volume.shape} in {path}.")
    return volume


def read_raster(path: Path, dtype: type[np.generic], channel: int | None = None) -> NDArray:
    """Read the pixels of a plane image, shape ``(H, W)``: one channel of colours, or their brightness.

    Raises:
        CaseError: If the file is missing, is no image, or has not that channel.
    """
    try:
        with Image.open(path) as image:
            colours = image.convert("RGB") if channel is not None else image
            grey = colours if channel is not None or colours.mode in ("L", "I", "F", "I;16") else colours.convert("L")
            pixels = np.asarray(grey)
    except FileNotFoundError:
        raise CaseError(f"Expected an image at {path}, but there is none.") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # SyntaxError: what Pillow calls a broken PNG
        raise CaseError(f"Expected an image, but {path} is cut short or damaged: {error}. Copy it again.") from error
    if channel is not None and channel >= pixels.shape[2]:
        raise CaseError(f"Expected channel {channel} in {path}, but got {pixels.shape[2]} channels.")
    return (pixels if channel is None else pixels[..., channel]).astype(dtype)


def _spatial(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out trailing axes of length one: some tools write (H, W, D, 1)."""
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape
