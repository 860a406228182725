"""Values, gaps and their intervals over patients and seeds: golden numbers, and one number on every page."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.fake_runs import (
    PlantedClassifier,
    PlantedSegmenter,
    segmenters,
    sweep,
    tstr_against_trtr,
)
from synthtrust.audits import Trust, Utility

# Golden values of the gap over seeds (rows) and patients.
TSTR = [[0.70, 0.80, 0.60, 0.75], [0.72, 0.79, 0.64, 0.77], [0.68, 0.82, 0.61, 0.74]]


TRTR = [[0.78, 0.85, 0.70, 0.80], [0.80, 0.84, 0.69, 0.83], [0.77, 0.86, 0.72, 0.81]]


def test_the_gap_and_the_ratio_have_their_golden_values(audit):
    runs = [
        PlantedSegmenter(alpha, seed, [[dice] * 3 for dice in row], [[dice] * 3 for dice in row], trivial=None)
        for alpha, scores in ((0.0, TSTR), (1.0, TRTR))
        for seed, row in enumerate(scores)
    ]

    row = tstr_against_trtr(audit(runs), "dice")

    found = [row[name] for name in ("gap", "ci_low", "gap_lower", "df", "ratio", "ratio_low")]
    golden = [-0.0691667, -0.0986963, -0.0924017, 5.248488, 0.9121693, 0.8672079]
    assert found == pytest.approx(golden, abs=5e-7)
    assert row["ratio_above_chance"] == pytest.approx(row["ratio"])  # predicting nothing gets 0 here
    assert row["target"] == "training recipe"


def test_the_bound_of_two_areas_of_few_patients_is_wider_than_delongs(audit):
    a, b = [0.9, 0.8, 0.7, 0.6, 0.3, 0.5, 0.4, 0.35, 0.2, 0.1], [0.8, 0.9, 0.4, 0.55, 0.35, 0.6, 0.3, 0.45, 0.25, 0.2]
    runs = []
    for alpha, yes in ((0.0, a), (1.0, b)):
        run = PlantedClassifier(alpha, truth=("yes",) * 5 + ("no",) * 5, sources=("real",))
        table = run.scores()
        table["probability"] = np.stack([1 - np.array(yes), yes], axis=1).ravel()
        run.scores = lambda table=table: table
        runs.append(run)

    row = tstr_against_trtr(audit(runs))

    assert (row["value"], row["reference"]) == pytest.approx((0.88, 0.80))
    delong = 0.08 / 0.5547002  # the standard error of these two areas
    assert row["v_patients"] ** 0.5 > delong
    assert row["gap_lower"] < 0.08 - 1.86 * delong


@pytest.mark.slow
def test_the_gap_of_two_areas_covers_the_truth_with_seeds():
    """Each seed draws a skill of its own; in truth both recipes are alike."""
    audit, covered, naive = Utility(n_boot=10), 0, 0
    rng = np.random.default_rng(0)
    for study in range(120):
        runs = sweep(0.0, 0.0, n=160, sources=("real",), jitter=0.5)
        cases = 1000 * (study + 1)
        for run in runs:
            skill = 1.5 + 0.25 * rng.normal()
            table = planted_study(replace(run, skill=skill), cases)
            run.scores = lambda table=table: table
        row = tstr_against_trtr(audit(runs))
        covered += row["ci_low"] <= 0 <= row["ci_high"]
        naive += abs(row["gap"]) <= 1.96 * row["v_patients"] ** 0.5
    assert covered / 120 > 0.89  # nominal .95, three standard errors .06
    assert naive / 120 < 0.9


def planted_study(run, cases):
    """Scores on cases that belong to one study, so that each study meets other patients."""
    target = np.array([run.classes.index(name) for name in run.target()])
    odds = np.random.default_rng(cases).normal(size=len(target))
    odds += run.jitter * np.random.default_rng([run.seed, int(8 * run.alpha), cases]).normal(size=len(target))
    yes = 1 / (1 + np.exp(-odds - run.skill * (target - 0.5)))
    return run.scores().assign(probability=np.stack([1 - yes, yes], axis=1).ravel())


def without_some(run, rule):
    """Return the scores of a run whose cases lack a region in part, under a rule for empty ones."""
    absent = tuple((f"case{i}", "ET", 3 * (i % 2)) for i in range(20))
    planted = replace(run, empty=absent)
    table = planted.scores()
    if rule == "nan":
        nothing = (table["n_reference"] == 0) & (table["n_prediction"] == 0)
        table.loc[nothing, "dice"] = np.nan
    planted.scores = lambda: table
    facts = planted.facts() | {"empty": rule}
    planted.facts = lambda: facts
    return planted


@pytest.mark.parametrize("rule", ["brats", "nan"])
def test_the_mean_dice_of_one_model_is_t1_on_the_whole_page(audit, rule):
    runs = [without_some(run, rule) for run in segmenters(0.05)]
    performance, factors = audit(runs)["performance"], Trust()(runs)["factors"]
    whole = performance[(performance["measure"] == "dice") & (performance["seed"] == "all")]
    t1 = factors[factors["factor"] == "T1"]

    for source in ("real", "synthetic"):
        for alpha in (0.0, 1.0):
            (mean,) = whole.loc[(whole["source"] == source) & (whole["alpha"] == alpha), "value"]
            (factor,) = t1.loc[(t1["source"] == source) & (t1["alpha"] == alpha), "value"]
            assert mean == pytest.approx(factor)
    row = tstr_against_trtr(audit(runs), "dice")
    assert row["value"] - row["reference"] == pytest.approx(row["gap"])


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_the_interval_of_the_mean_dice_is_that_of_t1(audit, seeds):
    runs = segmenters(0.05, seeds=seeds)
    performance, factors = audit(runs)["performance"], Trust()(runs)["factors"]
    whole = performance[(performance["measure"] == "dice") & (performance["seed"] == "all")]
    t1 = factors[factors["factor"] == "T1"]

    for alpha in (0.0, 1.0):
        mean, factor = (table[(table["alpha"] == alpha) & (table["source"] == "real")].iloc[0] for table in (whole, t1))
        for limit in ("ci_low", "ci_high"):
            assert mean[limit] == pytest.approx(factor[limit], abs=1e-9)
        assert mean["ci_low"] < mean["value"] < mean["ci_high"]
