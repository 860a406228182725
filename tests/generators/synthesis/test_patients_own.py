"""A set of which some modalities are the patients' own is refused until that is declared, and then says so."""

from dataclasses import replace

import numpy as np
import pytest

from synthtrust.cases import CaseError, load_manifest
from synthtrust.cases.checks.own_images import own_surroundings
from synthtrust.generators import Folder, LabelledSet, Replay, Tissue, synthesize
from synthtrust.refusals import Refusal
from synthtrust.testing import save_nifti, tiny_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return tiny_cohort(tmp_path_factory.mktemp("real"), count=6)


@pytest.fixture(scope="module")
def completed(cohort, tmp_path_factory):
    """Return a table of a set that paints FLAIR beside the patients' own T1ce, with the first FLAIR a copy as well."""
    folder = tmp_path_factory.mktemp("completed")
    painted = synthesize(Tissue(), cohort, cohort.cases, cohort.cases, folder)
    rows = [
        f"syn{n},{(real if n == 0 else twin).images['flair']},{real.images['t1ce']},{twin.label_map},{real.id}"
        for n, (real, twin) in enumerate(zip(cohort.cases, painted.cases, strict=True))
    ]
    table = folder / "set.csv"
    table.write_text("\n".join(["case_id,flair,t1ce,label,parent", *rows]))
    return table


def imported(cohort, table, folder, **options):
    importer = LabelledSet(root=str(table), label_values={1: "NCR", 2: "ED", 3: "ET"}, **options)
    return synthesize(importer, cohort, cohort.cases, cohort.cases, folder)


def test_a_modality_of_the_patients_own_is_refused_until_it_is_declared(cohort, completed, tmp_path):
    with pytest.raises(CaseError, match=r"7 are images of real cases.*6 of t1ce.*generator.patients_own=\[t1ce\]"):
        imported(cohort, completed, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_declared_one_stands_in_manifest_and_card_and_other_copies_are_warned_of(cohort, completed, tmp_path, caplog):
    folder = imported(cohort, completed, tmp_path, patients_own=["t1ce"]).folder
    assert load_manifest(folder)["patients_own"] == {
        "declared": ["t1ce"],
        "images": {"flair": 1, "t1ce": 6},
        "surroundings": 1,
    }
    assert "**Partly synthetic**: of real patients, and not made, are: t1ce." in (folder / "card.md").read_text()
    assert "Copies of real cases are in the set: 1 are images of real cases, voxel by voxel (1 of flair)" in caplog.text


def test_a_declaration_is_corrected_without_importing_anew(cohort, completed, tmp_path):
    first = imported(cohort, completed, tmp_path, patients_own=["t1ce"])
    second = imported(cohort, completed, tmp_path, patients_own=["t1ce", "flair"])
    assert first.folder == second.folder
    assert load_manifest(first.folder)["patients_own"]["declared"] == ["t1ce", "flair"]


def test_twins_that_are_the_patients_own_are_refused_too(cohort, tmp_path):
    replayed = synthesize(Replay(), cohort, cohort.cases, cohort.cases, tmp_path / "replayed")
    with pytest.raises(CaseError, match="Expected synthetic images, but 12 are images of real cases"):
        synthesize(Folder(root=str(replayed.folder)), cohort, cohort.cases, cohort.cases, tmp_path)


def test_a_declared_modality_has_to_be_one(cohort, completed, tmp_path):
    with pytest.raises(Refusal, match=r"Expected generator.patients_own among \['flair', 't1ce', 'surroundings'\]"):
        imported(cohort, completed, tmp_path, patients_own=["t2"])


@pytest.fixture(scope="module")
def pasted(cohort, tmp_path_factory):
    """Return a table of a set whose lesions are painted into the patients' own images."""
    folder = tmp_path_factory.mktemp("pasted")
    rows = []
    for n, real in enumerate(cohort.cases):
        label, rng = real.load_label(), np.random.default_rng(n)
        files = {}
        for name in cohort.modalities:
            image = np.where(label > 0, rng.integers(200, 900, label.shape), real.load_image(name))
            files[name] = folder / f"{name}{n}.nii.gz"
            save_nifti(files[name], image.astype(np.int16))
        save_nifti(folder / f"label{n}.nii.gz", label)
        rows.append(f"syn{n},{files['flair']},{files['t1ce']},{folder / f'label{n}.nii.gz'},{real.id}")
    (folder / "set.csv").write_text("\n".join(["case_id,flair,t1ce,label,parent", *rows]))
    return folder / "set.csv"


def test_lesions_painted_into_patients_are_refused_until_that_is_declared(cohort, pasted, tmp_path):
    with pytest.raises(CaseError, match=r"outside their labels 6 are as their parents.*patients_own=\[surroundings\]"):
        imported(cohort, pasted, tmp_path)
    folder = imported(cohort, pasted, tmp_path, patients_own=["surroundings"]).folder
    assert load_manifest(folder)["patients_own"] == {"declared": ["surroundings"], "images": {}, "surroundings": 6}
    assert "and not made, are: the surroundings of the labels." in (folder / "card.md").read_text()


def test_painted_twins_of_patients_have_surroundings_of_their_own(cohort, tmp_path):
    painted = synthesize(Tissue(), cohort, cohort.cases, cohort.cases, tmp_path / "painted").cases
    children = [replace(twin, id=f"syn_{twin.id}", parent=twin.id) for twin in painted]
    shares = own_surroundings(children, cohort.cases, cohort.modalities)
    assert max(shares.values()) < 0.1
