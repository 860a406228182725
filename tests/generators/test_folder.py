"""Sets that somebody else painted are matched by id, repaired where their convention is known, and else refused."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import CaseError, Splits, load_manifest
from synthtrust.generators import Replay, synthesize
from synthtrust.generators.folder import Folder
from synthtrust.generators.synthesis.overlap import check_overlap, check_training_overlap, training_ids_of
from synthtrust.generators.synthesis.synthesize import training_ids
from synthtrust.runs import build_data
from synthtrust.testing import AFFINE, save_nifti, tiny_cohort

SHAPE = (20, 22, 24)
MODALITIES = ("flair", "t1ce", "t1", "t2")
OWN = list(MODALITIES)  # what a set of copies has to declare
SWAPPED = {0: 0, 1: 2, 2: 1, 3: 3}  # what Med-DDPM's export does to canonical labels


@pytest.fixture
def cohort(tmp_path):
    return tiny_cohort(tmp_path / "real", count=3, shape=SHAPE, modalities=MODALITIES)


@pytest.fixture
def export(cohort, tmp_path):
    """Med-DDPM's own export: labels exchanged, images in [0, 1], background near zero inside a smaller box."""
    write_export(cohort, tmp_path / "set")
    return tmp_path / "set"


def write_export(cohort, root, number=None, brightness=1.0):
    for n, case in enumerate(cohort.cases):
        stem = f"{n if number is None else number}_{case.id}"
        rng = np.random.default_rng(n)
        label = np.vectorize(SWAPPED.get, otypes=[np.uint8])(case.load_label())
        save_nifti(root / "exports" / "seg" / f"{stem}_seg.nii.gz", label)
        for modality in MODALITIES:
            image = case.load_image(modality) / case.load_image(modality).max()
            near = np.zeros(SHAPE, np.float32)
            near[1:-1, 1:-1, 1:-1] = 0.003 * rng.random(tuple(side - 2 for side in SHAPE))
            image = brightness * np.maximum(image, near)
            save_nifti(root / "exports" / modality / f"{stem}_{modality}.nii.gz", image.astype(np.float32))


def bring(cohort, tmp_path, folder):
    return synthesize(folder, cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")


def test_a_med_ddpm_export_is_recognised_and_repaired(cohort, export, tmp_path):
    twins = bring(cohort, tmp_path, Folder(root=str(export)))
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        assert twin.id == real.id
        np.testing.assert_array_equal(twin.load_label(), real.load_label())
        for modality in MODALITIES:
            image, original = twin.load_image(modality), real.load_image(modality)
            np.testing.assert_array_equal(image == 0, original == 0)
            np.testing.assert_allclose(image, original / original.max(), atol=1e-6)
    record = load_manifest(twins.folder)
    note = record["imported"][cohort.cases[0].id]
    assert note["labels"] == "1 and 2 exchanged"
    assert note["background"] == "nearly zero, set to zero"
    assert note["files"]["flair"] == f"exports/flair/0_{cohort.cases[0].id}_flair.nii.gz"
    assert record["training_ids"] is None
    assert (record["mask_edit"], record["mask_disclosure"]) == ([], True)


def test_an_export_whose_masks_were_put_right_already_is_read_as_it_is(cohort, export, tmp_path):
    for n, case in enumerate(cohort.cases):
        save_nifti(export / "exports" / "seg" / f"{n}_{case.id}_seg.nii.gz", case.load_label())
    twins = bring(cohort, tmp_path, Folder(root=str(export)))
    np.testing.assert_array_equal(twins.cases[1].load_label(), cohort.cases[1].load_label())
    assert load_manifest(twins.folder)["imported"][cohort.cases[1].id]["labels"] == "as in BraTS 2023"


def test_a_brain_class_that_was_kept_is_dropped(cohort, export, tmp_path):
    path = export / "exports" / "seg" / f"0_{cohort.cases[0].id}_seg.nii.gz"
    label = np.vectorize(SWAPPED.get, otypes=[np.uint8])(cohort.cases[0].load_label())
    label[(label == 0) & (cohort.cases[0].load_image("t1") > 0)] = 4
    save_nifti(path, label)
    twins = bring(cohort, tmp_path, Folder(root=str(export)))
    np.testing.assert_array_equal(twins.cases[0].load_label(), cohort.cases[0].load_label())


@pytest.mark.parametrize("release", ["2018", "2020", "2021", "2023"])
def test_a_set_in_the_naming_of_any_release_is_matched_by_id(tmp_path, release):
    cohort = tiny_cohort(tmp_path / "real", count=2, modalities=("t1", "t2"), release=release)
    shutil.copytree(tmp_path / "real", tmp_path / "set")
    folder = Folder(root=str(tmp_path / "set"), patients_own=["t1", "t2"])
    twins = synthesize(folder, cohort, cohort.cases[:1], cohort.cases, tmp_path / "synthetic")
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        assert (twin.id, twin.patient, twin.source) == (real.id, real.patient, "synthetic")
        np.testing.assert_array_equal(twin.load_label(), real.load_label())
        np.testing.assert_array_equal(twin.load_image("t2"), real.load_image("t2"))
    assert load_manifest(twins.folder)["imported"][cohort.cases[0].id]["background"] == "as it was"


def test_the_images_of_real_cases_are_never_read(cohort, export, tmp_path):
    for case in cohort.cases:
        for path in case.images.values():
            path.write_bytes(b"not an image")
    assert len(bring(cohort, tmp_path, Folder(root=str(export))).cases) == 3


def test_a_twin_on_another_label_is_refused_by_name(cohort, export, tmp_path):
    seg = export / "exports" / "seg"
    first, second = (seg / f"{n}_{cohort.cases[n].id}_seg.nii.gz" for n in (1, 2))
    shutil.copy(second, first)
    with pytest.raises(CaseError, match=rf"case {cohort.cases[1].id} .*painted on another label: \d+ voxels differ"):
        bring(cohort, tmp_path, Folder(root=str(export)))
    (folder,) = (tmp_path / "synthetic").glob("Folder-*")
    assert (folder / cohort.cases[0].id).exists()  # what was imported before stays
    assert not (folder / "manifest.json").exists()


def test_edited_masks_are_taken_when_asked_for_and_recorded(cohort, export, tmp_path):
    case = cohort.cases[1]
    label = case.load_label()
    label[tuple(np.argwhere(label == 2)[0])] = 0
    swapped = np.vectorize(SWAPPED.get, otypes=[np.uint8])(label)
    save_nifti(export / "exports" / "seg" / f"1_{case.id}_seg.nii.gz", swapped)
    twins = bring(cohort, tmp_path, Folder(root=str(export), edited_masks=True))
    np.testing.assert_array_equal(twins.cases[1].load_label(), label)
    assert load_manifest(twins.folder)["mask_edit"] == [case.id]
    assert "1 carry an edited label map" in (twins.folder / "card.md").read_text()


def test_a_twin_on_another_grid_is_refused(cohort, export, tmp_path):
    case = cohort.cases[0]
    for role in (*MODALITIES, "seg"):
        save_nifti(export / "exports" / role / f"0_{case.id}_{role}.nii.gz", np.ones((8, 8, 8), np.uint8))
    with pytest.raises(CaseError, match=r"Expected the grid \(20, 22, 24\) of the real case, but got \(8, 8, 8\)"):
        bring(cohort, tmp_path, Folder(root=str(export)))


def test_another_affine_is_refused_except_where_the_label_proves_the_place(cohort, export, tmp_path):
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    for n, case in enumerate(cohort.cases):
        for role in (*MODALITIES, "seg"):
            path = export / "exports" / role / f"{n}_{case.id}_{role}.nii.gz"
            voxels = case.load_label() if role == "seg" else case.load_image(role)
            save_nifti(path, voxels, flipped)
            save_nifti(tmp_path / "brats" / f"{case.id}_{role}.nii.gz", voxels, flipped)
    assert len(bring(cohort, tmp_path, Folder(root=str(export), patients_own=OWN)).cases) == 3
    with pytest.raises(CaseError, match=r"on the grid of its label .*, but their voxels lie up to .* mm apart"):
        bring(cohort, tmp_path, Folder(root=str(tmp_path / "brats"), release="2023", patients_own=OWN))


def test_cases_without_a_twin_are_named_before_anything_is_imported(cohort, export, tmp_path):
    for role in (*MODALITIES, "seg"):
        (export / "exports" / role / f"2_{cohort.cases[2].id}_{role}.nii.gz").unlink()
    with pytest.raises(CaseError, match=f"1 of 3 have none: {cohort.cases[2].id}"):
        bring(cohort, tmp_path, Folder(root=str(export)))
    assert not (tmp_path / "synthetic").exists()


def test_a_missing_modality_is_named(cohort, export, tmp_path):
    (export / "exports" / "t2" / f"1_{cohort.cases[1].id}_t2.nii.gz").unlink()
    with pytest.raises(CaseError, match=f"of {cohort.cases[1].id}, but found no t2"):
        bring(cohort, tmp_path, Folder(root=str(export)))


def test_what_the_reader_refused_is_said(cohort, tmp_path):
    shutil.copytree(tmp_path / "real", tmp_path / "set")
    next((tmp_path / "set").rglob("*00001_t1ce*")).unlink()
    with pytest.raises(CaseError, match=r"1 of 3 have none: BraTS2021_00001.*found no t1ce"):
        bring(cohort, tmp_path, Folder(root=str(tmp_path / "set")))


def test_nan_and_constant_images_are_refused_by_name(cohort, export, tmp_path):
    path = export / "exports" / "t1" / f"1_{cohort.cases[1].id}_t1.nii.gz"
    bad = np.ones(SHAPE, np.float32)
    bad[3, 3, 3] = np.nan
    save_nifti(path, bad)
    with pytest.raises(CaseError, match=f"case {cohort.cases[1].id} .*NaN"):
        bring(cohort, tmp_path, Folder(root=str(export)))
    save_nifti(path, np.ones(SHAPE, np.float32))
    with pytest.raises(CaseError, match=rf"1\.0 everywhere in t1 of case {cohort.cases[1].id}"):
        bring(cohort, tmp_path, Folder(root=str(export), background="keep"))


def test_the_seed_chooses_among_several_paintings(cohort, tmp_path):
    write_export(cohort, tmp_path / "set", number=0)
    write_export(cohort, tmp_path / "set", number=10, brightness=0.5)
    first, second = (bring(cohort, tmp_path, Folder(root=str(tmp_path / "set"), seed=seed)) for seed in (0, 1))
    ratio = second.cases[0].load_image("t1").max() / first.cases[0].load_image("t1").max()
    assert ratio == pytest.approx(0.5)
    with pytest.raises(CaseError, match=r"Expected a painting 2 of case .* only 2: \[0, 10\]"):
        bring(cohort, tmp_path, Folder(root=str(tmp_path / "set"), seed=2))
    with pytest.raises(CaseError, match="Expected a painting -1 of case"):
        bring(cohort, tmp_path, Folder(root=str(tmp_path / "set"), seed=-1))


def test_a_changed_file_is_another_set(cohort, export, tmp_path):
    first = bring(cohort, tmp_path, Folder(root=str(export)))
    assert bring(cohort, tmp_path, Folder(root=str(export))).folder == first.folder
    write_export(cohort, export, brightness=0.5)
    assert bring(cohort, tmp_path, Folder(root=str(export))).folder != first.folder


def test_training_ids_go_into_the_manifest(cohort, export, tmp_path):
    (tmp_path / "ids.txt").write_text("BraTS2021_00777\nBraTS2021_00778\n")
    twins = bring(cohort, tmp_path, Folder(root=str(export), train_ids=str(tmp_path / "ids.txt")))
    assert load_manifest(twins.folder)["training_ids"] == ["BraTS2021_00777", "BraTS2021_00778"]


def test_a_run_refuses_a_set_that_was_learned_from_its_test_patients(cohort, export, tmp_path, composed, caplog):
    """With split.test=1 and split.val=1, naming all three as training cases must overlap."""
    ids = ",".join(case.id for case in cohort.cases)
    words = (
        "cases=brats", f"cases.root={tmp_path / 'real'}", "generator=folder", f"generator.root={export}",
        "split.test=1", "split.val=1", f"paths.synthetic={tmp_path / 'synthetic'}", "paths.output=x",
    )  # fmt: skip
    with pytest.raises(CaseError, match="1 test and 1 validation cases are of patients it learned from"):
        build_data(composed("train", *words, f"generator.train_ids=[{ids}]"))
    assert not (tmp_path / "synthetic").exists()  # refused before anything is imported
    allowed = build_data(composed("train", *words, f"generator.train_ids=[{ids}]", "allow_overlap=true"))
    twins = allowed.twins_folder
    assert load_manifest(twins)["training_ids"] == sorted(ids.split(","))
    overlap = check_overlap(training_ids(twins), allowed.splits, allow_overlap=True)  # what a run's facts can say
    assert overlap.facts["test"] == [case.id for case in allowed.splits.test]
    build_data(composed("train", *words))
    assert "The generator's training cases are unknown" in caplog.text


def test_twins_that_we_painted_can_be_imported_again(cohort, tmp_path):
    """A set handed on under BraTS names: the very same images come back."""
    painted = synthesize(Replay(), cohort, cohort.cases[:2], cohort.cases, tmp_path / "synthetic")
    for twin in painted.cases:
        for role, path in twin.files.items():
            name = "seg" if role == "label" else role
            target = tmp_path / "handed" / twin.id / f"{twin.id}_{name}.nii.gz"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    twins = bring(cohort, tmp_path, Folder(root=str(tmp_path / "handed"), release="2023", patients_own=OWN))
    np.testing.assert_array_equal(twins.cases[2].load_image("t1"), painted.cases[2].load_image("t1"))


def test_a_set_of_this_project_is_known_by_its_manifest(cohort, tmp_path):
    painted = synthesize(Replay(), cohort, cohort.cases[:2], cohort.cases, tmp_path / "handed")
    twins = bring(cohort, tmp_path, Folder(root=str(painted.folder), patients_own=OWN))
    assert twins.name.endswith("imported by Folder")
    np.testing.assert_array_equal(twins.cases[2].load_image("t1"), painted.cases[2].load_image("t1"))


def test_a_set_of_this_project_says_itself_whom_it_was_learned_from(cohort, tmp_path):
    painted = synthesize(Replay(), cohort, cohort.cases, cohort.cases, tmp_path / "handed")
    folder, ids = Folder(root=str(painted.folder), patients_own=OWN), tuple(case.id for case in cohort.cases)
    assert folder.training_ids == ids
    splits = Splits(cohort.cases[:1], cohort.cases[1:2], cohort.cases[2:])
    with pytest.raises(CaseError, match="never saw the patients"):
        check_training_overlap(training_ids_of(folder, splits.train), splits, False)
    assert load_manifest(bring(cohort, tmp_path, folder).folder)["training_ids"] == list(ids)
    assert Folder(root=str(painted.folder), train_ids=list(ids)).training_ids == ids
    with pytest.raises(CaseError, match="training ids that the manifest of"):
        _ = Folder(root=str(painted.folder), train_ids=["elsewhere"]).training_ids


def test_a_set_of_this_project_that_was_changed_is_refused(cohort, tmp_path):
    """Its manifest says whom it was learned from: that holds of the images that were written, and of no others."""
    painted = synthesize(Replay(), cohort, cohort.cases[:2], cohort.cases, tmp_path / "handed")
    shutil.copy(painted.cases[0].images["t1"], painted.cases[1].images["t1"])
    with pytest.raises(CaseError, match=r"t1\.nii\.gz as it was written, but its sha256 differs"):
        bring(cohort, tmp_path, Folder(root=str(painted.folder)))


def test_a_set_of_this_project_without_a_modality_is_refused(cohort, tmp_path):
    painted = synthesize(Replay(), cohort, cohort.cases[:2], cohort.cases, tmp_path / "handed")
    wider = replace(cohort, modalities=(*MODALITIES, "t2w"))
    with pytest.raises(CaseError, match=r"^Expected flair, .*, t2w in the set at .*, but got no t2w\."):
        bring(wider, tmp_path, Folder(root=str(painted.folder)))


def test_two_files_of_one_image_are_refused(cohort, export, tmp_path):
    path = export / "exports" / "t2" / f"0_{cohort.cases[0].id}_t2.nii.gz"
    save_nifti(path.with_suffix(""), cohort.cases[1].load_image("t2"))
    with pytest.raises(
        CaseError, match=r"^Expected one file of t2, but got .*_t2\.nii and .*_t2\.nii\.gz\. Remove one"
    ):
        bring(cohort, tmp_path, Folder(root=str(export)))


@pytest.mark.parametrize("root", ["", "nowhere"])
def test_a_missing_folder_is_said(cohort, tmp_path, root):
    with pytest.raises(CaseError, match=r"Set generator\.root"):
        bring(cohort, tmp_path, Folder(root=root))


@pytest.mark.parametrize("field", ["naming", "background"])
def test_an_unknown_choice_is_refused(field):
    with pytest.raises(ValueError, match=f"Expected `{field}` among"):
        Folder(**{field: "nope"})
