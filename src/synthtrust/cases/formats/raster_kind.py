"""What every reader of plane images gives: the facts of a header, and pixels that stand upright."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.refusals import CaseError

MOST_PIXELS = 178_956_970
"""Beyond which an image is refused unread, as Pillow does: a small file may promise more than the memory holds."""


@dataclass(frozen=True)
class RasterKind:
    """What the header of a plane image says."""

    format: str
    """``PNG``, ``TIFF``, ``DICOM``, ..."""
    mode: str
    """How the file keeps its values: ``L``, ``RGB`` or ``I;16`` in Pillow's words, else ``uint16``, ``uint8 RGB``."""
    number: str
    """``u`` for whole numbers from 0 on, ``i`` for whole numbers with a sign, ``f`` for floating-point numbers."""
    bits: int
    """The number of bits of a number as it is read, at least 8."""
    shape: tuple[int, int]
    """``(H, W)`` of the upright image."""
    patient: str = ""
    """Hash of the patient's id, if the file has one (DICOM); the id itself must not leave the file."""

    @property
    def depth(self) -> str:
        """The range of its numbers in words; images of one set are comparable only where it is the same.

        >>> RasterKind("PNG", "L", "u", 8, (40, 36)).depth
        '8 bits'
        """
        return {"u": f"{self.bits} bits", "i": f"{self.bits} bits with a sign", "f": "floating-point numbers"}[
            self.number
        ]


def check_plane(frames: int, height: int, width: int, path: Path) -> None:
    """Check that a header promises one image, of a size that can be read.

    Raises:
        CaseError: If there are several, or too many pixels.
    """
    if frames > 1:
        raise CaseError(f"Expected one plane image, but got {frames} in {path}. Save each in a file of its own.")
    if not 0 < height * width <= MOST_PIXELS:
        raise CaseError(f"Expected an image of 1 to {MOST_PIXELS} pixels, but got {height} x {width} in {path}.")


def check_opaque(alpha: NDArray[Any], full: float, path: Path) -> None:
    """Check that a channel of opacity is full everywhere: what shows through is not in the file.

    Raises:
        CaseError: If it is not.
    """
    if (share := float((alpha != full).mean())) > 0:
        raise CaseError(
            f"Expected an opaque image, but {share:.1%} of the pixels of {path} are transparent. Save it without "
            "transparency, as grey or RGB."
        )


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image ``(H, W, ...)`` as its EXIF or TIFF orientation, 1 to 8, asks for.

    >>> upright(np.array([[1, 2], [3, 4]]), 6).tolist()  # the camera was held by a quarter turn
    [[3, 1], [4, 2]]
    """
    if orientation in (5, 6, 7, 8):
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def upright_shape(height: int, width: int, orientation: int) -> tuple[int, int]:
    """Return ``(H, W)`` of an image after ``upright``."""
    return (width, height) if orientation in (5, 6, 7, 8) else (height, width)
