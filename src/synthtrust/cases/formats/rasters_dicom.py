"""Single DICOM images, read with pydicom: numbers in the units of the scanner, with bright for more."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

from synthtrust.cases.formats import dicom_codecs  # noqa: F401  pydicom decodes with it
from synthtrust.cases.formats.raster_kind import RasterKind, check_plane
from synthtrust.refusals import CaseError

GREYS = ("MONOCHROME1", "MONOCHROME2")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"


def kind_of(path: Path) -> RasterKind:
    """Return what the header says.

    Numbers that the file turns into units (such as HU) are floating-point numbers, whatever they are stored as; all
    others have the bits that they are stored in.
    """
    image = _read(path, pixels=False)
    meaning = image.PhotometricInterpretation
    bits = int(image.RedPaletteColorLookupTableDescriptor[2] if meaning == PALETTE else image.BitsStored)
    number = "f" if _has_units(image) else "i" if image.get("PixelRepresentation", 0) == 1 else "u"
    mode = f"{meaning} in units" if _has_units(image) else f"{meaning} {bits} bits"
    patient = str(image.get("PatientID", "") or "").strip()
    return RasterKind(
        "DICOM", mode, number, max(8, bits), (int(image.Rows), int(image.Columns)),
        "patient-" + hashlib.sha256(patient.encode()).hexdigest()[:12] if patient else "",
    )  # fmt: skip


def pixels_of(path: Path) -> NDArray[Any]:
    """Read the numbers of an image, ``(H, W)`` or ``(H, W, 3)``: after the modality's rescale, and before any window.

    MONOCHROME1, in which more is darker, is turned over within the range of its bits.
    """
    image = _read(path, pixels=True)
    pixels = pixel_array(image)  # YBR becomes RGB
    meaning = image.PhotometricInterpretation
    if meaning == PALETTE:
        return apply_color_lut(pixels, image)
    if meaning not in GREYS:
        return pixels
    numbers = _in_units(pixels, image)
    if meaning == "MONOCHROME2":
        return numbers
    low, high = _in_units(_range(image), image)
    return (low + high - numbers.astype(low.dtype)).astype(numbers.dtype)


def check(path: Path) -> RasterKind:
    """Check that nothing is missing, for which every pixel is decoded; return the facts of the header."""
    pixels_of(path)
    return kind_of(path)


def _read(path: Path, *, pixels: bool) -> Dataset:
    # force: files from before the preamble with DICM have none; a file that is none at all has no pixels either
    image = pydicom.dcmread(path, stop_before_pixels=not pixels, force=True)
    needed = ["Rows", "Columns", "BitsStored", "PhotometricInterpretation"]
    if missing := [name for name in needed if name not in image]:
        raise CaseError(f"Expected a DICOM image, but {path} does not say {', '.join(missing)}. Copy it again.")
    if pixels and not any(name in image for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise CaseError(f"Expected a DICOM image, but {path} holds no pixels. Copy it again.")
    check_plane(int(image.get("NumberOfFrames", 1) or 1), int(image.Rows), int(image.Columns), path)
    if image.PhotometricInterpretation not in (*GREYS, *COLOURS, PALETTE):
        raise CaseError(
            f"Expected grey or colours, but {path} has {image.PhotometricInterpretation}. Save it as grey or RGB."
        )
    return image


def _has_units(image: Dataset) -> bool:
    rescaled = (float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))) != (1, 0)
    return rescaled or "ModalityLUTSequence" in image


def _in_units(pixels: NDArray[Any], image: Dataset) -> NDArray[Any]:
    return apply_modality_lut(pixels, image) if _has_units(image) else pixels


def _range(image: Dataset) -> NDArray[np.int64]:
    """Return the lowest and the highest number that the bits can hold."""
    bits = int(image.BitsStored)
    if image.get("PixelRepresentation", 0) == 1:
        return np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1])
    return np.array([0, 2**bits - 1])
