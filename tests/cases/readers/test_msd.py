"""The Decathlon's layout: what dataset.json says is what is read."""

import json

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_msd
from synthtrust.testing import draw_tiny, save_nifti

SHAPE = (12, 14, 18)
BRAIN = {
    "name": "BRATS",
    "licence": "CC-BY-SA 4.0",
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
}
HIPPOCAMPUS = {"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "Anterior", "2": "Posterior"}}
TO_FILE = np.array([0, 2, 1, 3], np.uint8)  # canonical NCR, ED, ET -> values of Task01
IN_FILE = ["flair", "t1", "t1ce", "t2"]


def _entry(stem, suffix=".nii.gz"):
    return {"image": f"./imagesTr/{stem}{suffix}", "label": f"./labelsTr/{stem}{suffix}"}


def _write(root, facts, training):
    root.mkdir(exist_ok=True)
    (root / "dataset.json").write_text(json.dumps({**facts, "training": training}))


def _brain(root, count=2, suffix=".nii.gz"):
    drawn = [draw_tiny(SHAPE, IN_FILE, np.random.default_rng(n)) for n in range(count)]
    for n, (label, images) in enumerate(drawn):
        save_nifti(root / f"imagesTr/BRATS_{n:03d}{suffix}", np.stack([images[name] for name in IN_FILE], axis=-1))
        save_nifti(root / f"labelsTr/BRATS_{n:03d}{suffix}", TO_FILE[label])
    _write(root, BRAIN, [_entry(f"BRATS_{n:03d}") for n in range(count)])
    return drawn


def _hippocampus(root, count=2):
    for n in range(count):
        label, images = draw_tiny(SHAPE, ["t1"], np.random.default_rng(n))
        save_nifti(root / f"imagesTr/hippocampus_{n:03d}.nii.gz", images["t1"])
        save_nifti(root / f"labelsTr/hippocampus_{n:03d}.nii.gz", np.minimum(label, 2))
    _write(root, HIPPOCAMPUS, [_entry(f"hippocampus_{n:03d}") for n in range(count)])


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_brain_tumours_get_canonical_names_labels_and_channels(tmp_path, suffix):
    drawn = _brain(tmp_path / "Task01_BrainTumour", suffix=suffix)
    cohort = read_msd(tmp_path / "Task01_BrainTumour")
    assert cohort.name == "Task01_BrainTumour"
    assert cohort.modalities == ("flair", "t1", "t1ce", "t2")
    assert dict(cohort.labels) == {"NCR": 1, "ED": 2, "ET": 3}
    assert cohort.licence == "CC-BY-SA 4.0"
    assert [case.id for case in cohort.cases] == ["BRATS_000", "BRATS_001"]
    for case, (label, images) in zip(cohort.cases, drawn, strict=True):
        np.testing.assert_array_equal(case.load_label(), label)
        for modality in cohort.modalities:
            np.testing.assert_array_equal(case.load_image(modality), images[modality])


def test_modalities_are_chosen_by_name_in_any_order(tmp_path):
    drawn = _brain(tmp_path, 1)
    cohort = read_msd(tmp_path, ["t1ce", "flair"])
    assert cohort.modalities == ("t1ce", "flair")
    np.testing.assert_array_equal(cohort.cases[0].load_image("t1ce"), drawn[0][1]["t1ce"])


@pytest.mark.parametrize("modalities", [[], ["t1gd"], ["t1", "t1"]])
def test_modalities_that_the_set_has_not_are_refused(tmp_path, modalities):
    _brain(tmp_path, 1)
    with pytest.raises(ValueError, match=r"\['flair', 't1', 't1ce', 't2'\] of "):
        read_msd(tmp_path, modalities)


def test_other_sets_keep_their_own_names_and_values(tmp_path):
    _hippocampus(tmp_path)
    cohort = read_msd(tmp_path)
    assert cohort.modalities == ("mri",)
    assert dict(cohort.labels) == {"Anterior": 1, "Posterior": 2}
    assert cohort.cases[0].load_image("mri").shape == cohort.cases[0].load_label().shape == SHAPE


def test_a_label_value_that_the_file_does_not_name_is_refused_when_loaded(tmp_path):
    _hippocampus(tmp_path)
    save_nifti(tmp_path / "labelsTr/hippocampus_000.nii.gz", np.full(SHAPE, 3, np.uint8))
    with pytest.raises(CaseError, match=r"\[0, 1, 2\], but got \[3.0\] in .*labelsTr/hippocampus_000"):
        read_msd(tmp_path).cases[0].load_label()


@pytest.mark.parametrize("folder", ["imagesTr", "labelsTr"])
def test_a_listed_file_that_is_not_there_refuses_its_case(tmp_path, folder):
    _hippocampus(tmp_path)
    (tmp_path / folder / "hippocampus_001.nii.gz").unlink()
    cohort = read_msd(tmp_path)
    assert [case.id for case in cohort.cases] == ["hippocampus_000"]
    assert f"{folder}/hippocampus_001.nii.gz, but there is none" in cohort.refused[0].why


def test_a_file_with_too_few_channels_refuses_its_case(tmp_path):
    _brain(tmp_path, 1)
    save_nifti(tmp_path / "imagesTr/BRATS_000.nii.gz", np.ones((*SHAPE, 3), np.int16))
    (refusal,) = read_msd(tmp_path).refused
    assert "Expected t2 in channel 3 of" in refusal.why


def test_files_of_macos_are_left_alone(tmp_path):
    _hippocampus(tmp_path, 1)
    _write(tmp_path, HIPPOCAMPUS, [_entry("hippocampus_000"), _entry("._hippocampus_000")])
    cohort = read_msd(tmp_path)
    assert len(cohort.cases) == 1
    assert not cohort.refused


def test_a_case_listed_twice_is_an_error(tmp_path):
    _hippocampus(tmp_path, 1)
    _write(tmp_path, HIPPOCAMPUS, [_entry("hippocampus_000")] * 2)
    with pytest.raises(CaseError, match="one case per id"):
        read_msd(tmp_path)


def test_a_folder_without_dataset_json_is_an_error(tmp_path):
    with pytest.raises(CaseError, match=r"dataset\.json, but there is none"):
        read_msd(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": {"background": "none", "Anterior": 1}}, '"labels" as'),
        ({"modality": None}, '"modality" as'),
        ({"training": []}, '"training" as'),
        ({"training": ["./imagesTr/a.nii.gz"]}, '"training" as'),
    ],
    ids=["no value of a label", "no modality", "no case", "no label beside the image"],
)
def test_a_dataset_json_of_another_form_is_an_error(tmp_path, change, message):
    (tmp_path / "dataset.json").write_text(json.dumps({**HIPPOCAMPUS, "training": [_entry("a")], **change}))
    with pytest.raises(CaseError, match=message):
        read_msd(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_dataset_json_that_is_none_is_an_error(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(CaseError, match=r"dataset\.json"):
        read_msd(tmp_path)
