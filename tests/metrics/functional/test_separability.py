"""The classifier of real against synthetic rows is ridge logistic regression, and never scores whom it learned from."""

import numpy as np
import pytest
from scipy.optimize import minimize

from synthtrust.metrics.functional.roc import auc_interval
from synthtrust.metrics.functional.separability import logistic_weights, out_of_fold_scores


def test_the_weights_minimise_the_written_out_loss():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), np.repeat([0, 1], [25, 15])

    def loss(w):
        p = 1 / (1 + np.exp(-(w[0] + x @ w[1:])))
        weight = np.where(y == 1, 40 / 30, 40 / 50)  # each side weighs the same
        return -(weight * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() + (w[1:] ** 2).sum()

    reference = minimize(
        loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 9999}
    )
    assert logistic_weights(x, y, strength=2.0) == pytest.approx(reference.x, abs=1e-4)


def test_separable_rows_have_finite_weights():
    assert np.isfinite(logistic_weights([[-1.0], [1.0]], [0, 1], 1e-3)).all()


def test_equal_sets_are_a_coin_and_different_ones_are_told_apart():
    rng = np.random.default_rng(7)
    areas = [auc_interval(*out_of_fold_scores(*rng.normal(size=(2, 60, 8)), seed=i)[::-1]).value for i in range(100)]
    assert abs(np.mean(areas) - 0.5) < 4 * np.std(areas) / 10
    x, y = rng.normal(size=(2, 60, 8))
    real, synthetic = out_of_fold_scores(x, y + 1)
    assert auc_interval(synthetic, real).value > 0.95


def test_a_patient_never_helps_to_judge_itself():
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(20), 6)
    marks = rng.normal(size=(2, 20, 30))[:, patients[:120]]  # each patient's rows are alike, the sets are not different
    rows = out_of_fold_scores(*marks, [f"a{i}" for i in patients], [f"b{i}" for i in patients])
    leaky = out_of_fold_scores(*marks)
    assert auc_interval(*leaky[::-1]).value > 0.95 > 0.7 > auc_interval(*rows[::-1]).value


def test_missing_and_constant_features_say_nothing():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 30, 3))
    x[:, 1], y[:, 1] = np.nan, np.nan
    x[:, 2], y[:, 2] = 7, 7
    scores, alone = out_of_fold_scores(x, y), out_of_fold_scores(x[:, :1], y[:, :1])
    assert scores[0] == pytest.approx(alone[0], abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((30, 2)), np.zeros((30, 3)), "finite features"),
        (np.full((30, 2), np.inf), np.zeros((30, 2)), "finite features"),
        (np.zeros((4, 2)), np.zeros((30, 2)), "at least 5 patients on each side, but got 4"),
    ],
)
def test_what_does_not_fit_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        out_of_fold_scores(x, y)
