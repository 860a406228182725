"""Runs stand side by side only if nothing but their cases tells them apart, and their scores make sense."""

import pandas as pd
import pytest

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from synthtrust.audits import Utility


@pytest.fixture(scope="module")
def audit():
    return Utility(n_boot=100)


def budget(alpha, **facts):
    return PlantedClassifier(alpha, facts_=facts)


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        pytest.param([], "at least one finished run", id="no runs"),
        pytest.param([PlantedClassifier(0.0), PlantedSegmenter(1.0)], "runs of one task", id="two tasks"),
        pytest.param([PlantedClassifier(), PlantedClassifier(0.0, first_case=5)], "same test cases", id="other cases"),
        pytest.param([PlantedClassifier(), PlantedClassifier(0.0, sources=("real",))], "test sources", id="no twins"),
        pytest.param(
            [PlantedClassifier(0.0, n=4), PlantedClassifier(1.0, truth=("yes", "no", "no", "yes"))],
            r"same real test cases in every run, but only .* has \['c0000 \(no\)'", id="other classes of cases",
        ),
        pytest.param(
            [PlantedClassifier(0.0), PlantedClassifier(1.0, classes=("no", "maybe"))], "one classes", id="other classes"
        ),
        pytest.param([PlantedClassifier(classes=("only",))], "at least two classes", id="one class"),
        pytest.param([PlantedClassifier(), PlantedClassifier()], "one run for each mode", id="the same run twice"),
        pytest.param([budget(0.0, steps=100), budget(1.0, steps=300)], "one steps, but .* 100 and .* 300", id="steps"),
        pytest.param(
            [budget(0.0, training={"model": {"lr": 1}}), budget(1.0, training={"model": {"lr": 2}})],
            "one model.lr, but .* has 1 and .* has 2", id="network",
        ),
        pytest.param(
            [budget(0.0, generator={"_target_": "P", "k": 1}), budget(0.0, generator={"_target_": "P", "k": 2})],
            "one k of P, but", id="generators of two settings",
        ),
    ],
)  # fmt: skip
def test_runs_that_cannot_be_compared_are_refused(audit, runs, says):
    with pytest.raises(ValueError, match=says):
        audit(runs)


def test_two_generators_may_have_painted_twins_of_other_cases(audit):
    def without_twin(run):
        scores = run.scores()
        run.scores = lambda: scores[(scores["source"] == "real") | (scores["case"] != "c0001")]
        return run

    def arms(painter):
        return [budget(alpha, generator={"_target_": painter}) for alpha in (0.0, 1.0)]

    tables = audit([*arms("A"), *map(without_twin, arms("B"))])
    assert set(tables["comparison"]["generator"]) == {"A", "B"}
    with pytest.raises(ValueError, match=r"the same synthetic test cases in every run, but only .* has \['c0001"):
        audit([*arms("A"), arms("B")[0], without_twin(arms("B")[1])])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.assign(probability=t["probability"].where(t.index != 3)), "sum to 1"),
        (lambda t: t.assign(probability=t["probability"] * 1.1), "sum to 1"),
        (lambda t: t.drop(index=3), "2 probabilities that sum to 1"),
        (lambda t: t.assign(probability=[1.5, -0.5] * (len(t) // 2)), "from 0 to 1"),
        (lambda t: t.assign(target=t["target"].where(t.index != 3, "no")), "one class per case"),
        (lambda t: t.assign(target=t["target"].where(t["target"] != "yes", "else")), r"some of \['else'\]"),
        (lambda t: t.assign(target=t["target"].where(t["target"] != "yes")), "name of a class in every row"),
        (lambda t: t.rename(columns={"class": "region"}), "a column 'class'"),
        (lambda t: pd.concat([t, t.head(1)]), "one score per case, source and class"),
        (lambda t: t.head(0), "Expected scores in run"),
    ],
    ids=["missing", "sum", "no row", "negative", "two classes", "unknown", "no name", "column", "twice", "none"],
)  # fmt: skip
def test_scores_that_contradict_themselves_are_refused(audit, spoil, says):
    run = PlantedClassifier()
    scores = spoil(run.scores())
    run.scores = lambda: scores

    with pytest.raises(ValueError, match=says):
        audit([run])
