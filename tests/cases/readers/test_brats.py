"""Every naming of BraTS is found by name, every fault in a case is said before anything is trained."""

import shutil

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import CaseError, read_brats
from synthtrust.cases.formats.volumes import read_volume
from synthtrust.cases.readers.brats_labels import MEANINGS
from synthtrust.cases.readers.label_values import numbered
from synthtrust.testing import draw_tiny, save_nifti, tiny_cohort
from synthtrust.testing.tiny import AFFINE, STEMS

ALL = ("flair", "t1ce", "t1", "t2")


@pytest.mark.parametrize("release", STEMS)
def test_a_release_is_found_by_its_names_and_gets_canonical_labels(tmp_path, release):
    cohort = tiny_cohort(tmp_path / "set", 2, modalities=ALL, release=release)
    assert [case.id for case in cohort.cases] == [STEMS[release].format(n) for n in range(2)]
    assert not cohort.refused
    assert cohort.name == "set"
    assert cohort.modalities == ALL
    for n, case in enumerate(cohort.cases):
        label, images = draw_tiny((16, 20, 24), ALL, np.random.default_rng((0, n)), cavity=release >= "2024")
        np.testing.assert_array_equal(case.load_label(), label)
        for modality in ALL:
            np.testing.assert_array_equal(case.load_image(modality), images[modality])


@pytest.mark.parametrize(
    ("release", "in_file"),
    [
        *((year, {"NCR": 1, "ED": 2, "ET": 4}) for year in ("2018", "2019", "2020", "2021")),
        ("2023", {"NCR": 1, "ED": 2, "ET": 3}),
        *((year, {"NCR": 1, "ED": 2, "ET": 3, "RC": 4}) for year in ("2024", "2025")),
    ],
)
def test_the_label_values_are_those_that_the_release_published(tmp_path, release, in_file):
    cohort = tiny_cohort(tmp_path, 1, release=release)
    case = cohort.cases[0]
    raw = np.asarray(nib.as_closest_canonical(nib.load(case.label_map)).dataobj)
    assert set(np.unique(raw)) == {0, *in_file.values()}
    for name, value in in_file.items():
        np.testing.assert_array_equal(case.load_label() == cohort.labels[name], raw == value)


@pytest.mark.parametrize("release", ["2018", "2019", "2020", "2021", "2023"])
def test_release_auto_goes_by_the_names(tmp_path, release):
    stated = tiny_cohort(tmp_path, 1, release=release)
    guessed = read_brats(tmp_path, modalities=("flair", "t1ce"))
    assert guessed == stated
    np.testing.assert_array_equal(np.unique(guessed.cases[0].load_label()), [0, 1, 2, 3])


def test_a_resection_cavity_must_be_asked_for(tmp_path):
    asked = tiny_cohort(tmp_path, 1, release="2024")
    assert dict(asked.labels) == {"NCR": 1, "ED": 2, "ET": 3, "RC": 4}
    assert 4 in asked.cases[0].load_label()
    case = read_brats(tmp_path, modalities=["t1ce"]).cases[0]
    with pytest.raises(CaseError, match=r"got \[4.0\] in .*-seg.nii.gz"):
        case.load_label()


def test_a_resection_cavity_is_no_region_unless_it_is_named(tmp_path):
    cohort = tiny_cohort(tmp_path, 1, release="2024")
    assert list(cohort.regions()) == ["NCR", "ED", "ET"]
    assert cohort.regions(["RC"]) == {"RC": (4,)}


def test_a_release_may_be_a_number_as_yaml_reads_it(tmp_path):
    tiny_cohort(tmp_path, 1, release="2024")
    assert "RC" in read_brats(tmp_path, modalities=["t1ce"], release=2024).labels


@pytest.mark.parametrize("release", ["2018", "2021"])
def test_enhancing_tumour_of_old_releases_is_never_read_as_a_cavity(tmp_path, release):
    tiny_cohort(tmp_path, 1, release=release)
    with pytest.raises(ValueError, match="4 is no longer ET"):
        read_brats(tmp_path, modalities=["flair"], release="2024")


def test_a_2023_label_under_an_old_name_is_refused_when_loaded(tmp_path):
    case = tiny_cohort(tmp_path, 1, release="2021").cases[0]
    voxels = read_volume(case.label_map, np.float32)
    save_nifti(case.label_map, np.where(voxels == 4, 3, voxels).astype(np.uint8))
    with pytest.raises(CaseError, match=r"\[0, 1, 2, 4\], but got \[3.0\]"):
        read_brats(tmp_path, modalities=["flair"]).cases[0].load_label()


def test_time_points_of_one_patient_share_the_patient(tmp_path):
    tiny_cohort(tmp_path, 2, release="2023")
    first = tmp_path / "BraTS-GLI-00000-000"
    for path in first.iterdir():
        name = path.name.replace("00000-000", "00000-001")
        (tmp_path / "BraTS-GLI-00000-001").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "BraTS-GLI-00000-001" / name)
    cohort = read_brats(tmp_path, modalities=["flair"])
    assert [(case.id, case.patient) for case in cohort.cases] == [
        ("BraTS-GLI-00000-000", "BraTS-GLI-00000"),
        ("BraTS-GLI-00000-001", "BraTS-GLI-00000"),
        ("BraTS-GLI-00001-000", "BraTS-GLI-00001"),
    ]


def test_a_case_of_an_old_release_is_its_own_patient(tmp_path):
    assert tiny_cohort(tmp_path, 1, release="2018").cases[0].patient == "Brats18_TCIA01_000_1"


def test_grades_may_lie_in_folders_of_their_own(tmp_path):
    tiny_cohort(tmp_path / "HGG", 3, release="2018")
    (tmp_path / "LGG").mkdir()
    (tmp_path / "HGG" / "Brats18_TCIA01_001_1").rename(tmp_path / "LGG" / "Brats18_TCIA01_001_1")
    assert len(read_brats(tmp_path, modalities=["flair", "t1ce"]).cases) == 3


@pytest.mark.parametrize("release", ["2020", "2023"])
def test_one_folder_per_modality_is_the_same_cohort(tmp_path, release):
    by_case = tiny_cohort(tmp_path / "set", 3, modalities=ALL, release=release)
    moved = tmp_path / "moved" / "set"
    for case in by_case.cases:
        for role, path in case.files.items():
            (moved / role).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, moved / role / path.name)
    by_modality = read_brats(moved, modalities=ALL, release=release)
    assert [case.id for case in by_modality.cases] == [case.id for case in by_case.cases]
    for first, second in zip(by_modality.cases, by_case.cases, strict=True):
        np.testing.assert_array_equal(first.load_label(), second.load_label())
        for modality in ALL:
            np.testing.assert_array_equal(first.load_image(modality), second.load_image(modality))


def test_linked_folders_are_entered(tmp_path):
    tiny_cohort(tmp_path / "elsewhere", 2)
    (tmp_path / "root").mkdir()
    for folder in (tmp_path / "elsewhere").iterdir():
        (tmp_path / "root" / folder.name).symlink_to(folder)
    assert len(read_brats(tmp_path / "root", modalities=["flair"]).cases) == 2


def test_case_355_of_2020_has_a_label_of_another_name(tmp_path):
    cases = tiny_cohort(tmp_path, 3, release="2020").cases
    expected = cases[1].load_label()
    cases[1].label_map.rename(cases[1].label_map.with_name("W39_1998.09.19_Segm.nii"))
    cohort = read_brats(tmp_path, modalities=["flair", "t1ce"])
    assert [case.id for case in cohort.cases] == [case.id for case in cases]
    assert not cohort.refused
    np.testing.assert_array_equal(cohort.cases[1].load_label(), expected)


def test_a_stray_label_among_several_cases_is_given_to_none(tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for case in tiny_cohort(tmp_path / "set", 2).cases:
        for path in case.files.values():
            path.rename(flat / path.name)
    (flat / "BraTS2021_00000_seg.nii.gz").rename(flat / "somebody_Segm.nii.gz")
    (flat / "BraTS2021_00001_seg.nii.gz").unlink()
    cohort = read_brats(flat, modalities=["flair"])
    assert cohort.cases == ()
    assert len(cohort.refused) == 3


def test_files_of_macos_and_other_files_are_left_alone(tmp_path):
    case = tiny_cohort(tmp_path, 1).cases[0]
    (case.label_map.parent / f"._{case.label_map.name}").write_bytes(b"resource fork")
    (tmp_path / "survival_info.csv").write_text("id,days\n")
    save_nifti(case.label_map.parent / "brain_mask.nii.gz", np.ones((2, 3, 4), np.uint8))
    cohort = read_brats(tmp_path, modalities=["flair"])
    assert len(cohort.cases) == 1
    assert not cohort.refused


def _only_refusal(folder, modalities=("flair", "t1ce")):
    cohort = read_brats(folder, modalities=modalities)
    assert len(cohort.cases) == 1
    (refusal,) = cohort.refused
    assert refusal.where == folder / "BraTS2021_00000"
    return refusal.why


@pytest.mark.parametrize("role", ["flair", "t1ce", "label"])
def test_a_case_with_a_missing_file_is_refused_by_name(tmp_path, role):
    tiny_cohort(tmp_path, 2).cases[0].files[role].unlink()
    assert f"BraTS2021_00000, but found no {'seg' if role == 'label' else role}." in _only_refusal(tmp_path)


def test_a_missing_modality_that_is_not_asked_for_is_not_missed(tmp_path):
    tiny_cohort(tmp_path, 1).cases[0].images["flair"].unlink()
    assert len(read_brats(tmp_path, modalities=["t1ce"]).cases) == 1


def test_a_case_whose_shapes_differ_is_refused(tmp_path):
    save_nifti(tiny_cohort(tmp_path, 2).cases[0].images["t1ce"], np.ones((16, 20, 23), np.int16))
    assert "got shape (16, 20, 23) against (16, 20, 24)" in _only_refusal(tmp_path)


@pytest.mark.parametrize(("shift", "refused"), [(1e-4, False), (0.01, False), (0.5, True)])
def test_a_case_whose_affines_differ_is_refused(tmp_path, shift, refused):
    path = tiny_cohort(tmp_path, 1).cases[0].images["flair"]
    moved = AFFINE.copy()
    moved[0, 3] += shift
    save_nifti(path, np.asarray(nib.load(path).dataobj), moved)
    cohort = read_brats(tmp_path, modalities=["flair"])
    assert len(cohort.refused) == refused
    if refused:
        assert "lie up to 0.5 mm apart, 0.4 voxels (stored LPS against LPS)" in cohort.refused[0].why


def test_a_file_that_is_not_nifti_is_refused(tmp_path):
    path = tiny_cohort(tmp_path, 2).cases[0].images["flair"]
    path.write_text("a page that says: log in first")
    assert str(path) in _only_refusal(tmp_path)


def test_a_file_that_lies_there_packed_and_unpacked_is_refused(tmp_path):
    path = tiny_cohort(tmp_path, 2).cases[0].images["flair"]
    save_nifti(path.with_suffix(""), np.asarray(nib.load(path).dataobj))
    assert "Expected one file" in _only_refusal(tmp_path)


def test_one_case_in_two_folders_is_an_error(tmp_path):
    tiny_cohort(tmp_path / "HGG", 2)
    shutil.copytree(tmp_path / "HGG" / "BraTS2021_00000", tmp_path / "LGG" / "BraTS2021_00000")
    with pytest.raises(CaseError, match=r"one case per id, but got 'BraTS2021_00000' at .*HGG.* and at .*LGG"):
        read_brats(tmp_path, modalities=["flair"])


def test_two_releases_in_one_folder_are_an_error_since_patients_recur(tmp_path):
    tiny_cohort(tmp_path / "2020", 1, release="2020")
    tiny_cohort(tmp_path / "2021", 1, release="2021")
    with pytest.raises(CaseError, match=r"one BraTS release .*brats20', 'brats2021"):
        read_brats(tmp_path, modalities=["flair"])


def test_a_root_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CaseError, match="does not exist"):
        read_brats(tmp_path / "nowhere")


def test_a_root_without_cases_says_which_names_were_looked_for(tmp_path):
    save_nifti(tmp_path / "scan.nii.gz", np.ones((2, 3, 4), np.uint8))
    with pytest.raises(CaseError, match=r"named <case>_\{flair,t1ce,t1,t2,seg\}.nii.*from 2023 on"):
        read_brats(tmp_path)


def test_other_series_of_2023_must_say_their_labels(tmp_path):
    """BraTS-PED 2024 has 1 ET: to guess would be to mix up regions without a word."""
    label, images = draw_tiny((16, 20, 24), ["flair"], np.random.default_rng(0))
    save_nifti(tmp_path / "BraTS-PED-00001-000-t2f.nii.gz", images["flair"])
    save_nifti(tmp_path / "BraTS-PED-00001-000-seg.nii.gz", label)
    with pytest.raises(CaseError, match=r"BraTS-PED-00001-000.*cases.release=2023"):
        read_brats(tmp_path, modalities=["flair"])
    assert read_brats(tmp_path, modalities=["flair"], release="2023").cases[0].patient == "BraTS-PED-00001"


@pytest.mark.parametrize("modalities", [[], ["t1gd"], ["flair", "flair"]])
def test_unknown_or_repeated_modalities_are_refused(tmp_path, modalities):
    with pytest.raises(ValueError, match="Expected modalities among"):
        read_brats(tmp_path, modalities=modalities)


def test_an_unknown_release_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'2021', .* but got '2022'"):
        read_brats(tmp_path, release="2022")


def test_every_release_keeps_background_and_maps_to_other_labels_once():
    for mapping in (numbered(meaning)[1] for releases in MEANINGS.values() for meaning in releases.values()):
        assert mapping[0] == 0
        assert len(set(mapping.values())) == len(mapping)
