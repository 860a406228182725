"""TSTR against TRTR in distances and lesions, and the curve over alpha in another score than the main one."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import PlantedSegmenter, segmenters, tstr_against_trtr, verdict_of
from synthtrust.audits import Utility
from synthtrust.conventions import SURFACE_SCORES
from synthtrust.refusals import Refusal
from synthtrust.report import write_report


@pytest.fixture(scope="module")
def runs():
    return [replace(run, surfaces=True) for run in segmenters(0.02)]


@pytest.fixture(scope="module")
def tables(runs):
    return Utility(n_boot=50, score="hd95")(runs)


def test_each_score_is_compared_and_the_verdict_stays_on_dice(tables, runs):
    dice = tstr_against_trtr(tables, "dice")
    distance = tstr_against_trtr(tables, "hd95")
    assert distance["gap"] == pytest.approx(-20 * dice["gap"])  # planted: 20 mm for a Dice of 0
    assert (distance["ci_low"], distance["ci_high"]) == pytest.approx((-20 * dice["ci_high"], -20 * dice["ci_low"]))
    assert tstr_against_trtr(tables, "lesion_dice")["gap"] == pytest.approx(0.9 * dice["gap"])
    assert np.isnan(distance["ratio"])
    assert set(tables["comparison"]["measure"]) == {"dice", *SURFACE_SCORES} == set(tables["per_class"]["measure"])
    without = Utility(n_boot=50)([replace(run, surfaces=False) for run in runs])
    assert verdict_of(tables)["verdict"] == verdict_of(without)["verdict"]
    assert verdict_of(tables)["reasons"] == verdict_of(without)["reasons"]


def test_the_curve_of_a_distance_keeps_the_shares_with_the_smallest(tables, tmp_path):
    curve = tables["score_curve"].query("source == 'real'").set_index("alpha")
    main = tables["curve"].query("source == 'real'").set_index("alpha")
    assert curve["not_excluded"].to_dict() == main["not_excluded"].to_dict() == {0.0: False, 1.0: True}
    for name, other in (("value", "value"), ("ci_low", "ci_high"), ("band_low", "band_high")):
        np.testing.assert_allclose(curve[name], 20 * (1 - main[other]))
    assert (curve["ci_low"] < curve["value"]).all()
    text = write_report(tmp_path, {}, {"utility": tables}).read_text(encoding="utf-8")
    assert "HD95 [mm] over the share of real cases" in text


def test_a_score_that_the_runs_lack_is_refused(runs):
    with pytest.raises(Refusal, match=r"surfaces\.add=true"):
        Utility(n_boot=50, score="hd95")(segmenters(0.02))


def test_scores_that_some_runs_lack_are_left_out_with_a_line(runs, caplog):
    mixed = [replace(run, surfaces=run.seed > 0) for run in runs]
    with caplog.at_level(logging.INFO):
        tables = Utility(n_boot=50)(mixed)
    assert set(tables["comparison"]["measure"]) == {"dice"}
    assert "2 of 6 runs lack them" in caplog.text


def test_runs_with_different_tolerances_are_not_compared(runs):
    def told(run, tolerance):
        facts = PlantedSegmenter.facts(run)
        run.facts = lambda: facts | {"surfaces": {"tolerance": {"ET": tolerance}}}
        return run

    with pytest.raises(Refusal, match="runs with one surfaces"):
        Utility(n_boot=50)([told(replace(run), 1.0 + run.seed) for run in runs])
