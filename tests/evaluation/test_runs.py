"""Which audits answer for which runs, and what an evaluation fails on."""

import logging

import pandas as pd
import pytest

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from helpers.verdict_rows import verdict_row
from synthtrust.audits import Trust, Utility
from synthtrust.audits.scores import NotApplicableError
from synthtrust.conventions import check_conditions
from synthtrust.evaluation.runs import ask, failures

AUDITS = {"trust": Trust(), "utility": Utility(n_boot=20)}


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


def test_confounded_runs_are_given_only_to_audits_that_take_them(caplog):
    asked = {}

    class Audit:
        def __init__(self, name, takes):
            self.name, self.takes_confounded = name, takes

        def __call__(self, runs):
            asked[self.name] = len(list(runs))
            return {}

    runs = [PlantedClassifier(alpha, mode=mode) for alpha in (0.0, 1.0) for mode in ("complement", "confounded")]
    for run in runs:
        run.facts_ = {"mode": run.mode}
    audits = {name: Audit(name, takes) for name, takes in (("all", True), ("mixes", False))}
    assert list(ask(audits, runs)) == ["all", "mixes"]
    assert asked == {"all": 4, "mixes": 2}
    with caplog.at_level(logging.INFO):
        assert list(ask(audits, runs[1::2])) == ["all"]
    assert "Left out, the mixes audit: Expected runs of another data.mode than confounded" in caplog.text


def test_runs_that_cannot_be_compared_are_refused_whatever_else_applies():
    with pytest.raises(ValueError, match="one cohort"):
        ask(AUDITS, [PlantedSegmenter(0.0), PlantedSegmenter(1.0, cohort="other")])


def verdict_tables(*rows):
    return {"audit": {"verdict": pd.DataFrame([verdict_row(*row) for row in rows])}} if rows else {}


@pytest.mark.parametrize(
    ("verdicts", "conditions", "failed"),
    [
        ([("privacy", "NOT SUPPORTED")], "leak", ["privacy is NOT SUPPORTED for Tissue-0f3a"]),
        ([("privacy", "SUPPORTED")], ["leak", "unassessed"], []),
        ([("privacy", "INCONCLUSIVE")], ["leak", "unassessed"], ["privacy is INCONCLUSIVE for Tissue-0f3a"]),
        ([], ["leak", "unassessed"], ["privacy is not assessed"]),
        ([("utility", "INCONCLUSIVE")], "utility", []),
        ([("utility", "NOT SUPPORTED")], "utility", ["utility is NOT SUPPORTED for Tissue-0f3a"]),
        (
            [("fidelity", "SUPPORTED"), ("fidelity", "NOT SUPPORTED", "Noise-77b1")],
            "fidelity",
            ["fidelity is NOT SUPPORTED for Noise-77b1"],
        ),
        ([("privacy", "NOT SUPPORTED")], None, []),
    ],
)
def test_an_evaluation_fails_on_the_conditions_that_its_caller_names(verdicts, conditions, failed):
    assert failures(verdict_tables(*verdicts), check_conditions(conditions)) == failed


def test_a_leak_of_one_set_does_not_hide_that_others_were_not_assessed():
    of_three = {"A": "NOT SUPPORTED", "B": "INCONCLUSIVE", "C": "not assessed"}
    tables = verdict_tables(*(("privacy", verdict, name) for name, verdict in of_three.items()))
    assert failures(tables, ["unassessed"]) == ["privacy is not assessed for C", "privacy is INCONCLUSIVE for B"]
    assert failures(tables, ["leak"]) == ["privacy is NOT SUPPORTED for A", "privacy is not assessed for C"]
    assert len(failures(tables, ["leak", "unassessed"])) == 3


def test_an_unknown_condition_is_refused():
    with pytest.raises(ValueError, match=r"Expected fail_on among .*leak.* but got .'leaks'"):
        check_conditions(["leaks"])


def test_an_audit_that_takes_tables_is_asked_last_and_stands_in_its_place():
    class Reader:
        takes_tables = True

        def __call__(self, runs, tables):
            return {"seen": pd.DataFrame({"audit": list(tables)})}

    tables = ask({"reader": Reader(), **AUDITS}, [PlantedSegmenter()])
    assert list(tables) == ["reader", "trust", "utility"]
    assert tables["reader"]["seen"]["audit"].tolist() == ["trust", "utility"]
