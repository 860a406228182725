"""Plane images on disk: their pixels as numbers."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from synthtrust.cases.errors import CaseError

RASTERS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Endings of plane images; every other file is read as NIfTI."""


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
