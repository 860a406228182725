"""A mix that is exported is the one that a run would train on, and is found again or refused like a run."""

import json

import numpy as np
import pytest
from omegaconf import OmegaConf

from synthtrust.cases import nnunet_name, read_nnunet
from synthtrust.runs import build_data, export_run, train_run
from synthtrust.runs.export import RECORD, reserved_folder


def test_a_set_holds_the_mix_of_the_run_that_would_be_trained(exported):
    data = build_data(exported.cfg)
    (fold,) = json.loads((exported.folder / "splits_final.json").read_text())
    assert fold["train"] == [nnunet_name(case) for case in data.train_cases]
    assert fold["val"] == [nnunet_name(case) for case in data.val_cases]
    assert {case.source.value for case in data.train_cases} == {"real", "synthetic"}
    read = {case.id: case for case in read_nnunet(exported.folder).cases}
    for case in data.train_cases:
        np.testing.assert_array_equal(read[nnunet_name(case)].load_image("flair"), case.load_image("flair"))
    names = {path.name for path in (exported.folder / "labelsTs").iterdir()}
    assert names == {f"{source}_{case.id}.nii.gz" for source in ("real", "synthetic") for case in data.test_cases}

    record = json.loads((exported.folder / RECORD).read_text())
    assert record["config"]["alpha"] == 0.5
    assert record["manifest"]["folder"] == data.twins_folder.name
    assert record["cases"]["drawn"] == data.drawn
    assert exported.folder.name == "Dataset500_train_alpha_0.5_seed_0"


def test_an_export_is_found_again_also_without_its_folder_of_runs(exported):
    before = {path: path.stat().st_mtime_ns for path in exported.folder.rglob("*")}
    facts = json.loads((exported.run / "export.json").read_text())
    with_other_steps = exported.config("alpha=0.5", "steps=100", "val_every=50", "data.batch_size=1")
    assert export_run(with_other_steps) == exported.folder
    (exported.run / "export.json").unlink()
    assert export_run(exported.cfg) == exported.folder
    assert json.loads((exported.run / "export.json").read_text()) == facts
    assert {path: path.stat().st_mtime_ns for path in exported.folder.rglob("*")} == before


def test_another_mix_is_not_written_over_an_export(exported):
    with pytest.raises(ValueError, match="holds a run with another alpha"):
        export_run(exported.config("alpha=1.0"))


def test_an_export_is_not_taken_for_a_run_nor_trained_over(exported):
    without = OmegaConf.merge(exported.cfg, {"export": None})
    with pytest.raises(ValueError, match="holds a run with another export"):
        train_run(without)


def test_numbers_of_other_sets_of_nnunet_are_left_to_them(tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    (tmp_path / "preprocessed" / "Dataset998_brains").mkdir(parents=True)
    first = reserved_folder(tmp_path / "raw", "mix", 998, {})
    assert first.name == "Dataset999_mix"
    assert reserved_folder(tmp_path / "raw", "mix", 998, {}) == first  # left empty by a process that was killed
    with pytest.raises(ValueError, match="free number from 998 to 999"):
        reserved_folder(tmp_path / "raw", "other", 998, {})


def test_a_set_of_the_same_name_is_taken_for_another_unless_its_record_is_the_same(tmp_path):
    folder = reserved_folder(tmp_path, "mix[1]", 1, {"alpha": 0.5})
    (folder / RECORD).write_text(json.dumps({"alpha": 0.5}))
    assert reserved_folder(tmp_path, "mix[1]", 1, {"alpha": 0.5}) == folder
    with pytest.raises(ValueError, match=r"Dataset001_mix\[1\] holds another mix"):
        reserved_folder(tmp_path, "mix[1]", 1, {"alpha": 1.0})


def test_an_export_that_fails_leaves_no_set(exported, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr("synthtrust.runs.export.write_nnunet", fail)
    cfg = exported.config("alpha=0.5", name="alpha_0.5_seed_7")
    with pytest.raises(OSError, match="no space"):
        export_run(cfg)
    assert [path.name for path in exported.folder.parent.glob("Dataset*")] == [exported.folder.name]
    assert not (exported.run.parent / "alpha_0.5_seed_7" / "export.json").exists()
