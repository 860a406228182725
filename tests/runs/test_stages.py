"""A run that goes a part of the way: painted and preprocessed alone, or trained without a look at test cases."""

import json
from pathlib import Path

import pytest
from lightning import Trainer

from synthtrust.refusals import Refusal
from synthtrust.runs import Run, prepare_run, train_run


def test_what_is_prepared_is_found_by_every_run_and_nothing_is_trained(configure, shared, monkeypatch):
    cfg = configure("stage=prepare", "generator.seed=7", "alpha=0.25")
    prepare_run(cfg)
    assert not Path(cfg.paths.output).exists()
    (painted,) = (path for path in shared.glob("synthetic/*/manifest.json") if '"seed": 7' in path.read_text())
    monkeypatch.setattr("synthtrust.generators.Tissue.sample", lambda *_: pytest.fail("painted again"))
    monkeypatch.setattr("synthtrust.data.cache._prepare", lambda *_: pytest.fail("preprocessed again"))
    run = configure("generator.seed=7", "alpha=0.75", "steps=2")
    train_run(run)
    assert Run(Path(run.paths.output)).data()["twins"] == str(painted.parent)


def test_a_training_that_is_validated_asks_nothing_of_test_cases_and_is_tested_by_the_same_config(
    configure, monkeypatch
):
    cfg = configure("stage=validate")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "test", lambda *_, **__: pytest.fail("a test case was predicted"))
        score = train_run(cfg)
    run = Run(Path(cfg.paths.output))
    assert not run.finished
    assert not (run.folder / "scores.csv").exists()
    assert json.loads((run.folder / "validation.json").read_text())["best_val_score"] == score
    with monkeypatch.context() as patch:
        patch.setattr("synthtrust.runs.training.build_data", lambda *_: pytest.fail("trained again"))
        assert train_run(cfg) == score
        with pytest.raises(Refusal, match=r"holds a run with another .*steps"):
            train_run(configure("stage=validate", "steps=2"))
    written = (run.folder / "validation.json").read_text()
    (run.folder / "validation.json").write_text(written.replace(str(score), "0.99"))
    with pytest.raises(Refusal, match=r"validation\.json"):
        train_run(cfg)
    (run.folder / "validation.json").write_text(written)
    before = run.last.stat().st_mtime_ns
    train_run(configure())
    assert run.finished
    assert run.facts()["best_val_score"] == score
    assert run.last.stat().st_mtime_ns == before
    assert train_run(cfg) == score
