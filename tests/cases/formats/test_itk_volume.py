"""MetaImage, NRRD and DICOM series give the arrays that NIfTI gives, or are refused by name."""

import json
import locale

import numpy as np
import pytest

from synthtrust.cases import Case, CaseError, read_msd, read_table
from synthtrust.cases.checks.listing import describe
from synthtrust.cases.formats import itk_volume as module
from synthtrust.cases.formats.volumes import describe_header, is_volume, patient_of, read_header, read_volume
from synthtrust.cases.grid import check_grid
from synthtrust.files import sha256_of
from synthtrust.testing import save_nifti

sitk = pytest.importorskip("SimpleITK")

SHAPE = (6, 7, 5)


def counted():
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


@pytest.fixture
def nifti(tmp_path):
    return save_nifti(tmp_path / "scan.nii.gz", counted())


@pytest.fixture
def image(nifti):
    """Return the scan as ITK has it."""
    return sitk.ReadImage(str(nifti))


def write_series(image, folder, patient="Doe^Jane 4711", slices=None):
    """Write a volume as slices, as a scanner would; those that are asked for."""
    folder.mkdir(parents=True)
    before = locale.setlocale(locale.LC_ALL)  # which GDCM's writer, not its reader, leaves as another one
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = image.GetDirection()
    across = [direction[n] for n in (0, 3, 6, 1, 4, 7)]
    for z in range(image.GetSize()[2]) if slices is None else slices:
        plane = image[:, :, z]
        origin = image.TransformIndexToPhysicalPoint((0, 0, z))
        tags = {
            "0008|0060": "MR",
            "0010|0020": patient,
            "0020|000d": "1.2.826.0.1.3680043.2.1125.1",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.2",
            "0008|0018": f"1.2.826.0.1.3680043.2.1125.2.{z + 1}",
            "0020|0013": str(z),
            "0020|0032": "\\".join(f"{x:.6f}" for x in origin),
            "0020|0037": "\\".join(f"{x:.6f}" for x in across),
            "0018|0050": str(image.GetSpacing()[2]),
        }
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{(z * 7) % 11:03d}.dcm"))  # names are in another order than the slices
        writer.Execute(plane)
    locale.setlocale(locale.LC_ALL, before)
    return folder


@pytest.mark.parametrize("ending", [".mha", ".mhd", ".nrrd", ".nhdr", ".MHA"])
def test_a_scan_is_the_same_array_in_every_format(nifti, image, tmp_path, ending):
    path = tmp_path / f"scan{ending}"
    written = tmp_path / f"scan{ending.lower()}"
    sitk.WriteImage(image, str(written))
    if written != path:
        written.rename(path)
    np.testing.assert_array_equal(read_volume(path, np.int16), counted())
    shape, affine = read_header(path)
    assert shape == SHAPE
    np.testing.assert_allclose(affine, read_header(nifti)[1], atol=1e-5)
    assert (describe_header(path).dtype, describe_header(path).orientation) == (np.int16, "LPS")
    check_grid(Case("a", {"t1": path}, nifti))
    assert is_volume(path)


def test_a_series_of_dicom_slices_is_a_volume(nifti, image, tmp_path):
    folder = write_series(image, tmp_path / "series")
    np.testing.assert_array_equal(read_volume(folder, np.int16), counted())
    np.testing.assert_array_equal(read_volume(folder / "000.dcm", np.int16), counted())
    np.testing.assert_allclose(read_header(folder)[1], read_header(nifti)[1], atol=1e-4)
    check_grid(Case("a", {"t1": folder}, nifti))
    assert is_volume(folder)
    assert not is_volume(tmp_path)


def test_a_series_that_is_stored_from_head_to_foot_lies_as_it_does(image, tmp_path):
    upside = sitk.Flip(image, [False, False, True])
    folder = write_series(upside, tmp_path / "series")
    np.testing.assert_array_equal(read_volume(folder, np.int16), counted())


def test_a_series_that_lacks_a_slice_is_refused(image, tmp_path):
    folder = write_series(image, tmp_path / "series", slices=[0, 1, 3, 4])
    with pytest.raises(CaseError, match=r"^Expected slices at even distances, .*series are off by up to 0.667 mm"):
        read_header(folder)


def test_a_folder_of_two_series_is_refused(image, tmp_path):
    folder = write_series(image, tmp_path / "series")
    other = sitk.GetImageFromArray(np.zeros((8, 8), np.int16))
    sitk.WriteImage(other, str(folder / "x.dcm"))
    with pytest.raises(CaseError, match=r"slices of one DICOM series in .*series, but got 2 series"):
        read_header(folder)


def test_a_folder_without_slices_is_refused_by_name(tmp_path):
    with pytest.raises(CaseError, match=f"in {tmp_path}, but got no series"):
        read_header(tmp_path)


def test_patients_of_dicom_have_a_name_that_does_not_give_them_away(image, tmp_path):
    series, same_series = (write_series(image, tmp_path / name) for name in ("one", "again"))
    other = write_series(image, tmp_path / "other", patient="Roe^Jim 4712")
    assert patient_of(series) == patient_of(same_series) != patient_of(other)
    assert "Doe" not in patient_of(series)
    assert "4711" not in patient_of(series)
    assert patient_of(tmp_path / "scan.nii.gz") == ""


def test_channels_of_a_vector_image_are_read_one_by_one(image, tmp_path):
    path = tmp_path / "vectors.nrrd"
    sitk.WriteImage(sitk.Compose([image, image + 1000]), str(path))
    assert read_header(path)[0] == (*SHAPE, 2)
    np.testing.assert_array_equal(read_volume(path, np.int16, 1), counted() + 1000)
    with pytest.raises(CaseError, match=r"Expected a volume .* in .*vectors\.nrrd"):
        read_volume(path, np.int16)


@pytest.mark.parametrize("ending", [".mha", ".nrrd"])
def test_a_damaged_file_is_refused_in_one_line(image, tmp_path, ending):
    path = tmp_path / f"scan{ending}"
    sitk.WriteImage(image, str(path))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CaseError, match=rf"scan\{ending}") as refused:
        read_volume(path, np.int16)
    assert "\n" not in str(refused.value)
    path.write_bytes(b"<html>Quota exceeded</html>")
    with pytest.raises(CaseError, match=r"^Expected a MetaImage or NRRD file, but could not read"):
        read_header(path)
    path.unlink()
    with pytest.raises(CaseError, match="but there is none"):
        read_header(path)


def test_the_content_of_several_files_is_the_content_of_a_volume(image, tmp_path):
    sitk.WriteImage(image, str(tmp_path / "scan.mhd"))
    folder = write_series(image, tmp_path / "series")
    before = sha256_of(tmp_path / "scan.mhd"), sha256_of(folder)
    sitk.WriteImage(image + 1, str(tmp_path / "scan.mhd"))
    (folder / "000.dcm").unlink()
    assert before[0] != sha256_of(tmp_path / "scan.mhd")
    assert before[1] != sha256_of(folder)


def test_a_header_whose_voxels_lie_elsewhere_is_refused(image, tmp_path):
    path = tmp_path / "scan.mhd"
    sitk.WriteImage(image, str(path))
    path.write_text(path.read_text().replace("scan.raw", "../other.raw"))
    with pytest.raises(CaseError, match=r"Expected the voxels of .*scan\.mhd beside it in a file scan\.\*"):
        read_header(path)


def test_without_simple_itk_it_is_said_how_to_get_it(image, tmp_path, monkeypatch):
    path = tmp_path / "scan.mha"
    sitk.WriteImage(image, str(path))

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(CaseError, match=r"to read .*scan\.mha, .* pip install 'synthtrust\[itk\]'"):
        read_header(path)


def test_volumes_of_a_class_that_are_dicom_series_are_grouped_by_patient(image, tmp_path):
    for n, patient in enumerate(("one", "one", "other")):
        write_series(image + n, tmp_path / f"series_{n}", patient=patient)
    rows = "\n".join(f"scan_{n},series_{n},{'ill' if n else 'well'}" for n in range(3))
    (tmp_path / "cases.csv").write_text(f"case_id,image,label\n{rows}\n")
    cohort = read_table(tmp_path / "cases.csv")
    assert not cohort.refused
    patients = [case.patient for case in cohort.cases]
    assert patients[0] == patients[1] != patients[2]
    np.testing.assert_array_equal(cohort.cases[1].load_image("grey"), counted() + 1)


def test_a_decathlon_folder_may_hold_them(image, tmp_path):
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "labelsTr").mkdir()
    sitk.WriteImage(image, str(tmp_path / "imagesTr" / "a.mha"))
    write_series(image, tmp_path / "imagesTr" / "b")
    for name in "ab":
        mask = sitk.Modulus(sitk.Cast(image, sitk.sitkUInt32), 3)
        sitk.WriteImage(sitk.Cast(mask, sitk.sitkUInt8), str(tmp_path / "labelsTr" / f"{name}.nrrd"))
    facts = {
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "one", "2": "two"},
        "training": [
            {"image": "imagesTr/a.mha", "label": "labelsTr/a.nrrd"},
            {"image": "imagesTr/b", "label": "labelsTr/b.nrrd"},
        ],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(facts))
    cohort = read_msd(tmp_path)
    assert [case.id for case in cohort.cases] == ["a", "b"]
    assert not cohort.refused
    listing = describe(cohort)
    assert not listing.refused
    assert listing.table["orientation"].tolist() == ["LPS", "LPS"]
    assert listing.table["one_voxels"].tolist() == [(counted() % 3 == 1).sum()] * 2
    assert listing.table["patient"].tolist() == ["a", patient_of(tmp_path / "imagesTr" / "b")]
