"""Cases that cannot be used, and those that a user leaves out: one list for the listing and for both commands."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from helpers.plane_images import blobs, save
from synthtrust.cases import Case, CaseError, Cohort, RefusedCase
from synthtrust.cases.cohort import BRATS_LABELS
from synthtrust.evaluation import score_elsewhere
from synthtrust.runs import Run, find_runs, list_cases, score_cohort, train_run, usable_cases
from synthtrust.runs.build import spell_out_ids
from synthtrust.runs.config_identity import identity
from synthtrust.runs.excluding import read_case_ids, without, write_refused
from synthtrust.testing import save_nifti, tiny_cohort

TINY = (
    "cases=brats", "cases.modalities=[flair]", "generator=replay", "model=unet", "model.net.channels=[4,8]",
    "model.net.strides=[2]", "data.patch_size=[8,8,8]", "steps=2", "val_every=2", "split.test=2", "split.val=1",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=1",
)  # fmt: skip
IDS = [f"BraTS2021_{n:05d}" for n in range(8)]
BAD = [IDS[1], IDS[3], IDS[6]]


@pytest.fixture
def cohort(tmp_path):
    """Eight cases, of which a header is wrong in one (3), and voxels are in two (1, 6)."""
    cohort = tiny_cohort(tmp_path / "real", count=8, modalities=["flair"])
    save_nifti(cohort.cases[1].label_map, np.full((16, 20, 24), 7, np.uint8))
    save_nifti(cohort.cases[3].images["flair"], np.ones((16, 20, 25), np.int16))
    path = cohort.cases[6].images["flair"]
    path.write_bytes(path.read_bytes()[:-200])
    return cohort


@pytest.fixture
def configure(composed, tmp_path):
    def _configure(*overrides, name="run"):
        folders = {"synthetic": "synthetic", "cache": "cache", "output": f"runs/{name}"}
        paths = [f"paths.{key}={tmp_path / folder}" for key, folder in folders.items()]
        return composed("train", *TINY, f"cases.root={tmp_path / 'real'}", *paths, *overrides)

    return _configure


def test_headers_and_voxels_are_one_refusal_before_anything_is_fitted(cohort, configure, tmp_path, monkeypatch):
    monkeypatch.setattr("synthtrust.runs.build.synthesize", lambda *_: pytest.fail("fitted"))
    with pytest.raises(CaseError, match=rf"but 3 were refused, first .*{IDS[3]}.*cases\.skip_refused=true"):
        train_run(configure())
    assert not Run(tmp_path / "runs" / "run").finished


def test_what_the_listing_refuses_is_what_training_skips_and_names(cohort, configure, tmp_path, capsys):
    list_cases(configure("cases.list=true", f"cases.save_refused={tmp_path / 'bad.csv'}"))
    assert "5 of 7 cases read, 5 patients, 3 refused" in capsys.readouterr().out
    bad = pd.read_csv(tmp_path / "bad.csv")
    assert sorted(Path(file).name for file in bad["file"]) == BAD
    cfg = configure("cases.skip_refused=true")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert set().union(*run.data()["splits"].values()) == set(IDS) - set(BAD)
    assert sorted(Path(refusal["where"]).name for refusal in run.data()["refused"]) == BAD
    assert [refusal["why"] for refusal in run.data()["refused"]] == bad["reason"].tolist()
    assert run.facts()["refused"] == 3


def test_the_file_of_a_listing_can_be_what_is_excluded(cohort, configure, tmp_path):
    file = tmp_path / "bad.csv"
    list_cases(configure("cases.list=true", f"cases.save_refused={file}"))
    cfg = configure(f"cases.exclude={file}", f"cases.save_refused={file}")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert set().union(*run.data()["splits"].values()) == set(IDS) - set(BAD)
    assert run.data()["refused"] == []
    assert len(pd.read_csv(file)) == 3  # who was left out stays on the list
    train_run(configure(f"cases.exclude={file}", f"cases.save_refused={tmp_path / 'other.csv'}"))  # found
    file.write_text("\n".join([*BAD, IDS[0]]))
    with pytest.raises(ValueError, match="holds a run with another cases"):
        train_run(configure(f"cases.exclude={file}"))


def test_other_cases_are_chosen_in_the_same_way_when_they_are_scored(cohort, configure, composed, tmp_path):
    cfg = configure("cases.skip_refused=true")
    train_run(cfg)
    words = ("evaluate", f"runs={cfg.paths.output}", "cases=brats", f"cases.root={tmp_path / 'real'}",
             "cases.modalities=[flair]", f"paths.cache={tmp_path / 'cache'}", "allow_overlap=true")  # fmt: skip
    with pytest.raises(CaseError, match="but 3 were refused"):
        score_elsewhere(composed(*words))
    skipped = score_elsewhere(composed(*words, "cases.skip_refused=true"))
    excluded = score_elsewhere(composed(*words, f"cases.exclude=[{','.join([*BAD, IDS[0]])}]"))
    assert set(skipped["case"]) == set(IDS) - set(BAD)
    assert set(excluded["case"]) == set(IDS) - {*BAD, IDS[0]}


def test_damaged_images_of_a_medmnist_set_are_found_before_training(composed, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 8), ("val", 4), ("test", 4)):
        arrays[f"{part}_images"] = rng.integers(1, 255, (count, 28, 28), np.uint8)
        arrays[f"{part}_labels"] = np.arange(count, dtype=np.uint8).reshape(-1, 1) % 2
    arrays["train_images"][3] = 0
    np.savez(tmp_path / "own.npz", **arrays)
    words = ("train", "cases=medmnist", f"cases.root={tmp_path / 'own.npz'}", f"cases.folder={tmp_path / 'cases'}",
             f"paths.cache={tmp_path / 'cache'}")  # fmt: skip
    with pytest.raises(CaseError, match=r"but 1 were refused, first .*train_00003\.png"):
        usable_cases(composed(*words))
    assert len(usable_cases(composed(*words, "cases.exclude=[train_00003]")).cases) == 15


CASES = tuple(Case(name, {}, f"{name}.nii", patient=name[:3]) for name in ("p-1-0", "p-1-1", "p-2-0", "q"))
REFUSED = (RefusedCase(Path("in/a,b/img.PNG"), "Expected\nmore."), RefusedCase(Path("in/c"), "Expected more.", "c-7"))


@pytest.fixture
def named():
    return Cohort("named", CASES, ("t1",), BRATS_LABELS, refused=REFUSED)


@pytest.mark.parametrize(
    ("ids", "left", "refused"),
    [
        (["p-1-0"], ["p-1-1", "p-2-0", "q"], 2),
        (["P-1"], ["p-2-0", "q"], 2),  # a patient, in capital letters
        (["q.nii.gz", "p-2"], ["p-1-0", "p-1-1"], 2),
        (["img", "c-7"], ["p-1-0", "p-1-1", "p-2-0", "q"], 0),
        (["in/a,b/img.PNG"], ["p-1-0", "p-1-1", "p-2-0", "q"], 1),
    ],
)
def test_ids_name_cases_patients_and_refused_ones(named, ids, left, refused):
    some = without(named, ids)
    assert [case.id for case in some.cases] == left
    assert len(some.refused) == refused


def test_an_id_of_nobody_is_refused_with_the_nearest(named):
    with pytest.raises(CaseError, match=r"in cases\.exclude, but got 'p-1-9', 'zz'\. The nearest is 'p-1-"):
        without(named, ["p-1-9", "q", "zz"])


def test_a_list_of_refused_cases_is_read_as_it_was_written(named, tmp_path):
    write_refused(tmp_path / "bad.csv", named.refused, ["#1", "x,y"])
    assert read_case_ids(str(tmp_path / "bad.csv")) == ["#1", "c-7", "in/a,b/img.PNG", "x,y"]
    assert without(named, read_case_ids(tmp_path / "bad.csv")[1:3]).refused == ()
    write_refused(tmp_path / "bad.csv", [])
    assert read_case_ids(tmp_path / "bad.csv") == []


@pytest.mark.parametrize(
    ("source", "message"),
    [("nobody.csv", "with ids of cases to leave out at nobody.csv, but there is none"), (7, r"cases\.exclude=\[7\]")],
)
def test_what_is_no_list_of_ids_is_refused(source, message):
    with pytest.raises(CaseError, match=rf"^Expected .*{message}"):
        read_case_ids(source)


def test_patients_to_test_on_are_named_in_a_file_and_their_ids_decide(configure, tmp_path):
    (tmp_path / "test.csv").write_text("patient\np7\np3\n")
    named, listed = configure(f"split.test_patients={tmp_path / 'test.csv'}"), configure("split.test_patients=[p3,p7]")
    for cfg in (named, listed):
        spell_out_ids(cfg)
    assert named.split.test_patients == ["p3", "p7"]
    assert identity(named) == identity(listed)
    missing = configure(f"split.test_patients={tmp_path / 'nobody.csv'}")
    with pytest.raises(CaseError, match=r"with ids of patients to test on at .*nobody\.csv, but there is none"):
        spell_out_ids(missing)


def test_an_older_config_excluded_nobody(configure):
    cfg, older = configure(), configure()
    OmegaConf.set_struct(older, value=False)
    del older["cases"]["exclude"], older["cases"]["save_refused"], older["duplicates"]
    assert identity(older) == identity(cfg)
    assert identity(configure("cases.exclude=[a]")) != identity(cfg)


@pytest.fixture
def run(configure, tmp_path):
    tiny_cohort(tmp_path / "real", count=6, modalities=["flair"])
    cfg = configure()
    train_run(cfg)
    return Run(Path(cfg.paths.output))


@pytest.fixture
def renamed(run, tmp_path):
    """Return a training case of a run under two other names, once in other units, and a case of nobody."""
    cohort = tiny_cohort(tmp_path / "renamed", count=3, modalities=["flair"], seed=9)
    original = run.real_case(run.data()["splits"]["train"][0])
    for case in cohort.cases[:2]:
        units = 1 if case is cohort.cases[0] else 2
        save_nifti(case.images["flair"], original.load_image("flair") * units)
        shutil.copy(original.label_map, case.label_map)
    return cohort


def test_copies_of_training_volumes_under_other_ids_are_refused_or_marked(run, renamed, tmp_path):
    with pytest.raises(CaseError, match=rf"but they learned from \['x{IDS[0]}', 'x{IDS[1]}'\]"):
        score_cohort(run, _fresh(renamed), str(tmp_path / "cache"))
    marked = score_cohort(run, _fresh(renamed), str(tmp_path / "cache"), allow_overlap=True)
    assert set(marked["overlap"]) == {"2 of 3 scored cases are of patients that were learned from"}
    clean = Cohort("clean", _fresh(renamed).cases[2:], renamed.modalities, renamed.labels)
    assert "overlap" not in score_cohort(run, clean, str(tmp_path / "cache"))


def test_a_run_whose_cases_are_not_here_is_scored_and_says_what_was_not_compared(run, renamed, tmp_path, caplog):
    (tmp_path / "real").rename(tmp_path / "elsewhere")
    scores = score_cohort(Run(run.folder), _fresh(renamed), str(tmp_path / "cache"))
    assert set(scores["overlap"]) == {"training images not here to compare"}
    assert "were not searched for" in caplog.text


def _fresh(cohort):
    """Give the cases names that no other cohort has."""
    cases = tuple(Case(f"x{c.id}", c.images, c.label_map, relabel=c.relabel) for c in cohort.cases)
    return Cohort("fresh", cases, cohort.modalities, cohort.labels)


def test_copies_of_volumes_across_the_split_are_refused_or_left_out_and_named(configure, tmp_path):
    cohort = tiny_cohort(tmp_path / "real", count=6, modalities=["flair"])
    source, copied = cohort.cases[1], cohort.cases[4]
    save_nifti(copied.images["flair"], source.load_image("flair") * 2)
    shutil.copy(source.label_map, copied.label_map)
    tests = f"split.test_patients=[{copied.patient}]"
    with pytest.raises(CaseError, match=rf"{source.id} \(train\) and {copied.id} \(test\), 1\.000 alike"):
        train_run(configure(tests))
    cfg = configure(tests, "duplicates=drop")
    train_run(cfg)
    (run,) = find_runs(cfg.paths.output)
    assert run.data()["left_out"] == {"train": [source.id]}


def test_a_table_with_an_image_that_is_damaged_inside_is_one_case_less(composed, tmp_path):
    for n in range(16):
        save(tmp_path / "set" / ("sick", "well")[n % 2] / f"{n}.png", blobs(n) if n else np.zeros((40, 36), np.uint8))
    words = ("train", "cases=class_folders", f"cases.root={tmp_path / 'set'}", f"paths.cache={tmp_path / 'cache'}")
    with pytest.raises(CaseError, match=r"but 1 were refused, first .*0\.png"):
        usable_cases(composed(*words))
    assert len(usable_cases(composed(*words, "cases.skip_refused=true")).cases) == 15
