"""DICOM images in every compression that is common, and whose they are."""

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from helpers.plane_images import blobs, save_dicom
from synthtrust.cases import CaseError
from synthtrust.cases.formats.rasters import raster_kind, read_pixels

GREY = blobs(1)
TWELVE = GREY.astype(np.uint16) * 16

COMPRESSED = {
    "JPEGLossless": lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
    "JPEGLosslessSV1": lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12),
    "JPEGLSLossless": imagecodecs.jpegls_encode,
    "JPEG2000Lossless": lambda pixels: imagecodecs.jpeg2k_encode(pixels, level=0, bitspersample=12, codecformat="J2K"),
    "JPEGExtended12Bit": lambda pixels: imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12),
}


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_dicom_file_in_a_compressed_syntax_is_read(tmp_path, syntax):
    path = save_dicom(tmp_path / "a.dcm", TWELVE, BitsStored=12, HighBit=11)
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = getattr(pydicom.uid, syntax)
    image.PixelData = pydicom.encaps.encapsulate([COMPRESSED[syntax](TWELVE)])
    image["PixelData"].VR = "OB"
    image.save_as(path)
    np.testing.assert_allclose(read_pixels(path), TWELVE, atol=8 if syntax == "JPEGExtended12Bit" else 0)


def test_a_dicom_file_in_run_lengths_is_read(tmp_path):
    path = save_dicom(tmp_path / "a.dcm", TWELVE)
    image = pydicom.dcmread(path)
    image.compress(RLELossless)
    image.save_as(path)
    np.testing.assert_array_equal(read_pixels(path), TWELVE)


def test_the_patient_of_a_dicom_file_is_known_by_a_hash(tmp_path):
    for name, patient in (("a", "Doe^Jane"), ("b", "Doe^Jane"), ("c", "Roe"), ("d", "")):
        save_dicom(tmp_path / f"{name}.dcm", GREY, PatientID=patient)
    a, b, c, d = (raster_kind(tmp_path / f"{name}.dcm").patient for name in "abcd")
    assert a == b != c
    assert d == ""
    assert "Doe" not in a


def test_compressed_colours_that_would_have_to_be_guessed_are_refused_by_name(tmp_path):
    path = save_dicom(tmp_path / "a.dcm", np.stack([GREY] * 3, axis=-1), "RGB")
    image = pydicom.dcmread(path)
    image.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    image.PixelData = pydicom.encaps.encapsulate([imagecodecs.jpegls_encode(np.stack([GREY] * 3, axis=-1))])
    image["PixelData"].VR = "OB"
    image.save_as(path)
    with pytest.raises(CaseError, match=r"a\.dcm .*colours in this compression are not read"):
        read_pixels(path)
