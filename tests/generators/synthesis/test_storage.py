"""Twins are written in the kind of numbers that the training images have, unless that would cost them their content."""

import nibabel as nib
import numpy as np
import pytest
import tifffile

from synthtrust.cases import Case, CaseError
from synthtrust.generators.synthesis.storage import TwinStorage
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
    storage = TwinStorage.of(tmp_path / "set", ("t1",), [case])
    image = twin()
    (tmp_path / "scratch").mkdir()
    storage.put(case, {"t1": storage.as_written("t1", image)}, case.load_label(), None, tmp_path / "scratch")
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
    written = TwinStorage.of(tmp_path, ("t1",), [real(np.uint8)]).as_written("t1", image)
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, image.astype(np.float32))


def test_imported_volumes_and_those_of_scaled_files_keep_their_values(real, tmp_path):
    assert (
        TwinStorage.of(tmp_path, ("t1",), [real(np.int16)], painted=False).as_written("t1", twin()).dtype == np.float32
    )
    assert TwinStorage.of(tmp_path, ("t1",), [real(np.int16, slope=0.5)]).as_written("t1", twin()).dtype == np.float32


@pytest.mark.parametrize("case_id", ["..", ".", "../beside", "linked", "within"])
def test_what_lies_beside_a_set_is_never_written_or_deleted(real, tmp_path, case_id):
    """Not even if a cohort was made that nobody has checked."""
    case = real(np.int16)
    root = tmp_path / "synthetic"
    others = [root / "beside" / "label.nii.gz", root / "set" / "other" / "label.nii.gz", tmp_path / "label.nii.gz"]
    for path in others[:2]:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"of somebody else")
    (root / "set" / "linked").symlink_to(root / "beside")
    (root / "set" / "within").symlink_to(root / "set" / "other")
    storage = TwinStorage.of(root / "set", ("t1",), [case])
    before = {path: path.read_bytes() for path in others}
    named = Case(case_id, case.images, case.label_map)
    with pytest.raises(CaseError, match="Expected the files of a twin below"):
        storage.put(named, {"t1": twin()}, case.load_label(), None, root / ".set.painting")
    assert {path: path.read_bytes() for path in others} == before


def test_a_modality_that_leads_out_of_a_set_is_not_written(real, tmp_path):
    case = real(np.int16)
    storage = TwinStorage.of(tmp_path / "set", ("t1",), [case])
    with pytest.raises(CaseError, match="Expected the files of a twin below"):
        TwinStorage(storage.folder, ("../../evil",)).put(case, {"../../evil": twin()}, 0, None, tmp_path / ".painting")
    assert not list(tmp_path.glob("**/evil*"))


def drawn_as(path, pixels):
    tifffile.imwrite(path, pixels)
    return Case("a", {"grey": path}, class_index=0)


@pytest.mark.parametrize(("dtype", "expected"), [("u1", np.uint8), ("<u2", np.uint16), (">u2", np.uint16)])
def test_plane_images_have_the_bits_of_the_training_images(tmp_path, dtype, expected):
    case = drawn_as(tmp_path / "a.tif", np.arange(42).reshape(6, 7).astype(dtype))
    assert TwinStorage.of(tmp_path / "set", ("grey",), [case]).pixel is expected


@pytest.mark.parametrize("dtype", ["i2", "u4", "f4"])
def test_training_images_whose_numbers_a_png_cannot_hold_are_refused(tmp_path, dtype):
    case = drawn_as(tmp_path / "a.tif", np.arange(42).reshape(6, 7).astype(dtype))
    with pytest.raises(CaseError, match=r"Expected images of 8 or 16 bits, but .*a\.tif holds"):
        TwinStorage.of(tmp_path / "set", ("grey",), [case])
