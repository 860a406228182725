"""Public sets that follow BraTS are found by their own names, and what is left alone is named with the reason."""

import shutil

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_brats
from synthtrust.cases.readers.tree import FORMAT, NOWHERE, OTHER
from synthtrust.cases.readers.walk import HIDDEN, LINKED
from synthtrust.testing import draw_tiny, save_nifti, tiny_cohort

SHAPE = (12, 14, 18)
ALL = ("flair", "t1ce", "t1", "t2")
TO_FILE = np.array([0, 1, 2, 4], np.uint8)


@pytest.fixture
def drawn():
    label, images = draw_tiny(SHAPE, ALL, np.random.default_rng(0))
    return {**images, "seg": TO_FILE[label]}


SETS = {
    "UCSF-PDGM": (
        "UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_{}.nii.gz",
        {"flair": "FLAIR", "t1ce": "T1c", "t1": "T1", "t2": "T2", "seg": "tumor_segmentation"},
        "UCSF-PDGM-0004",
    ),
    "UPENN-GBM": (
        "images_structural/UPENN-GBM-00002_11/UPENN-GBM-00002_11_{}.nii.gz",
        {"flair": "FLAIR", "t1ce": "T1GD", "t1": "T1", "t2": "T2",
         "seg": "../../images_segm/UPENN-GBM-00002_11_segm.nii.gz"},
        "UPENN-GBM-00002_11",
    ),
    "FeTS": (
        "Patient_001/Patient_001_{}.nii.gz",
        {"flair": "brain_flair", "t1ce": "brain_t1ce", "t1": "brain_t1", "t2": "brain_t2", "seg": "final_seg"},
        "Patient_001",
    ),
    "TCGA": (
        "TCGA-02-0006/TCGA-02-0006_1996.08.23_{}.nii.gz",
        {"flair": "flair", "t1ce": "t1Gd", "t1": "t1", "t2": "t2", "seg": "GlistrBoost_ManuallyCorrected"},
        "TCGA-02-0006_1996.08.23",
    ),
    "a folder for each file": (
        "BraTS20_Training_001/BraTS20_Training_001_{0}.nii/BraTS20_Training_001_{0}.nii",
        {role: role for role in (*ALL, "seg")},
        "BraTS20_Training_001",
    ),
    "a folder for each file, which is named otherwise": (
        "BraTS2021_00495_{0}.nii.gz/00000057_brain_{0}.nii",
        {role: role for role in (*ALL, "seg")},
        "BraTS2021_00495",
    ),
    "upper case": (
        "BraTS2021_00001/BraTS2021_00001_{}.NII.GZ",
        {role: role for role in (*ALL, "seg")},
        "BraTS2021_00001",
    ),
}  # fmt: skip


def write(root, layout, words, drawn):
    for role, word in words.items():
        path = (root / layout).parent / word if word.startswith("..") else root / layout.format(word)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = save_nifti(
            root / "aside.nii.gz" if path.name.lower().endswith("gz") else root / "aside.nii", drawn[role]
        )
        written.rename(path)


@pytest.mark.parametrize("name", SETS)
def test_a_public_set_is_found_by_its_names(tmp_path, drawn, name):
    layout, words, case_id = SETS[name]
    write(tmp_path, layout, words, drawn)
    cohort = read_brats(tmp_path)
    assert (cohort.refused, cohort.passed_over, cohort.modalities) == ((), (), ALL)
    (case,) = cohort.cases
    assert case.id == case_id
    np.testing.assert_array_equal(TO_FILE[case.load_label()], drawn["seg"])
    for modality in ALL:
        np.testing.assert_array_equal(case.load_image(modality), drawn[modality])


@pytest.mark.parametrize(
    ("first", "second", "patient"),
    [
        ("UPENN-GBM-00002_11", "UPENN-GBM-00002_21", "UPENN-GBM-00002"),
        ("UCSF-PDGM-0429", "UCSF-PDGM-0429_FU003d", "UCSF-PDGM-0429"),
        ("TCGA-02-0006_1996.08.23", "TCGA-02-0006_1997.01.02", "TCGA-02-0006"),
        ("BraTS-MET-00002-000", "BraTS-MET-00002-001", "BraTS-MET-00002"),
        ("BraTS-MEN-RT-0003-1", "BraTS-MEN-RT-0003-2", "BraTS-MEN-RT-0003"),
    ],
)
def test_two_time_points_share_their_patient(tmp_path, drawn, first, second, patient):
    seg = np.minimum(drawn["seg"], 1)  # any series has a value 1
    for case_id in (first, second):
        save_nifti(tmp_path / f"{case_id}_t1c.nii.gz", drawn["t1ce"])
        save_nifti(tmp_path / f"{case_id}_seg.nii.gz", seg)
    cases = read_brats(tmp_path, modalities=["t1ce"]).cases
    assert [(case.id, case.patient) for case in cases] == [(first, patient), (second, patient)]


def test_radiotherapy_cases_have_one_modality_and_a_target(tmp_path, drawn):
    save_nifti(tmp_path / "BraTS-MEN-RT-0003-1_t1c.nii.gz", drawn["t1ce"])
    save_nifti(tmp_path / "BraTS-MEN-RT-0003-1_gtv.nii.gz", np.minimum(drawn["seg"], 1))
    cohort = read_brats(tmp_path)
    assert (cohort.modalities, dict(cohort.labels)) == (("t1ce",), {"GTV": 1})
    np.testing.assert_array_equal(cohort.cases[0].load_label() == 1, drawn["seg"] > 0)


def reasons(cohort):
    return {passed.why: sorted(path.name for path in passed.files) for passed in cohort.passed_over}


def test_images_that_nobody_asked_for_are_named(tmp_path, drawn):
    layout, words, _ = SETS["UCSF-PDGM"]
    write(tmp_path, layout, words, drawn)
    for word in ("FLAIR_bias", "brain_segmentation", "ADC"):
        save_nifti(tmp_path / layout.format(word), drawn["t1"])
    cohort = read_brats(tmp_path, modalities=["flair", "t1ce", "t1"])
    assert len(cohort.cases) == 1
    stem = "UCSF-PDGM-0004_{}.nii.gz"
    assert reasons(cohort) == {
        OTHER: sorted(stem.format(word) for word in ("ADC", "FLAIR_bias", "T2", "brain_segmentation"))
    }


def test_what_is_hidden_in_another_format_or_not_there_is_named(tmp_path, drawn):
    tiny_cohort(tmp_path, 1)
    save_nifti(tmp_path / ".ipynb_checkpoints" / "BraTS2021_00001_flair.nii.gz", drawn["flair"])
    (tmp_path / "._BraTS2021_00000_t1ce.nii.gz").write_bytes(b"resource fork")
    (tmp_path / "scan.dcm").write_bytes(b"x")
    (tmp_path / "BraTS2021_00002_t1.nii.gz").symlink_to(tmp_path / "nowhere.nii.gz")
    (tmp_path / "notes.txt").write_text("no image")
    cohort = read_brats(tmp_path, modalities=["flair", "t1ce"])
    assert [case.id for case in cohort.cases] == ["BraTS2021_00000"]
    assert reasons(cohort) == {
        HIDDEN: ["._BraTS2021_00000_t1ce.nii.gz", "BraTS2021_00001_flair.nii.gz"],
        FORMAT: ["scan.dcm"],
        NOWHERE: ["BraTS2021_00002_t1.nii.gz"],
    }


def test_loops_of_links_end_and_no_folder_is_read_twice(tmp_path):
    tiny_cohort(tmp_path / "a_set", 2)
    (tmp_path / "a_set" / "loop").symlink_to(tmp_path)
    (tmp_path / "b_again").symlink_to(tmp_path / "a_set")
    cohort = read_brats(tmp_path, modalities=["flair"])
    assert len(cohort.cases) == 2
    assert not cohort.refused
    assert reasons(cohort)[LINKED] == ["b_again", "loop"]


def test_a_label_map_that_a_person_corrected_goes_before_one_of_a_program(tmp_path, drawn, caplog):
    layout, words, _ = SETS["UPENN-GBM"]
    write(tmp_path, layout, words, drawn)
    automated = tmp_path / "automated_segm" / "UPENN-GBM-00002_11_automated_approx_segm.nii.gz"
    save_nifti(automated, np.zeros_like(drawn["seg"]))
    (case,) = (cohort := read_brats(tmp_path)).cases
    assert case.load_label().any()
    assert reasons(cohort) == {"label maps that a program made, beside others of the same cases": [automated.name]}
    assert not caplog.text
    shutil.rmtree(tmp_path / "images_segm")
    (case,) = read_brats(tmp_path).cases
    assert case.label_map == automated
    assert "label maps of 1 cases, UPENN-GBM-00002_11 for one, were made by a program" in caplog.text


@pytest.mark.parametrize("other", ["UCSF-PDGM-0004", "UPENN-GBM-00002_11"])
def test_collections_that_are_part_of_brats_are_not_read_beside_it(tmp_path, drawn, other):
    for case_id in ("BraTS2021_00001", other):
        for role in ("flair", "seg"):
            save_nifti(tmp_path / f"{case_id}_{role}.nii.gz", drawn[role])
    with pytest.raises(CaseError, match=rf"one BraTS release .*'brats2021', '{other}'"):
        read_brats(tmp_path, modalities=["flair"])


def test_the_terms_of_brats_are_said_of_its_own_files_alone(tmp_path, drawn):
    assert read_brats(
        tiny_cohort(tmp_path / "a", 1).cases[0].label_map.parents[1], modalities=["flair"]
    ).licence.startswith("BraTS terms")
    for role in ("flair", "seg"):
        save_nifti(tmp_path / "b" / f"somebody_{role}.nii.gz", drawn[role])
    assert read_brats(tmp_path / "b", modalities=["flair"]).licence == "unknown"
