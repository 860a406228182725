"""A case is read whole and finite in canonical labels, or not at all, and the message names the file."""

import gzip
import pickle
import re

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import Case, CaseError, Source
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.geometry import canonical_affine
from synthtrust.cases.grid import check_grid
from synthtrust.testing import save_nifti, tiny_cases
from synthtrust.testing.tiny import AFFINE


@pytest.fixture
def case(tmp_path):
    return tiny_cases(tmp_path, 1)[0]


def _voxels(path):
    """As they are read, in the type that they have in the file."""
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj)


def test_a_case_is_its_own_patient_unless_told():
    assert Case("a", {}, "label.nii").patient == "a"
    assert Case("a", {}, "label.nii", patient="p").patient == "p"


def test_a_case_survives_pickling(case):
    again = pickle.loads(pickle.dumps(case))
    assert again == case
    np.testing.assert_array_equal(again.load_label(), case.load_label())


def test_images_of_a_case_cannot_be_exchanged(case):
    with pytest.raises(TypeError):
        case.images["flair"] = "another.nii"


def test_files_are_named_by_role(case):
    assert list(case.files) == ["flair", "t1ce", "label"]
    assert case.source is Source.REAL


def test_images_are_float_and_labels_are_bytes(case):
    assert case.load_image("flair").dtype == np.float32
    assert case.load_label().dtype == np.uint8


def test_each_modality_has_its_own_intensity(case):
    flair, t1ce = case.load_image("flair"), case.load_image("t1ce")
    assert t1ce.max() > 2 * flair.max()
    np.testing.assert_array_equal(flair == 0, t1ce == 0)  # exactly zero outside the brain


def test_an_unknown_label_value_names_the_file_and_the_values(case):
    voxels = _voxels(case.label_map)
    voxels[0, 0, :2] = 9, 3
    save_nifti(case.label_map, voxels)
    with pytest.raises(CaseError, match=rf"\[0, 1, 2, 4\], but got \[3.0, 9.0\] in {re.escape(str(case.label_map))}"):
        case.load_label()


@pytest.mark.parametrize("value", [0.5, -1.0, 300.0, np.nan])
def test_a_canonical_label_map_holds_whole_numbers_of_one_byte(case, value):
    voxels = _voxels(case.label_map).astype(np.float32)
    voxels[0, 0, 0] = value
    save_nifti(case.label_map, voxels)
    with pytest.raises(CaseError, match="Expected label values among"):
        Case("a", {}, case.label_map).load_label()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("relabel", [None, {0: 0, 1: 3, 2: 1, 4: 2}])
def test_a_label_map_is_the_same_in_every_type(case, dtype, relabel):
    """Whole numbers of one byte are looked up, all others compared one by one; noise of rescaling is no label."""
    raw = _voxels(case.label_map)
    voxels = raw.astype(dtype) + (np.dtype(dtype).kind == "f") * dtype(4e-4)
    save_nifti(case.label_map, voxels)
    expected = raw if relabel is None else np.vectorize(relabel.get)(raw)
    np.testing.assert_array_equal(Case("a", {}, case.label_map, relabel=relabel).load_label(), expected)


def test_labels_beyond_one_byte_are_read_if_the_cohort_knows_them(case):
    raw = _voxels(case.label_map)
    save_nifti(case.label_map, np.where(raw == 4, np.int16(1004), raw))
    label = Case("a", {}, case.label_map, relabel={0: 0, 1: 1, 2: 2, 1004: 3}).load_label()
    np.testing.assert_array_equal(label, np.where(raw == 4, 3, raw))


def test_a_packed_file_that_is_cut_short_is_refused_by_name(case):
    path = case.images["flair"]
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(CaseError, match=rf"{re.escape(str(path))} is cut short or damaged.*Copy it again"):
        case.load_image("flair")


def test_an_unpacked_file_that_is_cut_short_is_refused_by_name(case, tmp_path):
    path = tmp_path / "cut.nii"
    path.write_bytes(gzip.decompress(case.images["flair"].read_bytes())[:-400])
    with pytest.raises(CaseError, match=r"cut\.nii is cut short or damaged"):
        Case("a", {"flair": path}, case.label_map).load_image("flair")


def test_a_packed_file_with_a_damaged_middle_is_refused(case):
    path = case.images["flair"]
    bytes_ = bytearray(path.read_bytes())
    bytes_[2000:2100] = bytes(100)
    path.write_bytes(bytes_)
    with pytest.raises(CaseError, match=re.escape(str(path))):
        case.load_image("flair")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image_that_is_not_finite_is_refused_by_name(case, value):
    path = case.images["t1ce"]
    voxels = _voxels(path).astype(np.float32)
    voxels[3, 4, 5] = value
    save_nifti(path, voxels)
    with pytest.raises(CaseError, match=rf"NaN or infinity in {re.escape(str(path))}"):
        case.load_image("t1ce")


def test_an_image_of_zeros_is_refused_by_name(case):
    path = case.images["t1ce"]
    save_nifti(path, np.zeros((16, 20, 24), np.int16))
    with pytest.raises(CaseError, match=rf"zero in every voxel of {re.escape(str(path))}"):
        case.load_image("t1ce")


def test_a_missing_file_is_refused_by_name(case):
    case.label_map.unlink()
    with pytest.raises(CaseError, match=rf"{re.escape(str(case.label_map))}, but there is none"):
        case.load_label()


def test_a_fourth_axis_of_one_is_left_out(case):
    path = case.images["flair"]
    before = case.load_image("flair")
    save_nifti(path, _voxels(path)[..., None])
    np.testing.assert_array_equal(case.load_image("flair"), before)
    check_grid(case)


@pytest.mark.parametrize("shape", [(16, 20), (16, 20, 24, 2)])
def test_a_file_that_is_no_volume_is_refused(case, shape):
    save_nifti(case.images["flair"], np.ones(shape, np.int16))
    with pytest.raises(CaseError, match="Expected a volume"):
        case.load_image("flair")


def test_scaling_in_the_header_is_applied(case, tmp_path):
    image = nib.Nifti1Image(np.full((2, 3, 4), 10, np.int16), AFFINE)
    image.header.set_slope_inter(0.5, 2)
    nib.save(image, tmp_path / "scaled.nii.gz")
    loaded = Case("a", {"t1": tmp_path / "scaled.nii.gz"}, case.label_map).load_image("t1")
    np.testing.assert_allclose(loaded, 10 * 0.5 + 2)


def test_a_header_is_read_without_the_voxels(case):
    path = case.images["flair"]
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(whole[:352]))  # the header, and not one voxel
    shape, affine = read_header(path)
    assert shape == (16, 20, 24)
    np.testing.assert_allclose(affine, canonical_affine(AFFINE, shape))


@pytest.mark.parametrize(
    ("position", "value"),
    [(70, np.int16(9999)), (40, np.int16(-3)), (108, np.float32("nan"))],
    ids=["datatype", "dimensions", "offset"],
)
def test_a_broken_header_is_refused_by_name(case, position, value):
    path = case.images["flair"]
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[position : position + value.nbytes] = value.tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))
    for read in (lambda: check_grid(case), lambda: case.load_image("flair")):
        with pytest.raises(CaseError, match=r"^Expected a NIfTI file, but could not read .*flair"):
            read()


@pytest.mark.parametrize(
    ("dtype", "kind"), [(np.complex64, "complex numbers"), (np.dtype([(c, "u1") for c in "RGB"]), "colours")]
)
def test_voxels_that_are_no_real_numbers_are_refused_by_name(case, dtype, kind):
    path = case.images["flair"]
    nib.save(nib.Nifti1Image(np.ones(case.load_label().shape, dtype), AFFINE), path)
    for read in (lambda: check_grid(case), lambda: case.load_image("flair")):
        with pytest.raises(CaseError, match=rf"^Expected one real number a voxel, but .*flair.* holds {kind}"):
            read()


def test_a_case_has_exactly_one_kind_of_label():
    with pytest.raises(CaseError, match=r"Expected a label map, a class or findings of case a, .* but got none"):
        Case("a", {})
    with pytest.raises(CaseError, match="but got label_map and class_index"):
        Case("a", {}, "map.nii", class_index=0)
