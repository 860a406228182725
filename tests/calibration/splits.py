"""Repeated splits: what the interval over splits covers, when training sets matter little and when they matter most."""

from functools import cache, partial

import numpy as np

from calibration.study import COVERS, DESCRIBED, Cell
from synthtrust.metrics.functional import gap_interval, over_splits, split_overlap

SHARE = 0.25
"""Of test patients."""


def drawn_splits(rng, patients, splits, share):
    tests = [rng.permutation(patients)[: round(share * patients)] for _ in range(splits)]
    return tests, split_overlap([{str(p) for p in test} for test in tests], patients)


def each_patient_adds_its_share(rng, repetitions, patients, splits, influence, share=SHARE):
    """Draw the worst case: what a training set gives is a mean over its patients, so that splits are most alike."""
    covered, of_one = np.zeros(repetitions), np.zeros(repetitions)
    for i in range(repetitions):
        taught, effect, case = (
            rng.normal(size=(2, patients)),
            0.08 * rng.normal(size=patients),
            rng.normal(size=patients),
        )
        tests, overlap = drawn_splits(rng, patients, splits, share)
        gaps = []
        for test in tests:
            train = np.setdiff1d(np.arange(patients), test)
            means = influence * taught[:, train].sum(axis=1) / len(train) ** 0.5
            a, b = (
                mean + 0.01 * rng.normal(size=(3, 1)) + 0.1 * case[test] + 0.03 * rng.normal(size=(3, len(test)))
                for mean in means
            )
            gaps.append(gap_interval(a + effect[test], b))
        result = over_splits([gap.value for gap in gaps], overlap)
        covered[i] = result.low <= 0 <= result.high
        of_one[i] = gaps[0].low <= 0 <= gaps[0].high
    return {"covered": covered, "covered by one split": of_one}


def learned(x, y, test_x, test_y, weaker):
    """Fit a line by ridge regression, from blurred features in the weaker arm, and score each test patient."""
    if weaker is not None:
        x = x + weaker.normal(size=x.shape)
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    return np.exp(-np.abs(test_y - test_x @ weights))


TRUE_WEIGHTS = np.linspace(0.2, 1.0, 8)


def cohort(rng, patients):
    x = rng.normal(size=(patients, 8))
    return x, x @ TRUE_WEIGHTS + 0.5 * rng.standard_t(4, size=patients)


@cache
def true_gap(n_train):
    """Return the mean gap over 4,000 training sets, each scored on 400 patients of its own."""
    rng = np.random.default_rng(7)
    gaps = []
    for _ in range(4000):
        (x, y), (test_x, test_y) = cohort(rng, n_train), cohort(rng, 400)
        gaps.append(np.mean(learned(x, y, test_x, test_y, rng) - learned(x, y, test_x, test_y, None)))
    return float(np.mean(gaps))


def ridge_regression(rng, repetitions, patients, splits, share=SHARE):
    """Draw cohorts on which two arms are really trained, as the splits have it."""
    covered = np.zeros(repetitions)
    for i in range(repetitions):
        x, y = cohort(rng, patients)
        tests, overlap = drawn_splits(rng, patients, splits, share)
        gaps = []
        for test in tests:
            train = np.setdiff1d(np.arange(patients), test)
            first, second = (learned(x[train], y[train], x[test], y[test], weaker) for weaker in (rng, None))
            gaps.append(np.mean(first - second))
        result = over_splits(gaps, overlap)
        covered[i] = result.low <= true_gap(patients - round(share * patients)) <= result.high
    return {"covered": covered}


CHAPTER = "Repeated splits"
CELLS = [
    *(
        Cell(
            CHAPTER, "gap over splits: each patient adds its share to a training",
            f"{patients} patients, {splits} splits, training sets vary by {influence:g}",
            {"covered": COVERS, "covered by one split": DESCRIBED},
            partial(each_patient_adds_its_share, patients=patients, splits=splits, influence=influence), 1000,
            everyday=200 if (patients, splits, influence) == (120, 3, 0.03) else 0,
        )
        for patients, splits, influence in (
            (120, 3, 0.0), (120, 3, 0.01), (120, 3, 0.03), (400, 3, 0.01), (400, 3, 0.03), (120, 5, 0.03),
            (400, 5, 0.01), (400, 5, 0.03), (400, 10, 0.03),
        )
    ),
    *(
        Cell(
            CHAPTER, "gap over splits: ridge regression, two arms", f"{patients} patients, {splits} splits",
            {"covered": COVERS}, partial(ridge_regression, patients=patients, splits=splits), 1000,
        )
        for patients, splits in ((60, 3), (120, 5), (240, 10))
    ),
]  # fmt: skip
