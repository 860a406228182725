"""A volume is one array however its file has it; what a reader cannot trust is refused by name, whatever is wrong."""

import re
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from nibabel.cifti2 import BrainModelAxis, Cifti2Image, ScalarAxis

from synthtrust.cases import Case, CaseError
from synthtrust.cases.checks.listing import describe
from synthtrust.cases.formats.volumes import (
    describe_header,
    is_volume,
    read_header,
    read_volume,
    stem_of,
    stored_orientation,
    write_volume_like,
)
from synthtrust.cases.geometry import GRID_LIMIT, as_stored, canonical_affine, grid_distance, to_canonical
from synthtrust.cases.grid import check_grid
from synthtrust.data import prepare
from synthtrust.testing import AFFINE, save_nifti, tiny_cases, tiny_cohort

ORIENTATIONS = ["".join(code) for axes in permutations(("RL", "AP", "SI")) for code in product(*axes)]
SHAPE = (3, 4, 5)
IN_RAS = np.array([[1.5, 0.1, 0, -20], [-0.1, 1.25, 0.2, 30], [0, -0.2, 2, 7], [0, 0, 0, 1]])
"""A scan that was tilted a little."""


def in_orientation(code):
    """Return the affine of ``IN_RAS`` for an array that is stored in an orientation, and the shape it then has."""
    turn = nib.orientations.axcodes2ornt(tuple(code))
    reverse = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), turn)
    shape = nib.orientations.apply_orientation(np.empty(SHAPE), reverse).shape
    return IN_RAS @ nib.orientations.inv_ornt_aff(reverse, SHAPE), shape


def counted(shape=SHAPE):
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape)


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_a_scan_is_the_same_array_in_every_orientation_and_goes_back_into_it(tmp_path, code):
    affine, shape = in_orientation(code)
    path = save_nifti(tmp_path / "scan.nii.gz", counted(), affine)
    assert nib.load(path).shape == shape
    assert stored_orientation(path) == code
    np.testing.assert_array_equal(read_volume(path, np.int16), counted())
    read_shape, read_affine = read_header(path)
    assert read_shape == SHAPE
    np.testing.assert_allclose(read_affine, IN_RAS, atol=1e-5)
    again = tmp_path / "again.nii.gz"
    write_volume_like(read_volume(path, np.int16), path, again)
    np.testing.assert_array_equal(nib.load(again).affine, nib.load(path).affine)
    np.testing.assert_array_equal(np.asarray(nib.load(again).dataobj), np.asarray(nib.load(path).dataobj))


def test_the_order_in_memory_is_one_too_so_that_sums_are_the_same():
    arrays = [to_canonical(as_stored(counted(), in_orientation(code)[0]), in_orientation(code)[0]) for code in
              ORIENTATIONS]  # fmt: skip
    assert {array.strides for array in arrays} == {arrays[0].strides}


def test_a_channel_is_turned_as_a_volume_is_and_the_others_are_not_read(tmp_path, monkeypatch):
    affine, _ = in_orientation("PIR")
    stored = np.stack([as_stored(counted() + 100 * n, affine) for n in range(3)], axis=-1)
    path = tmp_path / "channels.nii"
    nib.save(nib.Nifti1Image(stored, affine), path)
    assert read_header(path)[0] == (*SHAPE, 3)
    monkeypatch.delattr(nib.arrayproxy.ArrayProxy, "__array__")  # by which all of a file would be read
    np.testing.assert_array_equal(read_volume(path, np.int16, 1), counted() + 100)


def test_a_header_is_read_once_until_its_file_changes(tmp_path, monkeypatch):
    """The runs of a sweep ask for the headers of one cohort again and again."""
    monkeypatch.setattr("synthtrust.files.SETTLED", -1.0)
    path = save_nifti(tmp_path / "scan.nii.gz", np.zeros((3, 4, 5), np.float32), AFFINE)
    first = describe_header(path)
    with monkeypatch.context() as patched:
        patched.setattr("synthtrust.cases.formats.volumes._open", lambda _: pytest.fail("read again"))
        assert describe_header(path) is first
    save_nifti(path, np.zeros((3, 4, 6), np.float32), AFFINE)
    assert describe_header(path).shape == (3, 4, 6)


def test_a_volume_that_is_cut_short_is_refused_by_its_header(tmp_path):
    path = save_nifti(tmp_path / "scan.nii", counted())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CaseError, match=r"scan\.nii is cut short or damaged: its header promises 472 bytes"):
        read_header(path)


def test_a_label_and_an_image_in_two_orientations_are_one_grid_and_one_cache(tmp_path):
    cases = tiny_cases(tmp_path / "real", count=2)
    case = cases[0]
    before = prepare([case], ("flair", "t1ce"), tmp_path / "cache")[0]
    voxels, label = (np.asarray(nib.load(path).dataobj) for path in (case.images["flair"], case.label_map))
    for path, array in ((case.images["flair"], voxels), (case.label_map, label)):
        image = nib.as_closest_canonical(nib.Nifti1Image(array, AFFINE))
        nib.save(image, path)
    check_grid(case)
    after = prepare([case], ("flair", "t1ce"), tmp_path / "cache")[0]
    assert after.folder != before.folder
    np.testing.assert_array_equal(before.image(), after.image())
    np.testing.assert_array_equal(before.label(), after.label())
    assert before.facts == after.facts


@pytest.mark.parametrize(
    "stored",
    [(1, *SHAPE), (1, 1, *SHAPE), (*SHAPE, 1), (*SHAPE, 1, 1), (1, *SHAPE, 1)],
    ids=lambda shape: " x ".join(map(str, shape)),
)
def test_axes_of_length_one_are_left_out(tmp_path, stored):
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(as_stored(counted(), AFFINE).reshape(stored), AFFINE), path)
    np.testing.assert_array_equal(read_volume(path, np.int16), counted())
    assert read_header(path)[0] == SHAPE


def test_vectors_of_itk_have_their_channels_behind_an_axis_of_one(tmp_path):
    path = tmp_path / "vectors.nii.gz"
    stored = np.stack([as_stored(counted() + 100 * n, AFFINE) for n in range(3)], axis=-1)[:, :, :, None]
    nib.save(nib.Nifti1Image(stored, AFFINE), path)
    assert read_header(path)[0] == (*SHAPE, 3)
    np.testing.assert_array_equal(read_volume(path, np.int16, 2), counted() + 200)
    with pytest.raises(CaseError, match=r"Expected a volume \(H, W, D\), but got shape \(3, 4, 5, 1, 3\) in .*vectors"):
        read_volume(path, np.int16)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5, 2, 2), (3, 4, 5, 1, 2, 2), (3, 0, 5)])
def test_an_array_that_is_no_volume_is_refused_with_its_shape(tmp_path, shape):
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(shape, np.int16), AFFINE), path)
    with pytest.raises(CaseError, match=rf"{re.escape(str(shape))} in .*scan\.nii"):
        read_header(path)


def test_label_maps_may_have_noise_and_any_type_of_numbers(tmp_path):
    label = (counted() % 3).astype(np.int16)
    for n, dtype in enumerate(("int8", "int64", "float64", ">i4", ">f8")):
        path = tmp_path / f"{n}.nii.gz"
        nib.save(nib.Nifti1Image(label.astype(dtype), np.eye(4), dtype=np.dtype(dtype)), path)
        np.testing.assert_array_equal(Case("a", {}, path, relabel={0: 0, 1: 1, 2: 2}).load_label(), label)
    rescaled = tmp_path / "rescaled.nii.gz"
    image = nib.Nifti1Image(label.astype(np.float64), np.eye(4))
    image.header.set_data_dtype(np.uint16)  # nibabel then writes a slope
    nib.save(image, rescaled)
    assert set(np.unique(read_volume(rescaled, np.float32))) != {0, 1, 2}
    np.testing.assert_array_equal(Case("a", {}, rescaled, relabel={0: 0, 1: 1, 2: 2}).load_label(), label)


def test_a_label_that_was_interpolated_is_refused(tmp_path):
    path = save_nifti(tmp_path / "label.nii.gz", np.where(counted() == 7, 0.988, counted() % 2).astype(np.float32))
    with pytest.raises(CaseError, match=r"among \[0, 1\], but got \[0\.98.*\] in .*label"):
        Case("a", {}, path, relabel={0: 0, 1: 1}).load_label()


def test_only_a_brats_reader_speaks_of_releases(tmp_path):
    path = save_nifti(tmp_path / "label.nii.gz", counted())
    with pytest.raises(CaseError) as refused:
        Case("a", {}, path, relabel={0: 0, 1: 1}).load_label()
    assert "release" not in str(refused.value)


@pytest.mark.parametrize(("moved", "refused"), [(0.01, False), (12, True)])
def test_two_affines_of_one_header_have_to_agree(tmp_path, moved, refused):
    path = tmp_path / "scan.nii.gz"
    image = nib.Nifti1Image(counted(), AFFINE)
    other = AFFINE.copy()
    other[0, 3] += moved
    image.set_sform(AFFINE, 1)
    image.set_qform(other, 1)
    nib.save(image, path)
    if not refused:
        assert read_header(path)[0] == SHAPE
        return
    with pytest.raises(
        CaseError, match=rf"sform and qform of {re.escape(str(path))} put it 12 mm apart. Keep the right"
    ):
        read_header(path)


def test_either_affine_alone_is_the_place(tmp_path):
    for form in ("sform", "qform"):
        image = nib.Nifti1Image(counted(), None)
        getattr(image, f"set_{form}")(AFFINE, 1)
        path = tmp_path / f"{form}.nii.gz"
        nib.save(image, path)
        np.testing.assert_allclose(read_header(path)[1], canonical_affine(AFFINE, SHAPE), atol=1e-5)
        assert describe_header(path).oriented


def test_cases_without_an_orientation_are_counted(tmp_path):
    cohort = tiny_cohort(tmp_path, 3)
    for path in cohort.cases[1].files.values():
        nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), None), path)
    counts = describe(cohort).table["orientation"].value_counts().to_dict()
    assert counts == {"LPS": 2, "no orientation in the header": 1}


@pytest.mark.parametrize("row", [(0, 0, 0, 5), (np.nan,) * 4], ids=["flat", "no numbers"])
def test_an_affine_that_is_no_place_is_refused(tmp_path, row):
    path = save_nifti(tmp_path / "scan.nii", counted())
    raw = bytearray(path.read_bytes())
    raw[296:312] = np.array(row, np.float32).tobytes()  # srow_y
    path.write_bytes(raw)
    with pytest.raises(CaseError, match=r"affine of .*scan\.nii is .*, which is no place in space"):
        read_header(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_header_that_promises_what_no_disk_holds_is_refused_before_memory_is_asked_for(tmp_path, ending):
    path = tmp_path / f"scan{ending}"
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((32767, 32767, 32767))
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    with nib.openers.Opener(str(path), "wb") as file:
        file.write(header.binaryblock + bytes(4 + 1000))
    case = Case("a", {"t1": path}, path)
    for read in (lambda: check_grid(case), lambda: case.load_image("t1")):
        with pytest.raises(CaseError, match=r"scan\.nii.* is cut short or damaged: its header promises"):
            read()


def test_an_image_of_another_kind_is_refused_by_name(tmp_path):
    axes = ScalarAxis(["a"]), BrainModelAxis.from_mask(np.ones((2, 2, 2), bool), affine=np.eye(4), name="thalamus_left")
    path = tmp_path / "scalars.dscalar.nii"
    nib.save(Cifti2Image(np.zeros((1, 8), np.float32), axes), path)
    with pytest.raises(CaseError, match=r"Expected a volume on a grid, but .*scalars\.dscalar\.nii holds Cifti2Image"):
        read_header(path)


@pytest.mark.parametrize("error", [MemoryError("no"), RuntimeError("odd\nand long"), KeyError("x"), IndexError()])
def test_whatever_a_reader_stumbles_over_is_a_refusal_in_one_line(tmp_path, monkeypatch, error):
    path = save_nifti(tmp_path / "scan.nii.gz", counted())

    def stumble(*arguments, **options):
        raise error

    monkeypatch.setattr(nib.arrayproxy.ArrayProxy, "__array__", stumble)
    with pytest.raises(CaseError, match=rf"^Expected a whole volume, but .*scan.*{type(error).__name__}") as refused:
        read_volume(path, np.float32)
    assert "\n" not in str(refused.value)
    monkeypatch.setattr(nib, "load", stumble)
    with pytest.raises(CaseError, match=rf"^Expected a NIfTI file, but could not read .*{type(error).__name__}"):
        read_header(path)


@pytest.mark.parametrize("name", ["scan.NII.GZ", "scan.Nii.gz", "scan.NII", "Scan.nii.GZ"])
def test_endings_may_be_written_in_capital_letters(tmp_path, name):
    save_nifti(tmp_path / "scan.nii.gz", counted())
    path = tmp_path / name
    content = (tmp_path / "scan.nii.gz").read_bytes()
    path.write_bytes(content if name.lower().endswith("gz") else nib.load(tmp_path / "scan.nii.gz").to_bytes())
    np.testing.assert_array_equal(read_volume(path, np.int16), counted())
    assert is_volume(path)
    assert stem_of(path).lower() == "scan"


def test_grids_are_held_against_the_voxel_and_errors_along_an_axis_add_up():
    small = np.diag([0.5, 0.5, 0.5, 1])
    shifted = small.copy()
    shifted[0, 3] = 0.04
    assert grid_distance(small, shifted, (10, 10, 10)) == pytest.approx(0.08)
    assert grid_distance(small, shifted, (10, 10, 10)) < GRID_LIMIT
    stretched = np.diag([0.502, 0.5, 0.5, 1])  # 0.002 mm a voxel
    assert grid_distance(small, stretched, (10, 10, 10)) < GRID_LIMIT < grid_distance(small, stretched, (200, 10, 10))


def test_an_array_of_another_shape_is_not_written_like_a_file(tmp_path):
    path = save_nifti(tmp_path / "scan.nii.gz", counted())
    with pytest.raises(CaseError, match=r"Expected an array of the shape \(3, 4, 5\)"):
        write_volume_like(np.zeros((3, 4, 6)), path, tmp_path / "x.nii.gz")
