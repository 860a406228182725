"""Which audits answer for which runs."""

import logging

import pytest

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from synthtrust.audits import Trust, Utility
from synthtrust.audits.evaluate import ask
from synthtrust.audits.scores import NotApplicableError

AUDITS = {"trust": Trust(n_boot=20), "utility": Utility(n_boot=20)}


def test_an_audit_that_does_not_apply_is_left_out_with_a_line_in_the_log(caplog):
    with caplog.at_level(logging.INFO):
        tables = ask(AUDITS, [PlantedClassifier()])

    assert list(tables) == ["utility"]
    assert "Left out, the trust audit: Expected runs of segmenters" in caplog.text


def test_several_generators_leave_only_the_audits_that_set_them_side_by_side():
    runs = [PlantedSegmenter(), PlantedSegmenter()]
    runs[1].facts = lambda: runs[0].facts() | {"generator": {"_target_": "Noise"}}

    assert list(ask(AUDITS, runs)) == ["utility"]


def test_segmenters_of_one_generator_are_asked_everything():
    assert list(ask(AUDITS, [PlantedSegmenter()])) == ["trust", "utility"]


def test_an_evaluation_without_any_answer_is_refused():
    with pytest.raises(NotApplicableError, match="Expected runs of segmenters"):
        ask({"trust": AUDITS["trust"]}, [PlantedClassifier()])


def test_runs_that_cannot_be_compared_are_refused_whatever_else_applies():
    with pytest.raises(ValueError, match="one cohort"):
        ask(AUDITS, [PlantedSegmenter(0.0), PlantedSegmenter(1.0, cohort="other")])
