"""What position alone scores beside a segmenter of real cases, in new runs and in those of an older version."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from helpers.tiny_runs import tiny_config
from synthtrust.cases import CaseError
from synthtrust.conventions import TRIVIAL
from synthtrust.runs import Run, add_trivial, train_run


@pytest.fixture(scope="module")
def trained_once(shared):
    cfg = tiny_config(shared, "alpha=1", name="real")
    train_run(cfg)
    return cfg.paths


@pytest.fixture
def trained(trained_once, tmp_path):
    """Return a copy of a run of real cases, and the folder of its preprocessed cases."""
    return Run(shutil.copytree(trained_once.output, tmp_path / "run")), trained_once.cache


def test_a_segmenter_of_real_cases_knows_what_position_alone_scores(trained):
    run, _ = trained
    scores = run.scores()
    is_real = scores["source"] == "real"
    assert scores.loc[is_real, "trivial_dice"].between(0, 1).all()
    assert scores.loc[~is_real, "trivial_dice"].isna().all()


def test_a_mix_does_not(finished):
    assert "trivial_dice" not in Run(Path(finished[0].paths.output)).scores()


def test_an_older_run_is_given_it_where_its_cases_are(trained, caplog):
    run, cache = trained
    scores = run.scores()
    (run.folder / TRIVIAL).unlink()
    assert "trivial_dice" not in run.scores()

    add_trivial([run], cache)

    pd.testing.assert_frame_equal(run.scores(), scores)


def test_an_older_run_stays_without_it_where_its_cases_are_gone(trained, caplog, monkeypatch):
    run, cache = trained
    (run.folder / TRIVIAL).unlink()

    def gone(_):
        raise CaseError("Expected a folder, but it is gone.")

    monkeypatch.setattr("synthtrust.runs.run.read_cases", gone)
    add_trivial([replace(run)], cache)

    assert "trivial_dice" not in run.scores()
    assert "its cases are not here (Expected a folder, but it is gone.)" in caplog.text
