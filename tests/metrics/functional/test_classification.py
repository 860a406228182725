"""The scores of a classifier are torchmetrics' where every class has cases; a missing class is never averaged away."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import stats
from torchmetrics.functional import classification as reference

from synthtrust.metrics.functional import gap_interval
from synthtrust.metrics.functional.classification import (
    average_precision,
    brier,
    calibration_error,
    f1,
    matthews,
    recall,
    squared_calibration_error,
)
from synthtrust.metrics.functional.jackknife import jackknife
from synthtrust.metrics.functional.placements import auc_by_class, delong

M, C = 157, 4
FORMULAS = (average_precision, brier, calibration_error, f1, matthews, recall, squared_calibration_error)


@pytest.fixture(scope="module")
def predicted():
    """Probabilities with ties, and classes of unequal size."""
    rng = np.random.default_rng(0)
    target = rng.choice(C, M, p=[0.55, 0.25, 0.15, 0.05])
    odds = rng.normal(size=(M, C)).round(1)
    odds[np.arange(M), target] += 1
    probability = np.exp(odds)
    return probability / probability.sum(axis=1, keepdims=True), target


def of_torchmetrics(name, probability, target, **options):
    function = getattr(reference, f"multiclass_{name}")
    return function(torch.tensor(probability), torch.tensor(target), num_classes=C, **options).numpy()


@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        (recall, "recall", {"average": None}),
        (f1, "f1_score", {"average": None}),
        (matthews, "matthews_corrcoef", {}),
        (average_precision, "average_precision", {"average": None, "thresholds": None}),
        (lambda *case: auc_by_class(*case)[0], "auroc", {"average": None, "thresholds": None}),
        (calibration_error, "calibration_error", {"n_bins": 15, "norm": "l1"}),
    ],
    ids=["recall", "F1", "MCC", "average precision", "AUC", "ECE"],
)
def test_scores_are_those_of_torchmetrics(predicted, ours, name, options):
    np.testing.assert_allclose(ours(*predicted), of_torchmetrics(name, *predicted, **options), atol=1e-6)


def test_the_brier_score_of_two_classes_is_twice_the_squared_error():
    p, y = np.array([0.9, 0.2, 0.6]), np.array([1, 0, 0])
    assert brier(np.stack([1 - p, p], axis=1), y) == pytest.approx(2 * np.mean((p - y) ** 2))


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.__name__)
def test_a_weight_is_a_number_of_copies(predicted, formula):
    probability, target = predicted
    weight = np.random.default_rng(1).integers(0, 3, (2, M))
    for w, weighted in zip(weight, formula(probability, target, weight), strict=True):
        np.testing.assert_allclose(weighted, formula(np.repeat(probability, w, axis=0), np.repeat(target, w)))


@pytest.mark.parametrize("formula", [average_precision, f1, recall, lambda *case: auc_by_class(*case)[0]])
def test_a_class_that_no_case_has_is_undefined_and_stays_in_the_mean(predicted, formula):
    probability, target = predicted
    score = formula(probability, np.where(target == 3, 0, target))
    assert np.isnan(score).tolist() == [False, False, False, True]
    assert math.isnan(score.mean())


def test_one_predicted_class_is_chance_and_one_true_class_is_undefined():
    always = np.tile([0.9, 0.1], (4, 1))
    assert matthews(always, np.array([0, 1, 1, 0])) == 0
    assert math.isnan(matthews([[0.9, 0.1], [0.2, 0.8]], [1, 1]))


def test_calibration_is_perfect_where_confidence_is_accuracy():
    probability = np.tile([0.75, 0.25], (4, 1))
    assert calibration_error(probability, np.array([0, 0, 0, 1])) == pytest.approx(0, abs=1e-12)


def test_the_squared_calibration_error_is_the_published_sum_over_bins(predicted):
    probability, target = predicted
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == target
    total = 0.0
    for b in range(15):
        inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
        if (n := inside.sum()) > 1:  # Kumar, Liang and Ma 2019, the debiased estimator of section 4
            accuracy = right[inside].mean()
            total += n * ((accuracy - confidence[inside].mean()) ** 2 - accuracy * (1 - accuracy) / (n - 1))
    assert squared_calibration_error(probability, target) == pytest.approx(total / M)


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize("overconfidence", [0.0, 0.1])
def test_the_squared_calibration_error_is_right_on_average_and_the_plain_one_too_large(n, overconfidence):
    rng = np.random.default_rng(0)
    squared, plain = [], []
    for _ in range(600):
        confidence = rng.choice([0.63, 0.76, 0.9], n)
        right = rng.random(n) < confidence - overconfidence
        case = np.stack([confidence, 1 - confidence], axis=1), (~right).astype(int)
        squared.append(float(squared_calibration_error(*case)))
        plain.append(float(calibration_error(*case)))
    error = np.std(squared) / len(squared) ** 0.5
    assert np.mean(squared) == pytest.approx(overconfidence**2, abs=4 * error)
    assert error < 0.0015
    assert np.mean(plain) > overconfidence + 0.01 * (overconfidence == 0 or n < 200)


@pytest.mark.parametrize(
    ("probability", "target", "says"),
    [
        ([[0.5, 0.6]], [0], "sum to 1"),
        ([[math.nan, 1.0]], [0], "sum to 1"),
        ([[0.5, 0.5]], [2], "classes as numbers from 0 to 1"),
        ([[0.5, 0.5]], [0.0], "classes as numbers"),
        ([[1.0]], [0], "at least two classes"),
        ([[0.5, 0.5]], [0, 1], r"classes \(M,\)"),
    ],
)
def test_what_is_no_prediction_is_refused(probability, target, says):
    with pytest.raises(ValueError, match=says):
        f1(probability, target)


def test_what_patients_add_to_an_area_is_delongs_covariance(predicted):
    probability, target = predicted
    other = np.random.default_rng(2).dirichlet(np.ones(C), M)
    for c in range(C):
        area, covariance = delong(
            [scores[target == c, c] for scores in (probability, other)],
            [scores[target != c, c] for scores in (probability, other)],
        )
        (_, first), (_, second) = (auc_by_class(scores, target) for scores in (probability, other))
        np.testing.assert_allclose([first[:, c].mean(), second[:, c].mean()], area)
        np.testing.assert_allclose(np.cov(first[:, c], second[:, c]) / M, covariance)


def test_the_gap_of_two_areas_has_delongs_golden_value():
    a = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.5, 0.4, 0.35, 0.2, 0.1])
    b = np.array([0.8, 0.9, 0.4, 0.55, 0.35, 0.6, 0.3, 0.45, 0.25, 0.2])
    y = np.repeat([1, 0], 5)
    first, second = (auc_by_class(np.stack([1 - s, s], axis=1), y)[1].mean(axis=1) for s in (a, b))
    gap = gap_interval([first], [second])
    assert gap.value == pytest.approx(0.08)
    assert gap.value / gap.v_patients**0.5 == pytest.approx(0.5547002, abs=1e-7)


def test_images_repeated_for_a_patient_leave_the_doubt_of_an_area_as_it_was(predicted):
    probability, target = predicted
    area, once = auc_by_class(probability, target, list(range(M)))
    again, many = auc_by_class(np.repeat(probability, 3, axis=0), np.repeat(target, 3), np.repeat(np.arange(M), 3))
    np.testing.assert_allclose(again, area)
    np.testing.assert_allclose(many, once)


def test_patients_on_both_sides_are_one_witness():
    rng = np.random.default_rng(0)
    spread, standard_errors = [], []
    for _ in range(300):
        patient = rng.normal(size=40)  # each has an image of either class; what they share cancels out
        scores = np.concatenate([patient + rng.normal(1, 0.3, 40), patient + rng.normal(0, 0.3, 40)])
        area, contributions = auc_by_class(
            np.stack([-scores, scores], axis=1), np.repeat([1, 0], 40), np.tile(np.arange(40), 2)
        )
        spread.append(area[1])
        standard_errors.append(contributions[:, 1].var(ddof=1) / 40)
    assert np.mean(standard_errors) == pytest.approx(np.var(spread), rel=0.25)


def test_a_lone_patient_of_a_class_has_an_area_and_no_interval():
    area, patients = auc_by_class([[0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], [1, 0, 0])
    assert area.tolist() == [1.0, 1.0]
    assert np.isnan(patients).all()


def test_the_jackknife_of_a_mean_is_its_standard_error():
    rng = np.random.default_rng(0)
    score = rng.normal(size=20)
    value, patients = jackknife(lambda w: w @ score / (w @ np.ones(20)), list(range(20)))
    assert value[0] == pytest.approx(score.mean())
    assert patients[:, 0].std(ddof=1) / 20**0.5 == pytest.approx(stats.sem(score))


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.__name__)
def test_the_jackknife_agrees_with_a_bootstrap_of_patients(predicted, formula):
    probability, target = (np.tile(x, (2, 1))[: 2 * M] if x.ndim > 1 else np.tile(x, 2) for x in predicted)
    patient = np.arange(2 * M) % 120  # two or three images each
    value, patients = jackknife(lambda w: formula(probability, target, w), patient)
    draws = np.random.default_rng(0).multinomial(120, np.full(120, 1 / 120), size=600)[:, patient]
    boot = formula(probability, target, draws.astype(float)).reshape(600, -1)
    np.testing.assert_allclose(patients.mean(axis=0), value)
    ratio = patients.std(axis=0, ddof=1) / 120**0.5 / np.nanstd(boot, axis=0)
    assert (ratio > 0.8).all()
    # A bin that is calibrated by chance has a cusp there: the jackknife is then too wide, never too narrow.
    assert (ratio < (1.6 if formula is calibration_error else 1.3)).all()


@pytest.mark.parametrize("formula", [f for f in FORMULAS if f is not average_precision], ids=lambda f: f.__name__)
def test_the_jackknife_is_the_score_without_each_patient_written_out(predicted, formula):
    probability, target = predicted
    patient = np.random.default_rng(3).integers(0, 40, len(target))
    value, patients = jackknife(lambda w: formula(probability, target, w), patient)
    without = np.stack(
        [formula(probability[patient != p], target[patient != p]).reshape(-1) for p in np.unique(patient)]
    )
    expected = formula(probability, target).reshape(-1)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(patients, expected + (len(without) - 1) * (without.mean(axis=0) - without), atol=1e-9)


def test_the_jackknife_needs_no_weight_of_every_case_for_every_patient():
    """20,000 images of as many patients would be 400 million weights, 3.2 GB."""
    rng = np.random.default_rng(0)
    probability, target = rng.dirichlet([1, 1], 20_000), rng.integers(0, 2, 20_000)
    tracemalloc.start()
    jackknife(lambda w: matthews(probability, target, w), np.arange(20_000))
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
