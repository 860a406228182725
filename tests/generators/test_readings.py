"""The labels of imported twins are those of the real cases, however their files write them; nothing is guessed."""

import numpy as np
import pytest

from synthtrust.cases import CaseError, load_manifest
from synthtrust.generators import synthesize
from synthtrust.generators.folder import Folder
from synthtrust.generators.readings import compare, nearest, readings_of
from synthtrust.runs.build import make
from synthtrust.testing import save_nifti, tiny_cohort

SHAPE = (20, 22, 24)
MODALITIES = ("flair", "t1")
WAYS = {  # what a file has for background, NCR, ED, ET
    "1 2 3": (0, 1, 2, 3),
    "exchanged": (0, 2, 1, 3),
    "1 2 4": (0, 1, 2, 4),
    "exchanged, 4": (0, 2, 1, 4),
}
NAMINGS = {
    "brats": "{case}/{case}_{role}.nii.gz",
    "med_ddpm": "exports/{role}/0_{case}_{role}.nii.gz",
}


@pytest.fixture
def cohort(tmp_path):
    return tiny_cohort(tmp_path / "real", count=3, shape=SHAPE, modalities=MODALITIES)


def hand_over(cohort, root, naming, way, edit=lambda label: label, brain=False):
    """Write a set of twins; ``edit`` changes the canonical label before it is written."""
    for case in cohort.cases:
        raw = np.array(WAYS[way], np.uint8)[edit(case.load_label())]
        if brain:
            raw[(raw == 0) & (case.load_image("t1") > 0)] = 4
        for role in MODALITIES:
            image = 1.01 * case.load_image(role)  # the very image of a patient would be refused
            save_nifti(root / NAMINGS[naming].format(case=case.id, role=role), image)
        save_nifti(root / NAMINGS[naming].format(case=case.id, role="seg"), raw)
    return str(root)


def bring(cohort, tmp_path, **options):
    return synthesize(Folder(**options), cohort, cohort.cases[:1], cohort.cases, tmp_path / "synthetic")


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("edited", [False, True], ids=["as they are", "edited masks allowed"])
def test_the_reading_that_gives_the_real_label_is_taken_in_every_naming(cohort, tmp_path, naming, way, edited):
    root = hand_over(cohort, tmp_path / "set", naming, way)
    twins = bring(cohort, tmp_path, root=root, edited_masks=edited)
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        np.testing.assert_array_equal(twin.load_label(), real.load_label())
    assert load_manifest(twins.folder)["mask_edit"] == []


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("way", ["1 2 3", "exchanged"])
def test_a_brain_of_its_own_class_is_background_in_every_naming(cohort, tmp_path, naming, way):
    root = hand_over(cohort, tmp_path / "set", naming, way, brain=True)
    for real, twin in zip(cohort.cases, bring(cohort, tmp_path, root=root).cases, strict=True):
        np.testing.assert_array_equal(twin.load_label(), real.load_label())


def test_a_release_that_was_stated_wrongly_exchanges_nothing(cohort, tmp_path):
    root = hand_over(cohort, tmp_path / "set", "brats", "exchanged")
    for real, twin in zip(cohort.cases, bring(cohort, tmp_path, root=root, release="2023").cases, strict=True):
        np.testing.assert_array_equal(twin.load_label(), real.load_label())


@pytest.mark.parametrize("naming", NAMINGS)
def test_endings_in_capitals_are_read(cohort, tmp_path, naming):
    root = hand_over(cohort, tmp_path / "set", naming, "1 2 3")
    for path in [*(tmp_path / "set").rglob("*.nii.gz")]:
        path.rename(path.with_name(path.name.replace(".nii.gz", ".NII.GZ")))
    assert len(bring(cohort, tmp_path, root=root).cases) == 3


def without_a_voxel(label):
    """Clear one voxel of oedema."""
    label = label.copy()
    label[tuple(np.argwhere(label == 2)[0])] = 0
    return label


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("way", WAYS)
def test_an_edited_mask_is_read_as_what_is_clearly_the_nearest(cohort, tmp_path, naming, way):
    root = hand_over(cohort, tmp_path / "set", naming, way, without_a_voxel)
    if (naming, way[-1]) == ("med_ddpm", "4"):  # there, 4 may be the brain
        with pytest.raises(CaseError, match="No reading is clearly the nearest"):
            bring(cohort, tmp_path, root=root, edited_masks=True)
        return
    twins = bring(cohort, tmp_path, root=root, edited_masks=True)
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        np.testing.assert_array_equal(twin.load_label(), without_a_voxel(real.load_label()))
    assert load_manifest(twins.folder)["mask_edit"] == [case.id for case in cohort.cases]


def elsewhere(label):
    return np.roll(label, 9, axis=0)


def of_one_kind(label):
    """Leave oedema alone, where NCR would be written in other files."""
    return np.where(label == 2, 2, 0).astype(np.uint8)


@pytest.mark.parametrize("edit", [elsewhere, of_one_kind])
def test_an_edited_mask_that_could_be_read_in_two_ways_is_refused_until_a_user_says_which(cohort, tmp_path, edit):
    root = hand_over(cohort, tmp_path / "set", "brats", "exchanged", edit)
    with pytest.raises(
        CaseError,
        match=r"\d+ voxels differ if .*, \d+ if .*No reading is clearly the nearest.*generator.label_values",
    ):
        bring(cohort, tmp_path, root=root, edited_masks=True)
    stated = {1: "ED", 2: "NCR", "3": "enhancing tumour"}
    twins = bring(cohort, tmp_path, root=root, edited_masks=True, label_values=stated)
    for real, twin in zip(cohort.cases, twins.cases, strict=True):
        np.testing.assert_array_equal(twin.load_label(), edit(real.load_label()))


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_refusal_names_the_readings_and_no_advice_leads_to_another_label(cohort, tmp_path, naming):
    root = hand_over(cohort, tmp_path / "set", naming, "exchanged", without_a_voxel)
    real = cohort.cases[0].load_label()
    exchanged = int(np.isin(real, [1, 2]).sum())
    with pytest.raises(
        CaseError,
        match=rf"^Expected a twin of case {cohort.cases[0].id} .*painted on another label: 1 voxels differ if its "
        rf"values are 1 ED, 2 NCR, 3 ET, {exchanged} if 1 NCR, 2 ED, 3 ET.*edited_masks=true if masks were changed",
    ) as caught:
        bring(cohort, tmp_path, root=root)
    assert "\n" not in str(caught.value)


def test_a_statement_that_is_wrong_is_refused_with_the_reading_that_is_right(cohort, tmp_path):
    root = hand_over(cohort, tmp_path / "set", "brats", "exchanged")
    with pytest.raises(
        CaseError, match=r"as generator.label_values says, but \d+ voxels differ, and none if .*1 ED, 2 NCR"
    ):
        bring(cohort, tmp_path, root=root, edited_masks=True, label_values={1: "NCR", 2: "ED", 3: "ET"})


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({1: "NCR", 2: "ED", 3: "liver"}, "Expected labels of the cohort, .* but got 'liver'"),
        ({1: "NCR", 2: "ED"}, r"Expected values among \[0, 1, 2\].* but got \[0, 1, 2, 3\]"),
    ],
)
def test_a_statement_that_does_not_fit_is_refused(cohort, tmp_path, stated, message):
    root = hand_over(cohort, tmp_path / "set", "brats", "1 2 3")
    with pytest.raises(ValueError, match=f"^Expected .*{message}|^{message}"):
        bring(cohort, tmp_path, root=root, label_values=stated)


def test_values_that_no_reading_knows_are_named(cohort, tmp_path):
    root = hand_over(cohort, tmp_path / "set", "brats", "1 2 3", lambda label: label, brain=False)
    path = tmp_path / "set" / NAMINGS["brats"].format(case=cohort.cases[0].id, role="seg")
    save_nifti(path, np.full(SHAPE, 9, np.uint8))
    with pytest.raises(CaseError, match=r"of a known reading, but got \[9\].*generator.label_values"):
        bring(cohort, tmp_path, root=root)


def test_the_command_line_states_values(composed):
    cfg = composed("train", "generator=folder", "generator.root=x", "generator.label_values={1:ED,2:NCR,3:ET}")
    assert make(cfg.generator, _convert_="all").label_values == {1: "ED", 2: "NCR", 3: "ET"}
    with pytest.raises(ValueError, match=r"^Expected generator.label_values as \{value: name"):
        Folder(root="x", label_values={"one": "ED"})


def test_labels_of_other_organs_are_never_read_as_those_of_a_brain_tumour():
    readings = readings_of({"anterior": 1, "posterior": 2}, {})
    assert [reading.values for reading in readings] == [{0: 0, 1: 1, 2: 2}]
    raw = np.array([[[0, 1, 2]]], np.uint8)
    assert nearest(compare(raw, raw, readings), {}, edited=False).n_differ == 0
