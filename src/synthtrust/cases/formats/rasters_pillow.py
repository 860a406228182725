"""PNG, JPEG, BMP, GIF, WebP and JPEG 2000: read with Pillow, and with imagecodecs what Pillow would cut to 8 bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from synthtrust.cases.formats.raster_kind import RasterKind, check_opaque, check_plane, upright, upright_shape
from synthtrust.refusals import CaseError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "JPEG2000")
"""The formats of Pillow that are opened, MPO counted as JPEG; some of the others start programs."""

NUMBERS = {
    "I;16": ("u", 16), "I;16B": ("u", 16), "I;16L": ("u", 16), "I": ("i", 32), "F": ("f", 32),
}  # fmt: skip
"""Pillow's mode -> kind and bits of its numbers."""

GREYS = ("1", "L", "LA", "La")
COLOURS = ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")


def kind_of(path: Path) -> RasterKind:
    """Return what the header says; a JPEG 2000 image is decoded for it."""
    with _image(path) as image:
        return _kind(image, path)


def pixels_of(path: Path) -> NDArray[Any]:
    """Read the numbers of an upright image, ``(H, W)`` or ``(H, W, 3)``; black and white of 1 bit are 0 and 255."""
    with _image(path) as image:
        if image.format == "JPEG2000":
            return upright(_opaque(imagecodecs.jpeg2k_decode(path.read_bytes()), path), _orientation(image, path))
        if _is_deep(image):
            return upright(_opaque(imagecodecs.png_decode(path.read_bytes()), path), _orientation(image, path))
        turned = ImageOps.exif_transpose(image)
        if image.mode in NUMBERS:
            pixels = np.asarray(turned)
            if "transparency" in image.info:  # the one grey that shows through
                check_opaque(pixels == image.info["transparency"], False, path)
            return pixels
        if image.has_transparency_data:
            check_opaque(np.asarray(turned.convert("RGBA").getchannel("A")), 255, path)
        return np.asarray(turned.convert("L" if image.mode in GREYS else "RGB"))


def check(path: Path) -> RasterKind:
    """Check as cheaply as the format allows that nothing is missing, and that the image is opaque; return its facts."""
    with _image(path) as image:
        kind = _kind(image, path)
        if image.format == "PNG" and not image.has_transparency_data:  # has checksums
            image.verify()
            return kind
        if image.format in ("JPEG", "MPO"):  # is read to its end, at an eighth of its size
            image.draft(image.mode, (1, 1))
            image.load()
            return kind
    pixels_of(path)
    return kind


@contextmanager
def _image(path: Path) -> Iterator[Image.Image]:
    with Image.open(path, formats=FORMATS) as image:
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # of a JPEG, what follows is a preview
        check_plane(frames, image.height, image.width, path)
        if image.mode not in (*NUMBERS, *GREYS, *COLOURS):
            raise CaseError(f"Expected grey or colours, but {path} has mode {image.mode}. Save it as grey or RGB.")
        yield image


def _kind(image: Image.Image, path: Path) -> RasterKind:
    if image.format == "JPEG2000":
        dtype = imagecodecs.jpeg2k_decode(path.read_bytes()).dtype
        number, bits = str(dtype.kind), 8 * dtype.itemsize
    else:
        number, bits = NUMBERS.get(image.mode, ("u", 16 if _is_deep(image) else 8))
    shape = upright_shape(image.height, image.width, _orientation(image, path))
    mode = f"{image.mode};16" if bits == 16 and image.mode not in NUMBERS else image.mode
    return RasterKind(str(image.format), mode, number, bits, shape)


def _is_deep(image: Image.Image) -> bool:
    """Whether it has more bits than Pillow gives: a PNG with 16 bits a channel that is not plain grey."""
    return (
        image.format == "PNG"
        and image.mode not in NUMBERS
        and any(str(tile[3]).endswith(";16B") for tile in getattr(image, "tile", []))  # codec, box, offset, arguments
    )


def _opaque(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return grey ``(H, W)`` or colours ``(H, W, 3)`` of decoded channels, the last of which may be opacity."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels not in (1, 2, 3, 4):
        raise CaseError(f"Expected grey or colours, but got {channels} channels in {path}. Save it as grey or RGB.")
    if channels in (2, 4):
        check_opaque(pixels[..., -1], np.iinfo(pixels.dtype).max, path)
        pixels = pixels[..., :-1]
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _orientation(image: Image.Image, path: Path) -> int:
    """Return the EXIF orientation; of a PNG, which is decoded to look for it, only where the file speaks of one."""
    if image.format == "PNG":
        content = path.read_bytes()
        if b"eXIf" not in content and b"tiff:Orientation" not in content:
            return 1
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))
