"""ROC curves and reliability: against the area by ranks, and on probabilities that are right by construction."""

import numpy as np
import pytest

from synthtrust.audits.probabilities import ArmProbabilities
from synthtrust.audits.utility.class_curves import FALSE_POSITIVE_RATES, reliability_rows, roc_points, roc_rows


@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_that_of_counting_at_every_threshold(seed, decimals):
    rng = np.random.default_rng(seed)
    positive = rng.random(60) < 0.4
    probability = (0.5 * rng.random(60) + 0.3 * positive).round(decimals)

    thresholds = [2.0, *sorted(set(probability), reverse=True)]
    true, false = ([np.mean(probability[side] >= t) for t in thresholds] for side in (positive, ~positive))

    inside = ~np.isin(FALSE_POSITIVE_RATES, false)  # at a step the two ends are equally right
    expected = np.interp(FALSE_POSITIVE_RATES, false, true)
    assert roc_points(probability, positive)[inside] == pytest.approx(expected[inside])


def test_probabilities_that_are_meant_lie_on_the_diagonal():
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    target = (rng.random(p.size) < p).astype(int)
    arm = ArmProbabilities(np.stack([1 - p, p], -1)[None], target, tuple(map(str, range(p.size))), ("no", "yes"))

    rows = list(reliability_rows(arm))

    assert sum(row["n_predictions"] for row in rows) == p.size
    for row in rows:
        error = np.sqrt(row["frequency"] * (1 - row["frequency"]) / row["n_predictions"])
        assert abs(row["frequency"] - row["confidence"]) < 4.5 * error + 1e-3


def test_findings_are_told_from_their_absence_and_one_without_cases_is_left_out():
    target = np.array([[1, 0], [0, 0], [1, 0]])
    probability = np.array([[[0.9, 0.1], [0.2, 0.3], [0.8, 0.2]]])
    arm = ArmProbabilities(probability, target, ("a", "a", "b"), ("edema", "mass"))

    rows = list(roc_rows(arm))

    assert {row["class"] for row in rows} == {"edema"}
    assert {(row["n_cases"], row["n_patients"], row["n_seeds"]) for row in rows} == {(3, 2, 1)}
    assert min(row["tpr"] for row in rows) == 1
