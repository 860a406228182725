"""A set on edited label maps has ids of its own, names its parents, and is painted by any generator."""

import json
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

from synthtrust.cases import CaseError, Refusal, Splits, load_manifest
from synthtrust.cases.unpaired_splits import divide
from synthtrust.generators import EditedMasks, Folder, Generator, LabelledSet, Noise, synthesize
from synthtrust.generators.edited_masks import label_maps
from synthtrust.generators.edited_masks.label_maps import FOLDER, is_usable
from synthtrust.generators.synthesis.overlap import training_ids_of
from synthtrust.generators.synthesis.recipe import recipe_of
from synthtrust.testing import tiny_cohort


@dataclass
class Bright(Generator):
    """Paints each label as bright as its value, as quickly as possible."""

    contrast: float = 10.0

    def fit(self, cases):
        self.n_fitted_ = len(cases)
        return self

    def sample(self, label, rng):
        return {name: self.contrast * label + rng.uniform(1, 2, label.shape) for name in ("flair", "t1ce")}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return tiny_cohort(tmp_path_factory.mktemp("real"), count=4)


@pytest.fixture(scope="module")
def edited(real, tmp_path_factory):
    return made(EditedMasks(painter=Bright(), children=2), real, tmp_path_factory.mktemp("made"))


def made(generator, real, root):
    return synthesize(generator, real, real.cases[:3], real.cases, root / "synthetic")


def test_each_training_case_has_children_on_label_maps_of_nobody(real, edited):
    assert [case.id for case in edited.cases] == [f"{c.id}_edit{n}" for c in real.cases[:3] for n in (1, 2)]
    labels = {case.id: case.load_label() for case in real.cases}
    for case in edited.cases:
        own = case.load_label()
        assert set(np.unique(own)) == {0, 1, 2, 3}
        assert not any(np.array_equal(own, label) for label in labels.values())
        image = case.load_image("flair")
        np.testing.assert_array_equal(image // 10, own)
        assert (case.patient, case.donor != case.parent) == (case.parent, True)
        assert {case.parent, case.donor} < {c.id for c in real.cases[:3]}


def test_manifest_and_card_say_whose_children_they_are(real, edited):
    record, card = load_manifest(edited.folder), (edited.folder / "card.md").read_text()
    assert (record["paired"], record["mask_disclosure"], record["label_maps"]["edited_from"]) == (False, False, 3)
    assert record["training_ids"] == [case.id for case in real.cases[:3]]
    assert all(case["parent"] and case["donor"] for case in record["cases"])
    assert record["made_by"]["parameters"]["painter"]["generator"] == "Bright"
    assert "editing those of 3 training cases" in card
    assert "unedited label map of a real patient" not in card


def test_one_seed_makes_one_set_and_another_another(real, edited, tmp_path):
    again = made(EditedMasks(painter=Bright(), children=2), real, tmp_path)
    other = made(EditedMasks(painter=Bright(), children=2, seed=1), real, tmp_path)
    assert edited.folder.name == again.folder.name != other.folder.name
    for case, same, different in zip(edited.cases, again.cases, other.cases, strict=True):
        np.testing.assert_array_equal(case.load_label(), same.load_label())
        np.testing.assert_array_equal(case.load_image("t1ce"), same.load_image("t1ce"))
        assert not np.array_equal(case.load_label(), different.load_label())


def test_a_set_that_was_cut_short_is_completed_on_the_same_label_maps(real, edited, tmp_path):
    shutil.copytree(edited.folder.parent, tmp_path / "synthetic")
    folder = tmp_path / "synthetic" / edited.folder.name
    (folder / "manifest.json").unlink()
    shutil.rmtree(folder / edited.cases[0].id)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "synthetic" / FOLDER).rglob("*.nii.gz")}
    completed = made(EditedMasks(painter=Bright(), children=2), real, tmp_path)
    np.testing.assert_array_equal(completed.cases[0].load_label(), edited.cases[0].load_label())
    assert before == {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "synthetic" / FOLDER).rglob("*.nii.gz")
    }


def test_the_recipe_tells_painters_and_their_settings_apart(real):
    recipes = [
        json.dumps(recipe_of(EditedMasks(painter=painter), real.cases, []), sort_keys=True)
        for painter in (Bright(), Bright(contrast=11), Noise())
    ]
    assert len(set(recipes)) == 3


def test_what_a_painter_was_trained_on_counts_beside_the_parents(real):
    painter = Bright()
    painter.training_ids = ["elsewhere"]
    ids = [case.id for case in real.cases[:2]]
    assert training_ids_of(EditedMasks(painter=painter), real.cases[:2]) == (*ids, "elsewhere")
    assert training_ids_of(EditedMasks(painter=Bright()), real.cases[:2]) == tuple(ids)
    painter.training_ids = None
    assert training_ids_of(EditedMasks(painter=painter), real.cases[:2]) is None


def test_a_child_of_cases_in_two_parts_of_a_split_is_left_out(real, edited):
    child = edited.cases[0]
    one = next(case for case in real.cases if case.id == child.parent)
    other = next(case for case in real.cases if case.id == child.donor)
    third = next(case for case in real.cases if case.id not in (one.id, other.id))
    together, apart = Splits((one, other), (), (third,)), Splits((one,), (third,), (other,))
    assert child.id in {case.id for part in divide([child], together).splits.ids.values() for case in [child]}
    assert divide([child], together).left_out == ()
    assert divide([child], apart).left_out == (child.id,)


def test_a_set_that_is_handed_over_keeps_parents_and_what_was_edited(real, edited, tmp_path):
    received = synthesize(LabelledSet(root=str(edited.folder), check_orientation=False), real, (), (), tmp_path)
    assert [(c.parent, c.donor) for c in received.cases] == [(c.parent, c.donor) for c in edited.cases]
    assert load_manifest(received.folder)["label_maps"]["edited_from"] == 3


def test_a_donor_has_to_be_a_real_case(real, edited, tmp_path):
    shutil.copytree(edited.folder, tmp_path / "set")
    record = json.loads((tmp_path / "set" / "manifest.json").read_text())
    record["cases"][0]["donor"] = "nobody"
    del record["crc32"]
    (tmp_path / "set" / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(CaseError, match=r"Expected the donors in .* among the real cases, but 'nobody', the donor of"):
        synthesize(LabelledSet(root=str(tmp_path / "set")), real, (), (), tmp_path / "synthetic")


def test_no_core_is_exchanged_where_none_is_asked_for(real, tmp_path):
    own = made(EditedMasks(painter=Bright(), core=[]), real, tmp_path)
    assert {case.donor for case in own.cases} == {""}


def test_edits_that_lose_a_region_or_leave_the_head_are_not_used():
    label = np.zeros((8, 8, 8), np.uint8)
    label[2:5, 2:5, 2:5], label[3, 3, 3] = 2, 1
    head = np.zeros(label.shape, bool)
    head[1:6, 1:6, 1:6] = True
    assert is_usable(label, label, label, head)
    assert not is_usable(np.where(label == 1, 2, label), label, label, head)
    assert not is_usable(np.roll(label, 3, axis=0), label, label, head)


def test_where_no_core_of_another_fits_the_case_keeps_its_own(real, tmp_path, monkeypatch):
    monkeypatch.setattr(label_maps, "exchange_core", lambda label, donor, core: None)
    monkeypatch.setattr(label_maps, "TRIES", 5)
    own = made(EditedMasks(painter=Bright()), real, tmp_path)
    assert {case.donor for case in own.cases} == {""}
    labels = [case.load_label() for case in real.cases]
    assert not any(np.array_equal(case.load_label(), label) for case in own.cases for label in labels)


def test_what_cannot_be_edited_is_refused_before_anything_is_painted(real, tmp_path, monkeypatch):
    monkeypatch.setattr(label_maps, "TRIES", 1)
    with pytest.raises(CaseError, match=r"Expected an edit of the label map of case BraTS2021_00000 .* 2 drawn"):
        made(EditedMasks(painter=Bright(), max_growth=30.0, core=[]), real, tmp_path)
    assert not list((tmp_path / "synthetic").glob("EditedMasks*"))
    with pytest.raises(Refusal, match=r"generator.core among the labels \['NCR', 'ED', 'ET'\], but got \['liver'\]"):
        made(EditedMasks(painter=Bright(), core=["liver"]), real, tmp_path)
    with pytest.raises(Refusal, match="to leave a label around it"):
        made(EditedMasks(painter=Bright(), core=["NCR", "ED", "ET"]), real, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"painter": Folder(root="somewhere")}, "paints on label maps as generator.painter, but got Folder"),
        ({"painter": Bright(), "children": 0}, "children to be 1 or more"),
        ({"painter": Bright(), "max_scale": 2.0}, "max_scale from 0 to 1"),
        ({"painter": Bright(), "warp": -1.0}, "warp from 0 to 1"),
        (
            {"painter": Bright(), "max_scale": 0, "warp": 0, "max_growth": 0, "core": []},
            "Expected an edit of the shape",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(Refusal, match=message):
        EditedMasks(**arguments)


def test_a_real_case_with_the_id_of_a_child_is_refused(real, tmp_path):
    taken = replace(real.cases[3], id=f"{real.cases[0].id}_edit1")
    cohort = replace(real, cases=(*real.cases[:3], taken))
    with pytest.raises(Refusal, match="BraTS2021_00000_edit1 is there already"):
        synthesize(EditedMasks(painter=Bright()), cohort, real.cases[:3], cohort.cases, tmp_path)
