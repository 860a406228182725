"""Runs stand side by side only if nothing but their cases tells them apart, and their scores make sense."""

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.fake_runs import PlantedClassifier, PlantedSegmenter
from synthtrust.audits import Utility
from synthtrust.audits.scores import ArmScores
from synthtrust.metrics.functional import overall_performance


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


def sparse_arm(draw, patients=40, images=1):
    """Return the scores of an arm ``(S, M, K)`` in which some regions were not scored."""
    rng = np.random.default_rng(draw)
    scores = rng.beta(5, 2, size=(3, patients * images, 3))
    scores[:, rng.random(patients * images) < 0.6, 2] = np.nan
    scores[rng.random(scores.shape) < 0.05] = np.nan  # as predictions have it, under one seed
    return ArmScores(scores, tuple(f"p{i // images:03d}" for i in range(patients * images)))


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("draw", range(3))
def test_what_patients_add_has_t1_as_its_mean(draw, images):
    arm = sparse_arm(draw, images=images)
    expected = overall_performance(torch.from_numpy(arm.scores)).numpy()
    np.testing.assert_allclose(arm.by_patient().mean(axis=1), expected)
    assert arm.by_patient().shape == (3, 40)


@pytest.mark.parametrize("draw", range(3))
def test_what_patients_add_varies_as_the_jackknife_of_t1(draw):
    arm = sparse_arm(draw)
    left_out = np.array(
        [overall_performance(torch.from_numpy(np.delete(arm.scores[0], p, axis=0))).item() for p in range(40)]
    )
    jackknife = 39 / 40 * ((left_out - left_out.mean()) ** 2).sum()
    assert arm.by_patient()[0].var(ddof=1) / 40 == pytest.approx(jackknife, rel=0.06)


def test_a_region_is_told_from_the_patients_that_were_scored_there():
    scores = np.full((2, 6, 1), np.nan)
    scores[:, :4, 0] = [[0.2, 0.4, 0.6, 0.8], [0.3, 0.5, 0.7, 0.9]]
    arm = ArmScores(scores, tuple("abcdef"))
    added = arm.by_patient(scored_only=True)
    np.testing.assert_allclose(added[:, :4], scores[:, :4, 0])
    assert np.isnan(added[:, 4:]).all()
