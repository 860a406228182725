"""The rule of the onset: its errors over many steps are those that it promises, and each outcome has its code."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from synthtrust.audits.onset.measures import _least, _most
from synthtrust.audits.onset.reading import Look, TestLook, images_needed, read_onset
from synthtrust.metrics.functional import nearest_real_share

STEPS = [100 * 2**k for k in range(8)]


def looks(truth, rng, sd=0.05, limit=0.65, confidence=0.95):
    """Measure each true value with an error, and bound it as the audit does."""
    value = rng.normal(truth, sd)
    alone, together = norm.ppf(confidence), norm.ppf(1 - (1 - confidence) / len(truth))
    return [
        Look(step, "membership", v - together * sd, v + alone * sd, limit) for step, v in zip(STEPS, value, strict=True)
    ]


def drawn(truth, n=800, sd=0.05):
    rng = np.random.default_rng(0)
    return [read_onset(looks(np.array(truth), rng, sd)) for _ in range(n)]


def test_a_step_that_leaks_is_passed_as_rarely_as_promised_however_many_steps_there_are():
    """From step 800 on the leak lies just above its limit: to name that step or a later one is an error."""
    readings = drawn([0.5, 0.5, 0.5, *[0.6501] * 5])
    wrong = sum((reading.last_below or 0) >= 800 for reading in readings)
    assert binom.sf(wrong - 1, len(readings), 0.05) > 0.001
    assert wrong > 0.02 * len(readings)  # the bound is used, not wasted


def test_no_leak_is_shown_where_none_is_above_the_limit_by_all_steps_together():
    readings = drawn([0.65] * 8)
    wrong = sum(reading.first_above is not None for reading in readings)
    assert binom.sf(wrong - 1, len(readings), 0.05) > 0.001
    assert {reading.code for reading in readings} <= {"open", "begins", "from_the_first", "not_within"}


def test_a_planted_onset_lies_between_the_two_steps_that_are_named():
    readings = drawn([0.5, 0.5, 0.5, 0.5, 0.9, 0.95, 1.0, 1.0], sd=0.04)
    right = sum(reading.last_below == 800 and reading.first_above == 1600 for reading in readings)
    assert right > 0.75 * len(readings)
    assert all(r.last_below is None or r.first_above is None or r.last_below < r.first_above for r in readings)


LOW, HIGH, MIDDLE = (0.4, 0.6), (0.7, 0.9), (0.55, 0.75)


@pytest.mark.parametrize(
    ("bounds", "code", "last_below", "first_above"),
    [
        ([LOW, LOW, LOW], "not_within", 400, None),
        ([LOW, LOW, HIGH], "begins", 200, 400),
        ([LOW, MIDDLE, HIGH], "begins", 100, 400),
        ([LOW, MIDDLE, LOW], "open", 100, None),  # what comes after a step that may leak is not named
        ([HIGH, LOW, LOW], "from_the_first", None, 100),
        ([MIDDLE, MIDDLE, HIGH], "open", None, 400),
        ([MIDDLE, LOW, LOW], "open", None, None),
        ([(np.nan, np.nan), LOW, LOW], "open", None, None),  # what was not measured is not below
    ],
)
def test_every_outcome_has_its_code(bounds, code, last_below, first_above):
    reading = read_onset([Look(STEPS[i], "membership", *both, 0.65) for i, both in enumerate(bounds)])
    assert (reading.code, reading.last_below, reading.first_above) == (code, last_below, first_above)


def test_every_measure_has_to_lie_below_its_own_limit():
    both = [Look(100, "membership", 0.4, 0.6, 0.65), Look(100, "copies", 0.0, 0.02, 0.01)]
    reading = read_onset([*both, Look(200, "membership", 0.4, 0.6, 0.65), Look(200, "copies", 0.0, 0.005, 0.01)])
    assert reading.last_below is None
    assert [look.measure for look in reading.stopped_by] == ["copies"]


def share_look(step, p, lower=0.4, significance=0.01, n_tests=5):
    return TestLook(step, "nearest_share", 0.5, lower, 0.25, p, significance, n_tests)


@pytest.mark.parametrize(
    ("p", "lower", "is_below", "is_above"),
    [
        (0.01, 0.4, True, False),
        (0.009, 0.4, False, False),  # accused by itself, not with the correction for five steps
        (0.002, 0.4, False, False),
        (0.001, 0.4, False, True),
        (0.001, 0.2, False, False),  # its interval does not agree
        (np.nan, np.nan, False, False),
    ],
)
def test_the_nearest_share_ends_the_series_by_its_own_p_and_shows_a_leak_by_that_of_all_steps(
    p, lower, is_below, is_above
):
    look = share_look(200, p, lower)
    assert (look.is_below, look.is_above) == (is_below, is_above)
    within = Look(100, "copies", 0.0, 0.005, 0.01), share_look(100, 0.3), Look(200, "copies", 0.0, 0.005, 0.01)
    reading = read_onset([*within, look])
    assert reading.last_below == (200 if is_below else 100)
    assert reading.first_above == (200 if is_above else None)


def shares(more, rng, n_real=60, n_synthetic=120, significance=0.05):
    """Return the looks of a training; at each step, training images are nearest more often by a factor.

    A few real images are near to many synthetic ones, as in real sets, and half of all are training images.
    """
    train = np.arange(n_real) < n_real // 2
    looks = []
    for step, times in zip(STEPS, more, strict=True):
        weight = rng.gamma(0.5, size=n_real) * np.where(train, times, 1)
        nearest = rng.choice(n_real, n_synthetic, p=weight / weight.sum())
        seed = int(rng.integers(10**6))
        share = nearest_real_share(nearest, train, n_permutations=199, n_boot=200, seed=seed)
        given = share.value, share.low, share.expected, share.p
        looks.append(TestLook(step, "nearest_share", *given, significance, len(more)))
    return looks


def test_the_nearest_share_accuses_honest_steps_as_rarely_as_promised():
    rng = np.random.default_rng(0)
    trainings = [shares([1] * 8, rng) for _ in range(60)]
    accused = [not look.is_below for looks in trainings for look in looks]
    assert binom.sf(sum(accused) - 1, len(accused), 0.05) > 0.001
    shown = sum(read_onset(looks).first_above is not None for looks in trainings)
    assert binom.sf(shown - 1, len(trainings), 0.05) > 0.001


def test_an_onset_that_only_the_nearest_share_sees_is_found_between_its_steps():
    rng = np.random.default_rng(1)
    readings = [read_onset(shares([1, 1, 1, 1, 12, 12, 12, 12], rng)) for _ in range(30)]
    assert all((reading.last_below or 0) <= 800 for reading in readings)
    right = sum(reading.last_below == 800 and reading.code == "begins" for reading in readings)
    assert right > 0.6 * len(readings)  # about 0.8: an honest step is accused with probability 0.05


@pytest.mark.parametrize(("k", "n"), [(0, 50), (3, 50), (50, 50)])
def test_the_bounds_of_a_share_are_those_whose_tails_are_as_stated(k, n):
    upper, lower = _most(k, n, 0.05), _least(k, n, 0.05)
    assert k == n or binom.cdf(k, n, upper) == pytest.approx(0.05)
    assert k == 0 or binom.sf(k - 1, n, lower) == pytest.approx(0.05)


@pytest.mark.parametrize("limit", [0.005, 0.01, 0.2])
def test_so_many_images_are_needed_and_no_fewer(limit):
    n = images_needed(limit, 0.95)
    assert _most(0, n, 0.05) <= limit < _most(0, n - 1, 0.05)
