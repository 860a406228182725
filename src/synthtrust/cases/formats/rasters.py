"""Plane images on disk: their pixels as the numbers that the file holds, whatever its format."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.formats import rasters_pillow, rasters_tiff
from synthtrust.cases.formats.raster_kind import RasterKind
from synthtrust.refusals import CaseError

RASTERS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2", ".dcm")
"""Endings of plane images, in small letters."""

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes, of files beyond 4 GB too
DICOM = 128, b"DICM"  # where it stands


def is_raster(path: Path) -> bool:
    """Whether a file is a plane image: by its ending, or a DICOM file by any other, as scanners name them.

    Every other file is read as a volume.
    """
    ending = path.suffix.lower()
    return ending in RASTERS or (ending not in (".nii", ".gz") and _is_dicom(_head(path)))


def raster_kind(path: Path) -> RasterKind:
    """Return what the header of a plane image says.

    Raises:
        CaseError: If the file is missing, is no image, a stack of several, or has pixels that are no grey or colours.
    """
    with _named(path):
        kind: RasterKind = _reader(path).kind_of(path)
    return kind


def check_raster(path: Path) -> RasterKind:
    """Check, as cheaply as its format allows, that a file is one whole, opaque plane image; return its facts.

    Raises:
        CaseError: As ``read_pixels``.
    """
    with _named(path):
        kind: RasterKind = _reader(path).check(path)
    return kind


def read_pixels(path: Path) -> NDArray[Any]:
    """Read the numbers of an upright plane image: ``(H, W)`` of grey, ``(H, W, 3)`` of colours.

    Grey is what the file holds, of any number of bits and any byte order; black and white of 1 bit are 0 and 255.
    Palettes, CMYK and YCbCr become RGB.

    Raises:
        CaseError: If the file is missing, damaged, or no image; or one that cannot be read as numbers: a stack of
            several, an animation, transparent pixels, or colours without a settled meaning, such as LAB.
    """
    with _named(path):
        pixels: NDArray[Any] = _reader(path).pixels_of(path)
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise CaseError(f"Expected grey or colours, but got {pixels.shape} numbers in {path}. Save it as grey or RGB.")
    return pixels


def read_raster(path: Path, dtype: type[np.generic], channel: int | None = None) -> NDArray:
    """Read one channel of a plane image, shape ``(H, W)``; its brightness when none is given.

    Grey images are three equal channels. For the rest see ``read_pixels``.

    Raises:
        CaseError: As ``read_pixels``, and if there is no such channel.
    """
    pixels = read_pixels(path)
    if channel is not None and channel not in range(3):
        raise CaseError(f"Expected channel 0, 1 or 2 of {path}, but got {channel}.")
    if pixels.ndim == 3:
        pixels = _brightness(pixels) if channel is None else pixels[..., channel]
    return pixels.astype(dtype)


def _brightness(colours: NDArray[Any]) -> NDArray[Any]:
    """Return the luma of ITU-R BT.601; of whole numbers rounded, and to the bit what Pillow gives for 8 bits."""
    if colours.dtype.kind == "f":
        return colours @ np.array([0.299, 0.587, 0.114])
    weights = np.array([19595, 38470, 7471])  # [1 / 65536]
    brightness: NDArray[np.int64] = (colours.astype(np.int64) @ weights + 32768) >> 16
    return brightness


def _reader(path: Path) -> ModuleType:
    """Choose by what a file begins with, since endings are often wrong."""
    with path.open("rb") as file:
        head = file.read(132)
    if head.startswith(TIFF):
        return rasters_tiff
    if _is_dicom(head) or path.suffix.lower() == ".dcm":
        from synthtrust.cases.formats import rasters_dicom  # a fifth of a second, which most cohorts can save

        return rasters_dicom
    return rasters_pillow


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(132)


def _is_dicom(head: bytes) -> bool:
    offset, word = DICOM
    return head[offset:] == word


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in any error that a library raises while it reads it; the kinds of these errors are not known."""
    try:
        yield
    except CaseError:
        raise
    except FileNotFoundError:
        raise CaseError(f"Expected an image at {path}, but there is none.") from None
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CaseError(
            f"Expected an image, but {path} is cut short or damaged, or of a kind that is not read ({reason}). Copy it "
            "again, or save it as PNG."
        ) from error
