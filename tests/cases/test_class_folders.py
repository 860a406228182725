"""A folder per class: the folders name classes and parts, and what does not fit is said."""

import numpy as np
import pytest

from drawn import blobs, save
from synthtrust.cases import CaseError, read_class_folders
from synthtrust.testing import save_nifti


def _fill(root, *folders, count=2):
    for n, folder in enumerate(folders):
        for i in range(count):
            save(root / folder / f"{i}.png", blobs((n, i)))


def test_folders_are_classes_and_ids_are_paths(tmp_path):
    _fill(tmp_path / "set", "well", "sick/late")
    cohort = read_class_folders(tmp_path / "set")
    assert cohort.name == "set"
    assert dict(cohort.labels) == {"sick": 0, "well": 1}
    assert [case.id for case in cohort.cases] == ["sick_late_0", "sick_late_1", "well_0", "well_1"]
    assert [case.category for case in cohort.cases] == [0, 0, 1, 1]
    assert {case.part for case in cohort.cases} == {""}


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("train", "val", "test"), ["test", "train", "val"]),
        (("Training", "validation", "Testing"), ["test", "train", "val"]),
        (("Training", "Testing"), ["test", "train"]),
    ],
)
def test_folders_of_parts_hold_the_classes(tmp_path, words, parts):
    _fill(tmp_path, *(f"{word}/{name}" for word in words for name in ("well", "sick")))
    cohort = read_class_folders(tmp_path)
    assert sorted({case.part for case in cohort.cases}) == parts
    assert len(cohort.cases) == 4 * len(words)
    assert f"{words[0]}_sick_0" in {case.id for case in cohort.cases}


def test_what_is_no_image_is_passed_over(tmp_path):
    _fill(tmp_path, "well", "sick", ".thumbnails")
    (tmp_path / "README.txt").write_text("about")
    for name in ("well/Thumbs.db", "well/._0.png", "sick/notes.txt"):
        (tmp_path / name).write_text("")
    cohort = read_class_folders(tmp_path)
    assert len(cohort.cases) == 4
    assert not cohort.refused


def test_classes_can_be_chosen_and_ordered(tmp_path):
    _fill(tmp_path, "well", "sick", "unclear")
    cohort = read_class_folders(tmp_path, classes=["well", "sick"])
    assert dict(cohort.labels) == {"well": 0, "sick": 1}
    assert len(cohort.cases) == 4


@pytest.mark.parametrize("kind", ["jpg", "tif", "bmp", "png"])
@pytest.mark.parametrize("modalities", [None, ["grey"]])
def test_one_damaged_image_is_refused_and_the_others_are_read(tmp_path, kind, modalities):
    _fill(tmp_path, "well", "sick")
    path = tmp_path / f"well/2.{kind}"
    save(path, blobs(9))
    path.write_bytes(path.read_bytes()[:-200])
    cohort = read_class_folders(tmp_path, modalities=modalities)
    assert len(cohort.cases) == 4
    assert [refusal.where for refusal in cohort.refused] == [path]


def test_a_volume_that_was_cut_short_is_refused_where_it_is_read(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("well/0", "well/1", "sick/0", "sick/1"):
        save_nifti(tmp_path / f"{name}.nii.gz", rng.integers(0, 200, (9, 9, 9), dtype=np.uint8))
    path = tmp_path / "well/1.nii.gz"
    path.write_bytes(path.read_bytes()[:-100])
    cohort = read_class_folders(tmp_path)
    assert [refusal.where for refusal in cohort.refused] == [path]
    assert len(cohort.cases) == 3


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["well"], r"at least two classes, but got 1 \['well'\]"),
        (["train/well", "train/sick", "sick"], r"\['train'\] beside \['sick'\]"),
        (["train/well", "train/sick", "test/well", "test/Sick"], r"none of \['Sick', 'sick'\]|none of \['sick'\]"),
        ([], "a folder for each class in .*, but found none"),
    ],
    ids=["one class", "parts beside classes", "a class spelt in two ways", "nothing"],
)
def test_folders_that_cannot_be_used_are_an_error(tmp_path, folders, message):
    _fill(tmp_path, *folders)
    with pytest.raises(CaseError, match=message):
        read_class_folders(tmp_path)


def test_a_class_without_an_image_is_an_error(tmp_path):
    _fill(tmp_path, "well", "sick")
    (tmp_path / "unclear").mkdir()
    with pytest.raises(CaseError, match=r"Expected images .*unclear, but found none"):
        read_class_folders(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CaseError, match="nowhere, but there is none"):
        read_class_folders(tmp_path / "nowhere")


def test_two_images_of_one_name_are_an_error(tmp_path):
    _fill(tmp_path, "well", "sick")
    save(tmp_path / "well/0.jpg", blobs(9))
    with pytest.raises(CaseError, match=r"\['well_0'\] repeat"):
        read_class_folders(tmp_path)
