"""Plane images of every format: the numbers that were written are the numbers that are read, or a refusal says why."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from helpers.plane_images import blobs, colourful, save_dicom
from synthtrust.cases import CaseError
from synthtrust.cases.formats.rasters import check_raster, is_raster, raster_kind, read_pixels, read_raster

GREY = blobs(1)
DEEP = GREY.astype(np.uint16) * 257 - 3
RGB = colourful(2)
DEEP_RGB = RGB.astype(np.uint16) * 256 + 7


def tiff(pixels, **options):
    return lambda path: tifffile.imwrite(path, pixels, **options)


def picture(pixels, mode=None, **options):
    return lambda path: Image.fromarray(pixels).convert(mode).save(path, **options)


def dicom(pixels, meaning="MONOCHROME2", **tags):
    return lambda path: save_dicom(path, pixels, meaning, **tags)


def encoded(content):
    return lambda path: path.write_bytes(content)


GREYS = {
    "png": ("a.png", picture(GREY), GREY),
    "png of 16 bits": ("a.png", picture(DEEP), DEEP),
    "png of 1 bit": ("a.png", picture(GREY > 100), (GREY > 100) * 255),
    "png with opaque alpha": ("a.png", picture(GREY, "LA"), GREY),
    "png of 16 bits with opaque alpha": (
        "a.png",
        encoded(imagecodecs.png_encode(np.stack([DEEP, np.full_like(DEEP, 65535)], axis=-1))),
        DEEP,
    ),
    "png of a grey palette": ("a.png", picture(GREY // 16 * 16, "P"), GREY // 16 * 16),
    "bmp": ("a.bmp", picture(GREY), GREY),
    "gif": ("a.gif", picture(GREY), GREY),
    "webp": ("a.webp", picture(GREY, lossless=True), GREY),
    "jpeg 2000": ("a.jp2", encoded(imagecodecs.jpeg2k_encode(GREY, level=0)), GREY),
    "jpeg 2000 of 16 bits": ("a.jp2", encoded(imagecodecs.jpeg2k_encode(DEEP, level=0)), DEEP),
    **{
        f"tiff {np.dtype(kind).name} {order}": (
            "a.tif",
            tiff((GREY * 100.0 if kind in "fd" else GREY).astype(kind), byteorder=order),
            (GREY * 100.0 if kind in "fd" else GREY).astype(kind),
        )
        for order in "<>"
        for kind in "BHIbhifd"
    },
    "tiff of 16 bits, all used": ("a.tif", tiff(DEEP, byteorder=">"), DEEP),
    "tiff that begins with white": ("a.tif", tiff(GREY, photometric="miniswhite"), 255 - GREY),
    "tiff of 1 bit": ("a.tif", tiff(GREY > 100, photometric="minisblack"), (GREY > 100) * 255),
    "tiff of 1 bit, a fax": ("a.tif", picture(GREY > 100, compression="group4"), (GREY > 100) * 255),
    "tiff in LZW": ("a.tif", tiff(DEEP, compression="lzw", predictor=True), DEEP),
    "tiff in tiles": ("a.tif", tiff(DEEP, compression="zlib", tile=(16, 16)), DEEP),
    "tiff of a grey palette": (
        "a.tif",
        tiff(GREY, photometric="palette", colormap=np.stack([np.arange(256) * 257] * 3).astype(np.uint16)),
        GREY,
    ),
    "tiff called png": ("a.png", tiff(DEEP), DEEP),
    "dicom": ("a.dcm", dicom(GREY), GREY),
    "dicom of 12 bits": ("a.dcm", dicom(GREY.astype(np.uint16) * 16, BitsStored=12, HighBit=11), GREY.astype(int) * 16),
    "dicom with a sign": ("a.dcm", dicom(GREY.astype(np.int16) - 100), GREY.astype(int) - 100),
    "dicom in units": ("a.dcm", dicom(DEEP, RescaleSlope=2, RescaleIntercept=-1024), DEEP * 2.0 - 1024),
    "dicom that begins with white": ("a.dcm", dicom(GREY, "MONOCHROME1"), 255 - GREY),
    "dicom that begins with white, in units": (
        "a.dcm",
        dicom(GREY, "MONOCHROME1", RescaleSlope=1, RescaleIntercept=-50),
        205.0 - GREY,
    ),
    "dicom without an ending": ("1.2.840.1", dicom(GREY), GREY),
}


@pytest.mark.parametrize(("name", "write", "expected"), GREYS.values(), ids=GREYS)
def test_grey_is_read_as_its_numbers(tmp_path, name, write, expected):
    path = tmp_path / name
    write(path)
    assert is_raster(path)
    np.testing.assert_array_equal(read_raster(path, np.float64), expected)
    for channel in range(3):
        np.testing.assert_array_equal(read_raster(path, np.float64, channel), expected)
    kind = check_raster(path)
    assert kind == raster_kind(path)
    assert kind.shape == GREY.shape
    assert (kind.number == "f") == (np.asarray(expected).dtype.kind == "f")


COLOURS = {
    "png": ("a.png", picture(RGB), RGB),
    "png of 16 bits": ("a.png", encoded(imagecodecs.png_encode(DEEP_RGB)), DEEP_RGB),
    "png with opaque alpha": ("a.png", picture(RGB, "RGBA"), RGB),
    "png of a palette": ("a.png", picture(RGB // 64 * 64, "P", colors=64), None),
    "jpeg 2000 of 16 bits": ("a.jp2", encoded(imagecodecs.jpeg2k_encode(DEEP_RGB, level=0)), DEEP_RGB),
    "webp": ("a.webp", picture(RGB, lossless=True), RGB),
    "tiff": ("a.tif", tiff(RGB, photometric="rgb"), RGB),
    "tiff of 16 bits": ("a.tif", tiff(DEEP_RGB, photometric="rgb", byteorder=">"), DEEP_RGB),
    "tiff in planes": (
        "a.tif",
        tiff(DEEP_RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"),
        DEEP_RGB,
    ),
    "tiff of floats": ("a.tif", tiff(RGB.astype(np.float32), photometric="rgb"), RGB),
    "tiff with opaque alpha": (
        "a.tif",
        tiff(np.concatenate([RGB, np.full_like(RGB[..., :1], 255)], axis=-1), photometric="rgb", extrasamples=[2]),
        RGB,
    ),
    "dicom": ("a.dcm", dicom(RGB, "RGB"), RGB),
}


@pytest.mark.parametrize(("name", "write", "expected"), COLOURS.values(), ids=COLOURS)
def test_colours_are_read_in_full_depth(tmp_path, name, write, expected):
    path = tmp_path / name
    write(path)
    pixels = read_pixels(path)
    if expected is not None:
        np.testing.assert_array_equal(pixels, expected)
    for channel in range(3):
        np.testing.assert_array_equal(read_raster(path, np.float64, channel), pixels[..., channel])
    brightness = pixels @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read_raster(path, np.float64), brightness, atol=1)
    assert check_raster(path).depth == raster_kind(path).depth


def test_brightness_is_that_of_pillow_to_the_bit(tmp_path):
    picture(RGB)(tmp_path / "a.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.png", np.uint8), Image.fromarray(RGB).convert("L"))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jpg", picture(RGB, "CMYK", quality=95)),
        ("a.tif", tiff(np.asarray(Image.fromarray(RGB).convert("CMYK")), photometric="separated")),
        ("a.tif", picture(RGB, "YCbCr", compression="jpeg", quality=95)),
    ],
    ids=["jpeg in cmyk", "tiff in cmyk", "tiff in ycbcr"],
)
def test_other_colours_become_rgb(tmp_path, name, write):
    write(tmp_path / name)
    assert np.abs(read_pixels(tmp_path / name).astype(int) - RGB).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "deep png", "tif", "fax tif"])
def test_an_image_is_turned_as_its_orientation_says(tmp_path, kind, orientation):
    path = tmp_path / f"a.{kind.split()[-1]}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = GREY
    if kind == "tif":
        tifffile.imwrite(path, GREY, extratags=[(274, "H", 1, orientation, True)])
    elif kind == "fax tif":
        pixels = (GREY > 100) * np.uint8(255)
        Image.fromarray(GREY > 100).save(path, compression="group4", tiffinfo={274: orientation})
    elif kind == "deep png":
        pixels = DEEP_RGB
        chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        content = imagecodecs.png_encode(DEEP_RGB)  # signature and IHDR are 33 bytes
        whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        path.write_bytes(content[:33] + whole + content[33:])
    else:
        Image.fromarray(GREY).save(path, exif=exif)
    turned = Image.fromarray(np.arange(GREY.size, dtype=np.int32).reshape(GREY.shape))
    turned.info["exif"] = exif.tobytes()
    places = np.asarray(ImageOps.exif_transpose(turned))
    assert raster_kind(path).shape == read_pixels(path).shape[:2] == places.shape
    expected = pixels.reshape(GREY.size, -1)[places.ravel()].reshape(*places.shape, *pixels.shape[2:])
    np.testing.assert_allclose(read_pixels(path), expected, atol=12 if kind == "jpg" else 0)


def transparent():
    pixels = np.concatenate([RGB, np.full_like(RGB[..., :1], 255)], axis=-1)
    pixels[3, 4, 3] = 0
    return pixels


def animation(path):
    frames = [Image.fromarray(blobs(n)) for n in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


REFUSED = {
    "transparent png": ("a.png", picture(transparent()), "transparent"),
    "transparent grey": ("a.png", picture(GREY, transparency=int(GREY[0, 0])), "transparent"),
    "transparent grey of 16 bits": ("a.png", picture(DEEP, transparency=int(DEEP[0, 0])), "transparent"),
    "transparent tiff": ("a.tif", tiff(transparent(), photometric="rgb", extrasamples=[2]), "transparent"),
    "transparent webp": ("a.webp", picture(transparent(), lossless=True, exact=True), "transparent"),
    "moving gif": ("a.gif", animation, "got 3 in"),
    "moving png": ("a.png", animation, "got 3 in"),
    "moving webp": ("a.webp", animation, "got 3 in"),
    "pages": ("a.tif", tiff(np.stack([GREY, GREY]), photometric="minisblack"), "got 2 in"),
    "a stack of ImageJ": ("a.tif", tiff(np.stack([GREY] * 5), imagej=True), "got 5 in"),
    "lab": ("a.tif", tiff(RGB, photometric="cielab"), "3 channels of CIELAB"),
    "complex": ("a.tif", tiff(GREY.astype(np.complex64)), "complex64"),
    "frames of dicom": ("a.dcm", dicom(np.stack([GREY] * 2)[0], NumberOfFrames=2), "got 2 in"),
    "half of dicom": ("a.dcm", dicom(GREY, PixelData=GREY.tobytes()[:-200]), "cut short"),
    "dicom without pixels": ("a.dcm", encoded(b"\0" * 128 + b"DICM" + bytes(64)), "does not say Rows"),
    "words": ("a.dcm", encoded(b"no image"), "Expected a DICOM image"),
    "nothing": ("a.png", encoded(b""), "cut short or damaged"),
    "postscript": ("a.png", encoded(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), "cannot identify"),
}


@pytest.mark.parametrize(("name", "write", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_as_numbers_is_refused_by_name_in_one_line(tmp_path, name, write, why):
    write(tmp_path / name)
    for ask in (check_raster, read_pixels):
        with pytest.raises(CaseError, match=why) as refused:
            ask(tmp_path / name)
        assert str(tmp_path / name) in str(refused.value)
        assert str(refused.value).startswith("Expected ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "write",
    [tiff(DEEP), tiff(DEEP, compression="lzw"), tiff(RGB, photometric="ycbcr", compression="jpeg"), picture(GREY)],
    ids=["plain", "lzw", "jpeg", "of pillow"],
)
def test_a_tiff_that_was_cut_short_is_refused_by_its_header(tmp_path, write):
    path = tmp_path / "a.tif"
    write(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CaseError, match="cut short or damaged"):
        check_raster(path)


@pytest.mark.parametrize("write", [tiff(GREY), dicom(GREY)], ids=["tiff", "dicom"])
def test_a_header_that_promises_more_pixels_than_fit_is_refused_unread(tmp_path, monkeypatch, write):
    write(tmp_path / "a.tif")
    monkeypatch.setattr("synthtrust.cases.formats.raster_kind.MOST_PIXELS", GREY.size - 1)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda page: pytest.fail("was read"))
    with pytest.raises(CaseError, match="Expected an image of 1 to 1439 pixels, but got 40 x 36"):
        check_raster(tmp_path / "a.tif")


@pytest.mark.parametrize("error", [MemoryError("no room"), struct.error("short"), KeyError("tag"), RecursionError()])
def test_whatever_a_library_raises_names_the_file_and_the_error(tmp_path, monkeypatch, error):
    picture(GREY)(tmp_path / "a.png")

    def fail(path):
        raise error

    monkeypatch.setattr("synthtrust.cases.formats.rasters_pillow.check", fail)
    with pytest.raises(CaseError, match=rf"a\.png .*{type(error).__name__}"):
        check_raster(tmp_path / "a.png")


def test_a_volume_is_no_plane_image(tmp_path):
    assert not is_raster(tmp_path / "a.nii.gz")
    (tmp_path / "a.mha").write_bytes(b"ObjectType = Image")
    assert not is_raster(tmp_path / "a.mha")
    assert not is_raster(tmp_path)
