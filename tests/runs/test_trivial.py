"""What position alone scores beside a segmenter of real cases, in new runs and in those of an older version."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from synthtrust.cases import CaseError
from synthtrust.conventions import TRIVIAL
from synthtrust.runs import Run, add_trivial, train_run


@pytest.fixture
def trained(configure):
    """Return a run of real cases, and the folder of its preprocessed cases."""
    cfg = configure("alpha=1")
    train_run(cfg)
    return Run(Path(cfg.paths.output)), cfg.paths.cache


def test_a_segmenter_of_real_cases_knows_what_position_alone_scores(trained, configure):
    run, _ = trained
    scores = run.scores()
    is_real = scores["source"] == "real"
    assert scores.loc[is_real, "trivial_dice"].between(0, 1).all()
    assert scores.loc[~is_real, "trivial_dice"].isna().all()


def test_a_mix_does_not(configure):
    cfg = configure("alpha=0.5")
    train_run(cfg)
    assert "trivial_dice" not in Run(Path(cfg.paths.output)).scores()


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
