"""A folder per class: the folders name classes and parts, and what does not fit is said."""

import numpy as np
import pytest

from helpers.plane_images import blobs, colourful, save, save_dicom
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
    assert [case.class_index for case in cohort.cases] == [0, 0, 1, 1]
    assert {case.split for case in cohort.cases} == {""}


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
    assert sorted({case.split for case in cohort.cases}) == parts
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
    assert counts(cohort) == {"hidden": 4, "(.txt)": 1, "beside the folders": 1}


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


def counts(cohort):
    """Count what was passed over, by a word of the reason."""
    words = ("hidden", "beside the folders", "not asked for", "links", "`files`", "(.txt)", "(.csv)", "(no ending)")
    return {word: len(passed.files) for passed in cohort.passed_over for word in words if word in passed.why}


def test_what_is_hidden_is_passed_over_at_any_depth(tmp_path):
    _fill(tmp_path, "well", "sick/late", "sick/late/.ipynb_checkpoints", ".git/objects", "__MACOSX/sick", "well/@eaDir")
    cohort = read_class_folders(tmp_path)
    assert [case.id for case in cohort.cases] == ["sick_late_0", "sick_late_1", "well_0", "well_1"]
    assert counts(cohort) == {"hidden": 8}


def test_every_file_is_read_refused_or_passed_over(tmp_path):
    _fill(tmp_path, "well", "sick", "sick/deeper", ".cache")
    for name in ("well/list.csv", "sick/notes.txt", "well/LICENSE", "about.txt"):
        (tmp_path / name).write_text("words")
    (tmp_path / "sick/broken.png").write_bytes(b"no")
    (tmp_path / "well/gone.png").symlink_to(tmp_path / "nowhere.png")
    cohort = read_class_folders(tmp_path)
    files = {path for path in tmp_path.rglob("*") if not path.is_dir()}
    read = {case.images["grey"] for case in cohort.cases}
    refused = {refusal.where for refusal in cohort.refused}
    passed = {path for group in cohort.passed_over for path in group.files}
    assert read | refused | passed == files
    assert len(read) + len(refused) + len(passed) == len(files)
    assert {path.name for path in refused} == {"broken.png", "gone.png"}


def test_links_to_folders_are_followed_once_and_loops_end(tmp_path):
    _fill(tmp_path / "set", "well", "sick")
    for n in range(2):
        save(tmp_path / f"elsewhere/{n}.png", blobs((7, n)))
    (tmp_path / "set/sick/late").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/sick/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/well/loop").symlink_to(tmp_path / "set/well")
    (tmp_path / "set/up").symlink_to(tmp_path)
    (tmp_path / "elsewhere/up").symlink_to(tmp_path / "set/sick")
    cohort = read_class_folders(tmp_path / "set")
    assert len(cohort.cases) == 6
    assert counts(cohort)["links"] >= 3


@pytest.mark.parametrize("ending", ["PNG", "JPG", "Tiff", "webp", "jp2", "gif", "BMP"])
def test_every_ending_is_read_in_capital_and_small_letters(tmp_path, ending):
    _fill(tmp_path, "well", "sick")
    save(tmp_path / f"sick/more.{ending}", blobs(9))
    cohort = read_class_folders(tmp_path, modalities=["grey"])
    assert "sick_more" in {case.id for case in cohort.cases}
    assert not cohort.refused
    assert not cohort.passed_over


def test_images_that_differ_in_their_ending_alone_have_ids_with_it(tmp_path):
    _fill(tmp_path, "well", "sick")
    for n, name in enumerate(("0.jpg", "0.JPG", "1.jpeg")):
        save(tmp_path / "well" / name, blobs((9, n)))
    ids = [case.id for case in read_class_folders(tmp_path).cases]
    assert ids == ["sick_0", "sick_1", "well_0_JPG", "well_0_jpg_2", "well_0_png", "well_1_jpeg", "well_1_png"]


LAYOUTS = {
    "folders": ("images/{}.png", "masks/{}.png", "files", "images/*"),
    "endings": ("scan ({}).png", "scan ({})_mask.png", "exclude_files", "*_MASK*"),
    "truth": ("scan {}.png", "Ground Truth/scan {}.png", "exclude_files", ["ground truth/*", "*.txt"]),
    "looks": ("a{}.png", "b{}.png", "files", "a*"),
}


@pytest.mark.parametrize(("image", "mask", "option", "pattern"), LAYOUTS.values(), ids=LAYOUTS)
def test_masks_among_images_are_refused_with_the_option_that_helps(tmp_path, image, mask, option, pattern):
    for n in range(4):
        for kind, name in enumerate(("well", "sick")):
            pixels = blobs((n, kind))
            save(tmp_path / name / image.format(n), pixels)
            save(tmp_path / name / mask.format(n), np.where(pixels > 128, 255, 0).astype(np.uint8))
    with pytest.raises(CaseError, match=rf"(called as masks|two grey levels).*cases\.{option}="):
        read_class_folders(tmp_path)
    cohort = read_class_folders(tmp_path, **{option: pattern})
    assert len(cohort.cases) == 8
    assert counts(cohort) == {"`files`": 8}
    assert len(read_class_folders(tmp_path, files="*").cases) == 16


def test_images_that_are_all_black_and_white_or_all_called_alike_are_no_masks(tmp_path):
    for n in range(4):
        for kind, name in enumerate(("well", "sick")):
            pixels = np.where(blobs((n, kind)) > 128, 255, 0).astype(np.uint8)
            save(tmp_path / name / f"label_{n}.png", pixels)
    assert len(read_class_folders(tmp_path).cases) == 8


def test_a_folder_of_masks_beside_one_of_images_is_no_class(tmp_path):
    _fill(tmp_path, "images", "masks")
    with pytest.raises(CaseError, match=r"\['masks'\] are called as masks are.*cases\.classes="):
        read_class_folders(tmp_path)
    assert len(read_class_folders(tmp_path, classes=["images", "masks"]).cases) == 4


def test_a_pattern_that_no_image_matches_is_an_error(tmp_path):
    _fill(tmp_path, "well", "sick")
    with pytest.raises(CaseError, match=r"found none that cases\.files=image/\* and"):
        read_class_folders(tmp_path, files="image/*")


def test_folders_of_other_classes_are_counted(tmp_path):
    _fill(tmp_path, "well", "sick", "unclear")
    (tmp_path / "empty").mkdir()
    assert counts(read_class_folders(tmp_path, classes=["well", "sick"])) == {"not asked for": 2}


def test_the_same_image_in_two_classes_is_refused_with_both_files(tmp_path):
    _fill(tmp_path, "well", "sick", count=3)
    (tmp_path / "sick/copy.png").write_bytes((tmp_path / "well/1.png").read_bytes())
    (tmp_path / "sick/again.png").write_bytes((tmp_path / "sick/0.png").read_bytes())  # of one class: no conflict
    cohort = read_class_folders(tmp_path)
    assert {refusal.where for refusal in cohort.refused} == {tmp_path / "sick/copy.png", tmp_path / "well/1.png"}
    for refusal in cohort.refused:
        assert f"{tmp_path / 'sick/copy.png'} (sick)" in refusal.why
        assert f"{tmp_path / 'well/1.png'} (well)" in refusal.why
    assert len(cohort.validated(skip_refused=True).cases) == 6


def test_one_image_of_another_depth_is_refused_and_halves_are_an_error(tmp_path):
    _fill(tmp_path, "well", "sick", count=3)
    deep = save(tmp_path / "sick/deep.png", blobs(9).astype(np.uint16) * 16)
    save(tmp_path / "sick/black_and_white.png", blobs(9) > 100)
    (refusal,) = read_class_folders(tmp_path, files="*").refused
    assert refusal.where == deep
    assert "Expected 8 bits as in 7 of 8 images, but got 16 bits" in refusal.why
    for n in range(5):
        save(tmp_path / f"well/deep{n}.png", blobs((9, n)).astype(np.uint16) * 16)
    with pytest.raises(CaseError, match=r"one depth in .*, but got 7 of 8 bits \(first .*, 6 of 16 bits"):
        read_class_folders(tmp_path, files="*")


def test_a_grey_image_of_16_bits_among_colours_is_refused_by_name(tmp_path):
    for n in range(4):
        save(tmp_path / f"well/{n}.png", colourful((0, n)))
        save(tmp_path / f"sick/{n}.png", colourful((1, n)))
    save(tmp_path / "sick/deep.png", blobs(9).astype(np.uint16) * 256)
    cohort = read_class_folders(tmp_path)
    assert cohort.modalities == ("red", "green", "blue")
    assert [refusal.where.name for refusal in cohort.refused] == ["deep.png"]


@pytest.mark.parametrize(("many", "silent"), [(4, False), (3000, True)])
def test_the_check_of_many_images_says_where_it_stands(tmp_path, monkeypatch, many, silent):
    calls = []

    def recording(items, title, total, disable):
        calls.append((title, disable))
        return items

    monkeypatch.setattr("synthtrust.cases.readers.labelled.MANY", many)
    monkeypatch.setattr("synthtrust.cases.readers.labelled.track", recording)
    _fill(tmp_path, "well", "sick")
    read_class_folders(tmp_path)
    assert calls == [(f"Checking {tmp_path.name}", silent)]


def test_images_of_one_patient_in_dicom_files_stay_together(tmp_path):
    for n in range(6):
        name = ("well", "sick")[n % 2]
        save_dicom(tmp_path / name / f"{n}.dcm", blobs(n), PatientID=f"Doe {n // 2}")
    save_dicom(tmp_path / "sick/1.2.840.5", blobs(9), PatientID="")
    cases = {case.id: case for case in read_class_folders(tmp_path).cases}
    assert len(cases) == 7
    assert cases["well_0"].patient == cases["sick_1"].patient != cases["well_2"].patient
    assert cases["sick_1.2.840.5"].patient == "sick_1.2.840.5"
    assert not any("Doe" in case.patient for case in cases.values())


def test_a_patient_that_all_dicom_files_share_is_nobody(tmp_path):
    for n in range(4):
        save_dicom(tmp_path / ("well", "sick")[n % 2] / f"{n}.dcm", blobs(n), PatientID="anonymous")
    assert len({case.patient for case in read_class_folders(tmp_path).cases}) == 4
