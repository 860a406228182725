"""Raw folders of nnU-Net by their own name: regions taken apart, and what nnU-Net itself would refuse refused."""

import json

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_msd, read_nnunet
from synthtrust.runs.build import read_cases
from synthtrust.testing import draw_tiny, save_nifti

SHAPE = (12, 14, 18)
MODALITIES = ("flair", "t1")
TO_FILE = np.array([0, 2, 1, 3], np.uint8)  # edema 1, non-enhancing 2, enhancing 3
LABELS = {"background": 0, "edema": 1, "non-enhancing tumor": 2, "enhancing tumor": 3}
REGIONS = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": 3}
V2 = {"channel_names": {"0": "FLAIR", "1": "T1w"}, "labels": LABELS, "numTraining": 2, "file_ending": ".nii.gz"}
V1 = {
    "modality": V2["channel_names"],
    "labels": {str(value): name for name, value in LABELS.items()},
    "numTraining": 2,
    "training": [{"image": f"./imagesTr/b_{n}.nii.gz", "label": f"./labelsTr/b_{n}.nii.gz"} for n in range(2)],
}


def write(root, facts):
    drawn = [draw_tiny(SHAPE, MODALITIES, np.random.default_rng(n)) for n in range(2)]
    for n, (label, images) in enumerate(drawn):
        for k, modality in enumerate(MODALITIES):
            save_nifti(root / "imagesTr" / f"b_{n}_{k:04d}.nii.gz", images[modality])
        save_nifti(root / "labelsTr" / f"b_{n}.nii.gz", TO_FILE[label])
    (root / "dataset.json").write_text(json.dumps(facts))
    return drawn


@pytest.mark.parametrize("facts", [V1, V2, {**V2, "labels": REGIONS}], ids=["1", "2", "2 with regions"])
def test_every_version_gives_canonical_labels(composed, tmp_path, facts):
    drawn = write(tmp_path, facts)
    cohort = read_cases(composed("train", "cases=nnunet", f"cases.root={tmp_path}", "cases.modalities=[t1]"))
    assert dict(cohort.labels) == {"NCR": 1, "ED": 2, "ET": 3}
    assert [case.id for case in cohort.cases] == ["b_0", "b_1"]
    for case, (label, images) in zip(cohort.cases, drawn, strict=True):
        np.testing.assert_array_equal(case.load_label(), label)
        np.testing.assert_array_equal(case.load_image("t1"), images["t1"])


def test_the_regions_of_other_organs_are_refused_until_their_values_are_named(tmp_path):
    write(tmp_path, {**V2, "labels": {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumor": 2}})
    with pytest.raises(CaseError, match=r"several for 'kidney'.* cases\.label_values"):
        read_nnunet(tmp_path)
    named = read_nnunet(tmp_path, label_values={1: "kidney", 2: "tumor", 3: "cyst"})
    assert dict(named.labels) == {"kidney": 1, "tumor": 2, "cyst": 3}


@pytest.mark.parametrize(
    "labels",
    [
        {"whole tumor": [1, 2, 3], "tumor core": [2, 3]},
        {"whole tumor": [1, 2, 3, 4], "tumor core": [2, 3, 4], "enhancing tumor": [3, 4]},
        {"whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3], "vessel": 4},
    ],
    ids=["no enhancing tumour", "two values of one label", "another label beside them"],
)
def test_regions_that_leave_a_value_open_are_refused(tmp_path, labels):
    write(tmp_path, {**V2, "labels": {"background": 0, **labels}})
    with pytest.raises(CaseError, match=r"several for 'whole tumor'.* cases\.label_values"):
        read_nnunet(tmp_path)


@pytest.mark.parametrize("promised", [1, 3])
def test_another_number_of_cases_than_promised_is_refused(tmp_path, promised):
    write(tmp_path, {**V2, "numTraining": promised})
    with pytest.raises(CaseError, match=f"^Expected {promised} training cases, .* but there are 2"):
        read_nnunet(tmp_path)
    assert len(read_msd(tmp_path).cases) == 2


def test_a_case_without_its_label_map_counts_as_found_and_is_refused_by_name(tmp_path):
    write(tmp_path, V2)
    (tmp_path / "labelsTr" / "b_0.nii.gz").unlink()
    cohort = read_nnunet(tmp_path)
    assert [case.id for case in cohort.cases] == ["b_1"]
    assert "labelsTr/b_0.nii.gz, but there is none" in cohort.refused[0].why


@pytest.mark.parametrize("ending", [".png", ".TIF"])
def test_plane_images_are_refused_in_one_line(tmp_path, ending):
    write(tmp_path, {**V2, "file_ending": ending})
    with pytest.raises(CaseError, match=f"end in {ending}: plane images with label maps cannot be read") as caught:
        read_nnunet(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_dataset_json_is_refused(tmp_path):
    with pytest.raises(CaseError, match=r"^Expected .*dataset\.json, but there is none"):
        read_nnunet(tmp_path)
