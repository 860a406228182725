"""Twins are written in the kind of numbers that the training images have, unless that would cost them their content."""

import nibabel as nib
import numpy as np
import pytest
import tifffile

from synthtrust.cases import Case, CaseError
from synthtrust.generators.shelf import Shelf
from synthtrust.testing.tiny import save_nifti

SHAPE = (6, 7, 8)


@pytest.fixture
def real(tmp_path):
    def save(dtype, slope=None):
        volume = np.random.default_rng(0).integers(0, 200, SHAPE).astype(dtype)
        image = nib.Nifti1Image(volume, np.eye(4))
        image.header.set_slope_inter(slope, 0 if slope else None)
        path = tmp_path / f"{np.dtype(dtype).name}.nii.gz"
        nib.save(image, path)
        label = save_nifti(tmp_path / "label.nii.gz", (volume > 100).astype(np.uint8))
        return Case("a", {"t1": path}, label)

    return save


def twin():
    image = np.random.default_rng(1).normal(100, 30, SHAPE).clip(1, 199).astype(np.float32)
    image[0] = 0
    image[1] = 0.2
    return image


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.int16, np.int16), (np.uint8, np.uint8), (np.float32, np.float32), (">i2", np.int16)]
)
def test_volumes_have_the_numbers_of_the_training_images(real, tmp_path, dtype, expected):
    case = real(dtype)
    shelf = Shelf.of(tmp_path / "set", ("t1",), [case])
    image = twin()
    (tmp_path / "scratch").mkdir()
    shelf.put(case, {"t1": shelf.as_written("t1", image)}, case.load_label(), None, tmp_path / "scratch")
    written = nib.load(tmp_path / "set" / "a" / "t1.nii.gz")
    assert written.get_data_dtype() == expected
    back = np.asarray(nib.as_closest_canonical(written).dataobj)
    np.testing.assert_allclose(back, image, atol=0.81 if np.issubdtype(expected, np.integer) else 0)
    np.testing.assert_array_equal(back == 0, image == 0)  # what is not background does not become it


@pytest.mark.parametrize(
    "image",
    [twin() / 200, twin() - 100, twin() * 1000, twin() * np.float32(1e20)],
    ids=["of other units", "below 0", "beyond the range", "beyond the range by far"],
)
def test_an_image_that_whole_numbers_would_spoil_keeps_its_own(real, tmp_path, image):
    written = Shelf.of(tmp_path, ("t1",), [real(np.uint8)]).as_written("t1", image)
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, image.astype(np.float32))


def test_imported_volumes_and_those_of_scaled_files_keep_their_values(real, tmp_path):
    assert Shelf.of(tmp_path, ("t1",), [real(np.int16)], painted=False).as_written("t1", twin()).dtype == np.float32
    assert Shelf.of(tmp_path, ("t1",), [real(np.int16, slope=0.5)]).as_written("t1", twin()).dtype == np.float32


def drawn_as(path, pixels):
    tifffile.imwrite(path, pixels)
    return Case("a", {"grey": path}, 0)


@pytest.mark.parametrize(("dtype", "expected"), [("u1", np.uint8), ("<u2", np.uint16), (">u2", np.uint16)])
def test_plane_images_have_the_bits_of_the_training_images(tmp_path, dtype, expected):
    case = drawn_as(tmp_path / "a.tif", np.arange(42).reshape(6, 7).astype(dtype))
    assert Shelf.of(tmp_path / "set", ("grey",), [case]).pixel is expected


@pytest.mark.parametrize("dtype", ["i2", "u4", "f4"])
def test_training_images_whose_numbers_a_png_cannot_hold_are_refused(tmp_path, dtype):
    case = drawn_as(tmp_path / "a.tif", np.arange(42).reshape(6, 7).astype(dtype))
    with pytest.raises(CaseError, match=r"Expected images of 8 or 16 bits, but .*a\.tif holds"):
        Shelf.of(tmp_path / "set", ("grey",), [case])
