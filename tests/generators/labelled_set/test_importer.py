"""Synthetic cases that are the twins of none are read in the layouts that generators write, or refused."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from synthtrust.cases import CaseError, Refusal, load_manifest
from synthtrust.generators import LabelledSet, synthesize
from synthtrust.testing import tiny_cohort

MODALITIES = ("flair", "t1ce")
VALUES = {1: "NCR", 2: "ED", 4: "ET"}


@pytest.fixture
def real(tmp_path):
    return tiny_cohort(tmp_path / "real", count=3)


@pytest.fixture
def made(tmp_path):
    """Return five synthetic cases by another hand, in BraTS naming."""
    return tiny_cohort(tmp_path / "made", count=5, seed=9)


def imported(real, tmp_path, importer):
    return synthesize(importer, real, real.cases, real.cases, tmp_path / "synthetic")


def as_nnunet(made, folder):
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for n, case in enumerate(made.cases):
        for channel, modality in enumerate(MODALITIES):
            shutil.copy(case.images[modality], folder / "imagesTr" / f"syn{n}_{channel:04d}.nii.gz")
        shutil.copy(case.label_map, folder / "labelsTr" / f"syn{n}.nii.gz")
    facts = {"channel_names": {"0": "FLAIR", "1": "T1ce"}, "labels": {"background": 0, "NCR": 1, "ED": 2, "ET": 4}}
    (folder / "dataset.json").write_text(json.dumps(facts | {"numTraining": 5, "file_ending": ".nii.gz"}))
    return LabelledSet(root=str(folder))


def as_pairs(made, folder):
    folder.mkdir()
    for n, case in enumerate(made.cases):
        for modality in MODALITIES:
            shutil.copy(case.images[modality], folder / f"syn{n}_{modality}_image.nii.gz")
        shutil.copy(case.label_map, folder / f"syn{n}_mask.nii.gz")
    patterns = {modality: f"*_{modality}_image.nii.gz" for modality in MODALITIES} | {"seg": "*_mask.nii.gz"}
    return LabelledSet(root=str(folder), patterns=patterns, label_values=VALUES)


def as_table(made, folder):
    folder.mkdir()
    rows = [
        ",".join([f"syn{n}", *(str(case.images[name]) for name in MODALITIES), str(case.label_map)])
        for n, case in enumerate(made.cases)
    ]
    (folder / "set.csv").write_text("\n".join([f"case_id,{','.join(MODALITIES)},label", *rows]))
    return LabelledSet(root=str(folder / "set.csv"), label_values=VALUES)


@pytest.mark.parametrize("layout", [as_nnunet, as_pairs, as_table])
def test_a_set_is_the_same_in_every_layout(real, made, tmp_path, layout):
    own = imported(real, tmp_path, layout(made, tmp_path / "set"))
    assert (len(own.cases), own.paired) == (5, False)
    for case, original in zip(own.cases, made.cases, strict=True):
        np.testing.assert_array_equal(case.load_label(), original.load_label())
        for modality in MODALITIES:
            np.testing.assert_allclose(case.load_image(modality), original.load_image(modality), rtol=1e-6)
    record = load_manifest(own.folder)
    assert (record["paired"], record["mask_disclosure"], record["training_ids"]) == (False, False, None)
    assert "label map of its own" in (own.folder / "card.md").read_text()


def test_brats_naming_is_recognised_and_a_set_of_this_project_is_read_again(real, made, tmp_path):
    own = imported(real, tmp_path, LabelledSet(root=str(tmp_path / "made")))
    assert [case.id for case in own.cases] == [case.id for case in made.cases]
    again = imported(real, tmp_path, LabelledSet(root=str(own.folder)))
    np.testing.assert_array_equal(again.cases[4].load_label(), made.cases[4].load_label())


def coarser(made, folder, spacing):
    """Write the set with other voxels, by every second plane along the first axis."""
    for case in made.cases:
        for path in case.files.values():
            image = nib.load(path)
            affine = image.affine @ np.diag([2, 1, 1, 1])
            target = folder / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[::2], affine), target)
    return LabelledSet(root=str(folder), spacing=spacing)


def test_cases_are_brought_to_the_voxel_size_of_real_ones_or_keep_theirs(real, made, tmp_path):
    shape = made.cases[0].load_label().shape
    own = imported(real, tmp_path, coarser(made, tmp_path / "coarse", "real"))
    label = own.cases[0].load_label()
    assert label.shape == shape
    assert set(np.unique(label)) <= {0, 1, 2, 3}  # no value between two labels
    volume, original = (label > 0).sum(), (made.cases[0].load_label() > 0).sum()
    assert abs(volume / original - 1) < 0.25
    notes = load_manifest(own.folder)["imported"][own.cases[0].id]
    assert notes["resampled_to_mm"] == [1.5, 1.25, 2.0]
    kept = imported(real, tmp_path, LabelledSet(root=str(tmp_path / "coarse"), spacing="keep"))
    assert kept.cases[0].load_label().shape == (shape[0] // 2, *shape[1:])


def test_children_belong_to_the_patient_of_their_parent(real, made, tmp_path):
    parents = [real.cases[n % 2] for n in range(5)]
    for case, parent in zip(made.cases, parents, strict=True):
        for path in case.files.values():
            name = path.name.replace(case.id, f"{parent.id}-syn{case.id[-1]}")
            target = tmp_path / "children" / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    patterns = {name: f"*_{name}.nii.gz" for name in (*MODALITIES, "seg")}
    options = dict(root=str(tmp_path / "children"), patterns=patterns, label_values=VALUES)
    own = imported(real, tmp_path, LabelledSet(**options, parent_pattern=r"(?P<parent>.+)-syn\d"))
    assert {case.parent for case in own.cases} == {case.id for case in real.cases[:2]}
    assert {case.patient for case in own.cases} == {case.patient for case in real.cases[:2]}
    with pytest.raises(CaseError, match=r"the parents in .*children among the real cases, but .* nor are 4 more"):
        imported(real, tmp_path, LabelledSet(**options, parent_pattern=r"(?P<parent>.{4}).+"))


def test_labels_of_other_names_are_refused_or_become_background(real, made, tmp_path):
    root = str(tmp_path / "made")
    with pytest.raises(CaseError, match=r"has \['liver', 'spleen', 'kidney'\]. Name the values"):
        imported(real, tmp_path, LabelledSet(root=root, label_values={1: "liver", 2: "spleen", 4: "kidney"}))
    values = {1: "NCR", 2: "ED", 4: "vessel"}
    with pytest.raises(CaseError, match=r"has \['vessel'\].*generator.other_labels=background"):
        imported(real, tmp_path, LabelledSet(root=root, label_values=values))
    own = imported(real, tmp_path, LabelledSet(root=root, label_values=values, other_labels="background"))
    assert set(np.unique(own.cases[0].load_label())) == {0, 1, 2}


def test_bad_sets_are_refused_in_one_line(real, made, tmp_path):
    with pytest.raises(CaseError, match=r"Expected a synthetic set at .*gone, but there is none. Set generator.root"):
        imported(real, tmp_path, LabelledSet(root=str(tmp_path / "gone")))
    made.cases[1].label_map.unlink()
    with pytest.raises(CaseError, match=f"1 of .*made cannot, first .*{made.cases[1].id}.*found no seg"):
        imported(real, tmp_path, LabelledSet(root=str(tmp_path / "made")))
    assert not list((tmp_path / "synthetic").glob("*/manifest.json"))


@pytest.mark.parametrize(
    ("options", "header", "message"),
    [
        ({}, "case_id,image,label", r"Expected columns \['flair', 't1ce'\] in .*set\.csv, .*\. Rename them\."),
        ({"layout": "brats"}, "", r"Expected a folder of cases, but .*set\.csv is a file\. Set generator\.root\."),
        ({}, "case_id,flair,t1ce,label", r"in .*set\.csv, but found none\. Add some, or set generator\.root"),
    ],
    ids=["columns", "a table as a folder", "no row"],
)
def test_what_a_reader_refuses_is_said_in_the_options_of_the_importer(real, tmp_path, options, header, message):
    (tmp_path / "set.csv").write_text(f"{header}\n" + ("a,b,c\n" if "image" in header else ""))
    with pytest.raises(CaseError, match=message) as error:
        imported(real, tmp_path, LabelledSet(root=str(tmp_path / "set.csv"), label_values={1: "NCR"}, **options))
    assert "cases." not in str(error.value)


@pytest.mark.parametrize("patterns", [{"flair": "*_f.nii.gz"}, {"flair": "*_f.nii.gz", "t1ce": "*_c*", "seg": "*_x*"}])
def test_patterns_are_those_of_the_generator_in_every_message(real, made, tmp_path, patterns):
    with pytest.raises(CaseError, match=r"generator\.patterns") as error:
        imported(real, tmp_path, LabelledSet(root=str(tmp_path / "made"), patterns=patterns, label_values={1: "NCR"}))
    assert "cases." not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "bids"}, "Expected generator.layout among"),
        ({"spacing": "1 mm"}, "Expected generator.spacing among"),
        ({"other_labels": "drop"}, "Expected generator.other_labels among"),
        ({"parent_pattern": "("}, "Expected a regular expression"),
        ({"parent_pattern": ".*"}, r"Expected a group \(\?P<parent>"),
    ],
)
def test_unknown_options_are_refused_before_a_file_is_read(options, message):
    with pytest.raises(Refusal, match=message):
        LabelledSet(root="anywhere", **options)


def test_a_set_of_its_own_may_have_ids_of_real_cases(real, tmp_path):
    own = imported(real, tmp_path, LabelledSet(root=str(tmp_path / "real"), patients_own=["flair", "t1ce"]))
    assert {case.id for case in own.cases} == {case.id for case in real.cases}
    assert all(case.source == "synthetic" for case in own.cases)
