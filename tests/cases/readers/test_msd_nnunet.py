"""Raw folders of nnU-Net, version 1 and 2: a file for each modality, and a dataset.json turned round."""

import json

import numpy as np
import pytest

from synthtrust.cases import CaseError, read_msd
from synthtrust.cases.readers.msd import NOT_LISTED
from synthtrust.cases.readers.walk import HIDDEN
from synthtrust.runs.build import read_cases
from synthtrust.testing import draw_tiny, save_nifti

SHAPE = (12, 14, 18)
CHANNELS = ["Flair", "T1w", "T1Gd", "T2w"]
MODALITIES = ("flair", "t1", "t1ce", "t2")
TO_FILE = np.array([0, 2, 1, 3], np.uint8)  # edema 1, non-enhancing 2, enhancing 3
NUMBERED = {str(index): name for index, name in enumerate(CHANNELS)}
V1 = {
    "modality": NUMBERED,
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
    "training": [{"image": f"./imagesTr/b_{n}.nii.gz", "label": f"./labelsTr/b_{n}.nii.gz"} for n in range(2)],
}
V2 = {
    "channel_names": NUMBERED,
    "labels": {"background": 0, "edema": 1, "non-enhancing tumor": 2, "enhancing tumor": 3},
    "numTraining": 2,
    "file_ending": ".nii.gz",
}
V2_LISTED = {
    **V2,
    "dataset": {
        f"b_{n}": {"images": [f"imagesTr/b_{n}_{k:04d}.nii.gz" for k in range(4)], "label": f"labelsTr/b_{n}.nii.gz"}
        for n in range(2)
    },
}


def write(root, facts, count=2, ending=".nii.gz"):
    drawn = [draw_tiny(SHAPE, MODALITIES, np.random.default_rng(n)) for n in range(count)]
    for n, (label, images) in enumerate(drawn):
        for k, modality in enumerate(MODALITIES):
            save_nifti(root / "imagesTr" / f"b_{n}_{k:04d}{ending}", images[modality])
        save_nifti(root / "labelsTr" / f"b_{n}{ending}", TO_FILE[label])
    (root / "dataset.json").write_text(json.dumps(facts))
    return drawn


@pytest.mark.parametrize("facts", [V1, V2, V2_LISTED], ids=["1", "2", "2 with a list"])
def test_every_version_is_the_same_cohort(tmp_path, facts):
    drawn = write(tmp_path, facts)
    cohort = read_msd(tmp_path, ["t1ce", "flair"])
    assert cohort.modalities == ("t1ce", "flair")
    assert dict(cohort.labels) == {"NCR": 1, "ED": 2, "ET": 3}
    assert [case.id for case in cohort.cases] == ["b_0", "b_1"]
    for case, (label, images) in zip(cohort.cases, drawn, strict=True):
        np.testing.assert_array_equal(case.load_label(), label)
        for modality in cohort.modalities:
            np.testing.assert_array_equal(case.load_image(modality), images[modality])


def test_unpacked_files_are_found_by_their_ending(tmp_path):
    write(tmp_path, {**V2, "file_ending": ".nii"}, ending=".nii")
    assert len(read_msd(tmp_path).cases) == 2


def test_a_case_without_a_label_map_or_a_modality_is_refused_by_name(tmp_path):
    write(tmp_path, V2, count=3)
    (tmp_path / "labelsTr" / "b_0.nii.gz").unlink()
    (tmp_path / "imagesTr" / "b_1_0002.nii.gz").unlink()
    cohort = read_msd(tmp_path)
    assert [case.id for case in cohort.cases] == ["b_2"]
    first, second = (refusal.why for refusal in cohort.refused)
    assert "labelsTr/b_0.nii.gz, but there is none" in first
    assert "imagesTr/b_1_0002.nii.gz, but there is none" in second


def test_images_for_testing_and_hidden_ones_are_named(tmp_path):
    write(tmp_path, V2)
    save_nifti(tmp_path / "imagesTs" / "b_9_0000.nii.gz", np.ones(SHAPE, np.uint8))
    (tmp_path / "labelsTr" / "._b_0.nii.gz").write_bytes(b"resource fork")
    cohort = read_msd(tmp_path)
    assert len(cohort.cases) == 2
    assert {passed.why: [path.name for path in passed.files] for passed in cohort.passed_over} == {
        NOT_LISTED: ["b_9_0000.nii.gz"],
        HIDDEN: ["._b_0.nii.gz"],
    }


def test_files_with_other_capitals_are_those_that_are_listed(tmp_path):
    write(tmp_path, V1)
    for path in [*tmp_path.glob("*/b_1*")]:
        path.rename(path.with_name(path.name.replace(".nii.gz", ".NII.GZ")))
    assert len(read_msd(tmp_path).cases) == 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3]}, "several for 'whole tumor'.* cases.label_values"),
        ({"background": 0, "lesion": 1, "ignore": 2}, "2 is to be ignored.* cases.label_values"),
        ({"0": "background", "1": "tumor", "2": "tumor"}, r"'tumor' for \[1, 2\].* cases.label_values"),
        ({"background": 0}, "a label besides the background"),
        ({"background": "0", "lesion": "1"}, '"labels" as .* or'),
    ],
    ids=["regions", "ignored", "one name twice", "no label", "text for values"],
)
def test_labels_that_cannot_be_learned_are_refused(tmp_path, labels, message):
    write(tmp_path, {**V2, "labels": labels})
    with pytest.raises(CaseError, match=f"^Expected .*{message}"):
        read_msd(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_names": {"0": "MRI", "1": "mri"}}, "a name of its own for each of"),
        ({"channel_names": ["MRI"]}, '"channel_names" as'),
        ({"file_ending": "nii"}, '"file_ending" such as'),
        ({"dataset": {"b": {"label": "x"}}}, '"dataset" as'),
        ({"file_ending": ".mha"}, r"label maps \*\.mha in .*labelsTr, but found none"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_dataset_json_of_another_form_is_refused(tmp_path, change, message):
    write(tmp_path, {**V2, **change})
    with pytest.raises(CaseError, match=f"^Expected .*{message}"):
        read_msd(tmp_path)


def test_values_can_be_named_on_the_command_line(composed, tmp_path):
    drawn = write(tmp_path, {**V2, "labels": {"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3]}})
    cfg = composed("train", "cases=msd", f"cases.root={tmp_path}", "cases.label_values={1:ED,2:NCR,3:ET}")
    cohort = read_cases(cfg)
    assert dict(cohort.labels) == {"NCR": 1, "ED": 2, "ET": 3}
    np.testing.assert_array_equal(cohort.cases[1].load_label(), drawn[1][0])


def test_an_unknown_value_gets_no_advice_about_brats(tmp_path):
    write(tmp_path, V2)
    save_nifti(tmp_path / "labelsTr" / "b_0.nii.gz", np.full(SHAPE, 4, np.uint8))
    with pytest.raises(
        CaseError, match=r"got \[4.*dataset.json does not name it: name it in cases.label_values"
    ) as caught:
        read_msd(tmp_path).cases[0].load_label()
    assert "release" not in str(caught.value)
