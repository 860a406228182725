"""TIFF, read with tifffile: whole and floating-point numbers of any size and byte order, palettes, and colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile, TiffPage

from synthtrust.cases.formats.raster_kind import RasterKind, check_opaque, check_plane, upright, upright_shape
from synthtrust.refusals import CaseError

CHANNELS = {
    PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.MINISWHITE: 1, PHOTOMETRIC.PALETTE: 1,
    PHOTOMETRIC.RGB: 3, PHOTOMETRIC.YCBCR: 3, PHOTOMETRIC.SEPARATED: 4,
}  # fmt: skip
"""What the numbers mean -> how many make a pixel, but for opacity."""

ORIENTATION = 274  # tag
FAX = (COMPRESSION.CCITTRLE, COMPRESSION.CCITT_T4, COMPRESSION.CCITT_T6)
"""Compressions of black and white that Pillow's libtiff decodes; imagecodecs does since 2026 only."""


def kind_of(path: Path) -> RasterKind:
    """Return what the header says."""
    with _page(path) as page:
        return _kind(page)


def pixels_of(path: Path) -> NDArray[Any]:
    """Read the numbers of an upright image, ``(H, W)`` or ``(H, W, 3)``; black and white of 1 bit are 0 and 255."""
    with _page(path) as page:
        _check_extent(page, path)
        if page.compression in FAX:
            return _fax(path)
        pixels = page.asarray()
        if page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        if pixels.ndim == 3:
            channels = CHANNELS[page.photometric]
            if pixels.shape[2] > channels:
                full = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
                check_opaque(pixels[..., channels], full, path)
            pixels = pixels[..., 0] if channels == 1 else pixels[..., :channels]
        return upright(_numbers(pixels, page, path), _orientation(page))


def check(path: Path) -> RasterKind:
    """Check as cheaply as the format allows that nothing is missing, and that the image is opaque; return its facts."""
    with _page(path) as page:
        _check_extent(page, path)
        plain = page.compression == COMPRESSION.NONE and not page.extrasamples
        kind = _kind(page)
    if not plain:
        pixels_of(path)
    return kind


@contextmanager
def _page(path: Path) -> Iterator[TiffPage]:
    """Open the one image of a file; small copies of it, which a viewer shows first, do not count."""
    with TiffFile(path) as tiff:
        pages = [page for page in tiff.pages if not page.is_reduced]
        if not pages:
            raise CaseError(f"Expected an image, but {path} holds none. Copy it again.")
        page = pages[0]
        frames = max(len(pages), int((tiff.imagej_metadata or {}).get("images", 1)), page.imagedepth)
        check_plane(frames, page.imagelength, page.imagewidth, path)
        channels = page.samplesperpixel
        known = CHANNELS.get(page.photometric, 0)
        if not (known and channels in (known, known + 1)) or page.axes not in ("YX", "YXS", "SYX"):
            raise CaseError(
                f"Expected grey or colours, but {path} has {channels} channels of {page.photometric.name}. Save it as "
                "grey or RGB."
            )
        if not isinstance(page.bitspersample, int) or page.dtype is None or page.dtype.kind not in "buif":
            raise CaseError(
                f"Expected whole or floating-point numbers, but {path} has {page.dtype} of {page.bitspersample} bits."
            )
        yield page


def _kind(page: TiffPage) -> RasterKind:
    grey = page.photometric in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE)
    mode = str(page.dtype) if grey else f"{page.dtype} {page.photometric.name}"
    bits = 8 if page.photometric == PHOTOMETRIC.PALETTE else max(8, page.bitspersample)
    number = {"b": "u"}.get(page.dtype.kind, page.dtype.kind)
    shape = upright_shape(page.imagelength, page.imagewidth, _orientation(page))
    return RasterKind("TIFF", mode, number, bits, shape)


def _check_extent(page: TiffPage, path: Path) -> None:
    """Refuse a JPEG inside a TIFF that was cut short, which would be decoded without a word, to grey."""
    end = max((start + count for start, count in zip(page.dataoffsets, page.databytecounts)), default=0)
    size = path.stat().st_size
    if not 0 < end <= size:
        raise CaseError(
            f"Expected an image, but {path} is cut short or damaged: its pixels end at byte {end} of {size}. Copy it "
            "again."
        )


def _numbers(pixels: NDArray[Any], page: TiffPage, path: Path) -> NDArray[Any]:
    """Return grey or RGB of what a file keeps."""
    match page.photometric:
        case PHOTOMETRIC.PALETTE:
            return (page.colormap >> 8).astype(np.uint8).T[pixels.astype(int)]  # 8 bits, written as 16
        case PHOTOMETRIC.SEPARATED if pixels.dtype == np.uint8:
            return np.asarray(Image.fromarray(pixels, "CMYK").convert("RGB"))
        case PHOTOMETRIC.YCBCR if page.compression in (COMPRESSION.JPEG, COMPRESSION.OJPEG):
            return pixels  # converted when the JPEG was decoded
        case PHOTOMETRIC.RGB | PHOTOMETRIC.MINISBLACK:
            return _scaled(pixels, page.bitspersample)
        case PHOTOMETRIC.MINISWHITE if pixels.dtype.kind in "bu":
            pixels = pixels.astype(np.uint8) if pixels.dtype.kind == "b" else pixels
            return _scaled((2**page.bitspersample - 1 - pixels).astype(pixels.dtype), page.bitspersample)
    raise CaseError(
        f"Expected grey or colours, but {path} has {page.photometric.name} of {pixels.dtype}. Save it as grey or RGB."
    )


def _fax(path: Path) -> NDArray[np.uint8]:
    """Return black and white of 1 bit as 0 and 255, upright."""
    with Image.open(path, formats=("TIFF",)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("L"))


def _scaled(pixels: NDArray[Any], bits: int) -> NDArray[Any]:
    """Bring 1, 2 and 4 bits to 0..255, as every viewer and PNG reader does."""
    return pixels.astype(np.uint8) * np.uint8(255 // (2**bits - 1)) if bits in (1, 2, 4) else pixels


def _orientation(page: TiffPage) -> int:
    return int(page.tags.valueof(ORIENTATION, default=1))
