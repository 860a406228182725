"""A received set is audited beside real cases through the command line, and nothing is trained."""

import json
from dataclasses import replace

import numpy as np
import pytest

from helpers.commands import refusal, run_here
from helpers.synthetic_sets import plane, textured_volumes
from helpers.textures import texture
from synthtrust.audits.privacy import embedded
from synthtrust.generators import Replay, Tissue, synthesize

N_TRAIN, N = 20, 40


@pytest.fixture(autouse=True)
def _small_grid(monkeypatch):
    """Search copies on a grid of 12 voxels a side; the volumes have 14 x 16 x 12."""
    monkeypatch.setattr(embedded, "VOLUME_GRID", 12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with real volumes, and two sets under other ids: painted ones, and copies of training cases."""
    folder = tmp_path_factory.mktemp("received")
    cohort = textured_volumes(folder / "files", N, np.random.default_rng(0))
    train = cohort.cases[:N_TRAIN]
    write_table(folder / "real.csv", cohort.cases, "v")
    for generator in (Tissue(), Replay()):
        painted = synthesize(generator, cohort, train, train, folder / "painted")
        write_table(folder / f"{type(generator).__name__}.csv", reversed(painted.cases), "syn")
    (folder / "ids.txt").write_text("\n".join(case.id for case in train))
    return folder


def write_table(file, cases, prefix):
    rows = [f"{prefix}{n:02d},{case.images['mri']},{case.label_map}" for n, case in enumerate(cases)]
    file.write_text("\n".join(["case_id,mri,label", *rows]))


def words(folder, name, *more):
    values = "{1:left,2:right}"
    return (
        "evaluate.py", "cases=volume_table", f"cases.file={folder / 'real.csv'}", f"cases.label_values={values}",
        "cases.modalities=[mri]", "generator=labelled_set", f"generator.root={folder / name}.csv",
        f"generator.label_values={values}", f"generator.train_ids={folder / 'ids.txt'}", "audit.privacy.angles=[]",
        "audit.privacy.scales=[]", "audit.privacy.n_copies=2", "pictures=1", f"paths.synthetic={folder / 'synthetic'}",
        f"paths.cache={folder / 'cache'}", f"paths.reports={folder / 'reports'}", f"folder={folder / 'reports' / name}",
        *more,
    )  # fmt: skip


def test_copies_of_training_cases_are_found_whatever_their_ids(folder, monkeypatch):
    monkeypatch.chdir(folder)
    line = run_here(*words(folder, "Replay"))
    assert "Expected synthetic images, but 20 are images of real cases, voxel by voxel (20 of mri)" in line
    line = run_here(
        *words(folder, "Replay", "fail_on=[leak]", "generator.patients_own=[mri]", "audit.fidelity.n_ms_ssim=8")
    )
    assert line.startswith("Error: Expected no leak, but privacy is NOT SUPPORTED")
    report = json.loads((folder / "reports" / "Replay" / "report.json").read_text())
    assert {row["axis"]: row["verdict"] for row in report["verdicts"]} == {
        "utility": "not assessed", "alignment": "not assessed", "fidelity": "INCONCLUSIVE", "privacy": "NOT SUPPORTED",
    }  # fmt: skip
    copies = next(row for row in report["tables"]["privacy"]["tests"] if row["measure"].startswith("P1 copies"))
    assert copies["value"] == 1
    assert not any("P4" in row["measure"] for row in report["tables"]["privacy"]["tests"])
    assert report["facts"]["cases"] == {"training": N_TRAIN, "unseen": N - N_TRAIN, "synthetic": N_TRAIN}


def test_a_painted_set_holds_no_copy_and_its_page_says_that_there_are_no_pairs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert run_here(*words(folder, "Tissue", "audit=[privacy]")) == ""
    report = json.loads((folder / "reports" / "Tissue" / "report.json").read_text())
    copies = next(row for row in report["tables"]["privacy"]["tests"] if row["measure"].startswith("P1 copies"))
    assert copies["value"] == 0
    page = (folder / "reports" / "Tissue" / "index.html").read_text()
    assert "The synthetic cases have labels of their own" in page
    notes = [row["note"] for row in report["tables"]["privacy"]["tests"] if "label maps of patients" in row["measure"]]
    assert notes[0].endswith("got 20 equal ones.")  # all label maps of these phantoms have one shape
    assert not any("own_source" in row and row["own_source"] for row in report["tables"]["privacy"]["copies"])


def test_what_cannot_be_audited_is_refused(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "Add for example cases=msd" in refusal("evaluate.py", "generator=labelled_set", f"generator.root={folder}")
    line = run_here("evaluate.py", "cases=phantom", "cases.n_cases=4", "generator=tissue")
    assert "Expected a set that was made already, but Tissue paints one" in line
    line = run_here("evaluate.py", "cases=phantom", "cases.n_cases=4", "generator=tissue", "audit=[utility]")
    assert "Expected an audit among ['fidelity', 'privacy']" in line


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    """Return a folder with real plane images, a table of new ones and copies of four, and the new ones alone."""
    folder = tmp_path_factory.mktemp("planes")
    rng = np.random.default_rng(0)
    real = [plane(folder / "real", f"r{n:02d}", texture(rng), n % 2) for n in range(44)]
    new = [plane(folder / "new", f"n{n:02d}", texture(rng), n % 2) for n in range(48)]
    write_classes(folder / "real.csv", real)
    write_classes(folder / "set.csv", [*new, *(replace(case, id=f"copy_{case.id}") for case in real[:4])])
    (folder / "ids.txt").write_text("\n".join(case.id for case in real[:22]))
    return folder


def write_classes(file, cases):
    rows = [f"{case.id},{case.images['grey']},{['no', 'yes'][case.class_index]}" for case in cases]
    file.write_text("\n".join(["case_id,image,label", *rows]))


def report_on(planes, tmp_path, monkeypatch, *options):
    """Audit a set of plane images, and return the report."""
    monkeypatch.chdir(tmp_path)
    words = ("cases=table", f"cases.file={planes / 'real.csv'}", "folder=page",
             f"generator.train_ids={planes / 'ids.txt'}", "audit.privacy.angles=[]", "audit.privacy.scales=[]",
             "audit.privacy.n_copies=2", *options)  # fmt: skip
    assert run_here("evaluate.py", *words) == ""
    return json.loads((tmp_path / "page" / "report.json").read_text())


def test_every_image_of_a_class_table_is_audited_once(planes, tmp_path, monkeypatch):
    """With fewer real cases than images, and copies of training images among these."""
    options = ("generator=class_table", f"generator.file={planes / 'set.csv'}", "audit=[privacy]")
    report = report_on(planes, tmp_path, monkeypatch, *options)
    assert report["facts"]["cases"] == {"training": 22, "unseen": 22, "synthetic": 52}
    copies = {row["synthetic"] for row in report["tables"]["privacy"]["copies"] if row["reading"] == "COPY"}
    assert copies == {f"copy_r{n:02d}" for n in range(4)}


def test_a_set_without_labels_is_audited_and_what_needs_labels_does_not_apply(planes, tmp_path, monkeypatch):
    options = ("generator=image_set", f"generator.root={planes / 'new'}", "audit=[fidelity,privacy]")
    few = (
        "audit.fidelity.min_patients_computed=100",
        "generator.train_ids=null",
    )  # nothing is computed that takes long
    report = report_on(planes, tmp_path, monkeypatch, *options, *few)
    by_axis = {row["axis"]: row for row in report["verdicts"]}
    assert [by_axis[axis]["verdict"] for axis in ("utility", "alignment")] == ["not applicable"] * 2
    assert by_axis["utility"]["of"][0]["reasons"][0]["code"] == "no_labels"
    assert by_axis["fidelity"]["of"][0]["verdict"] == "INCONCLUSIVE"
    assert by_axis["privacy"]["of"][0]["verdict"] == "not assessed"
    assert report["facts"]["cases"]["synthetic"] == 48
    (card,) = (tmp_path / "page" / "cards").glob("*/trust_card.html")
    assert "The images have no labels" in card.read_text()
    assert "The images have no labels" in (tmp_path / "page" / "index.html").read_text()
