"""The verdict on alignment, on planted scores of cases and their twins."""

import re
from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import PlantedSegmenter, alike_pairs, scored_pairs, sentences, with_rare_region
from synthtrust.audits import Trust


@pytest.fixture(scope="module")
def audit():
    return Trust()


@pytest.fixture(scope="module")
def alike():
    return alike_pairs()


def test_twins_that_are_as_hard_as_their_cases_are_aligned(audit, alike):
    (verdict,) = audit(scored_pairs(*alike))["verdict"].to_dict("records")

    assert (verdict["axis"], verdict["verdict"]) == ("alignment", "SUPPORTED")
    assert "margin 0.05" in sentences(verdict)


def test_twins_of_another_level_are_not_aligned_however_well_they_correlate(audit, alike):
    (verdict,) = audit(scored_pairs(alike[0], alike[1] - 0.2))["verdict"].to_dict("records")

    assert verdict["verdict"] == "NOT SUPPORTED"


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        pytest.param({"seeds": 2}, "Training seeds: 2", id="few seeds"),
        pytest.param({"seeds": 1}, "no floor", id="no floor"),
        pytest.param({"n": 12}, "12 test patients", id="few patients"),
    ],
)
def test_little_evidence_of_alignment_is_none(audit, alike, runs, says):
    (verdict,) = audit(scored_pairs(*alike, **runs))["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert says in sentences(verdict)


def test_twins_whose_scores_have_nothing_to_do_with_their_cases_are_not_shown_to_be_aligned(audit, alike):
    unrelated = np.random.default_rng(5).permutation(alike[0])

    (verdict,) = audit(scored_pairs(alike[0] * 0.1 + 0.6, unrelated * 0.1 + 0.6))["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"


def test_a_model_that_predicts_nothing_is_aligned_with_nothing(audit):
    nothing = np.zeros((40, 3))

    (verdict,) = audit(scored_pairs(nothing, nothing, spread=0))["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "correlation undefined" in sentences(verdict)


def test_a_model_without_skill_aligns_nothing_however_alike_it_scores(audit, alike):
    runs = [replace(run, trivial=0.9) for run in scored_pairs(*alike)]  # position alone scores as much

    (verdict,) = audit(runs)["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert verdict["reasons"][0].code == "no_skill"


def test_runs_that_do_not_know_a_trivial_predictor_are_not_shown_to_be_aligned(audit, alike):
    runs = [replace(run, trivial=None) for run in scored_pairs(*alike)]

    (verdict,) = audit(runs)["verdict"].to_dict("records")

    assert (verdict["verdict"], verdict["reasons"][0].code) == ("INCONCLUSIVE", "no_trivial_predictor")


def test_patients_are_counted_in_each_region(audit, alike):
    runs = with_rare_region(scored_pairs(*alike), 25)

    (verdict,) = audit(runs)["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"
    assert "NCR: 25 test patients, fewer than the 30 asked for." in sentences(verdict)


def test_two_seeds_show_no_difference_beyond_the_floor(audit, alike):
    (verdict,) = audit(scored_pairs(alike[0], alike[1] - 0.2, seeds=2))["verdict"].to_dict("records")

    assert verdict["verdict"] == "INCONCLUSIVE"


def test_alignment_is_asked_of_the_model_of_real_cases_alone(audit):
    (verdict,) = audit([PlantedSegmenter(0.5)])["verdict"].to_dict("records")

    assert verdict["verdict"] == "not assessed"


def test_limits_in_the_sentence_stay_within_what_a_difference_of_dice_can_be(audit):
    """Two seeds far apart give T4 limits beyond 1, which no Dice can differ by."""
    rng = np.random.default_rng(3)
    real = rng.uniform(0.2, 0.9, (8, 3))
    runs = scored_pairs(real, rng.uniform(0.2, 0.9, (8, 3)), seeds=2, n=8, spread=0.3)
    limits = [float(number) for number in re.findall(r"-?\d\.\d{3}", sentences(audit(runs)["verdict"]))]
    assert limits
    assert max(map(abs, limits)) <= 1
