"""The verdict on fidelity, from planted rows: what is shown, what is not, and every number in its sentence."""

import math

import pytest

from synthtrust.audits.fidelity.controls import BLURRED, REPEATED
from synthtrust.audits.fidelity.measures import COVERAGE_OF_ALL, KID, PRECISION, RECALL, TRAINED, row
from synthtrust.audits.fidelity.verdict import FidelityThresholds, fidelity_verdict, patients_needed
from synthtrust.verdicts import Subject

SPACES = ("texture", "voxels")
THRESHOLDS = FidelityThresholds(20, 50, 0.01, 0.9, 0.5, 2)
NOTICED = [row("set", space, fault, 1.0) for space in SPACES for fault in (BLURRED, REPEATED)]
N = {"n_real": 300, "n_synthetic": 300}


def rows(trained=None, **kid):
    """Return the rows of a set that lies nearer than its planted faults, but for what is changed in texture."""
    numbers = {"value": 0.01, "ci_low": -0.01, "ci_high": 0.03, "p": 0.3, "limit": 0.04, "fault": 0.08}
    made = []
    for space in SPACES:
        changes = kid if space == "texture" else {}
        made.append(row("set", space, KID, **N, **numbers | changes))
        made.append(row("set", space, COVERAGE_OF_ALL, 0.97, limit=0.93, fault=0.87, **N))
        made += [row("set", space, measure, 0.9, floor_low=0.8, **N) for measure in (PRECISION, RECALL)]
        if trained and space == "texture":
            made.append(row("set", space, TRAINED, **N, **trained))
    return made


def verdict(made):
    return fidelity_verdict(Subject("set"), made, [], NOTICED, THRESHOLDS, known=True)


def sentences(verdict):
    return " ".join(map(str, verdict.reasons))


def test_a_set_that_is_shown_to_be_nearer_is_supported_with_its_numbers():
    supported = verdict(rows())

    assert supported.verdict == "SUPPORTED"
    assert supported.codes == (
        "below_planted_shift", "above_planted_collapse", "at_the_floor", "tails_unseen", "replay",
    )  # fmt: skip
    assert "texture 0.01, at most 0.04, planted 0.08; voxels 0.01, at most 0.04, planted 0.08" in sentences(supported)
    assert "texture 0.970, at least 0.930, planted 0.870" in sentences(supported)
    assert supported.thresholds["shift"] == 0.5


@pytest.mark.parametrize("limit", [0.08, 0.2, math.nan])
def test_what_may_be_as_far_as_the_planted_fault_is_open_however_large_its_p(limit):
    undecided = verdict(rows(limit=limit, p=0.9))

    assert (undecided.verdict, undecided.codes) == ("INCONCLUSIVE", ("shift_not_excluded", "n"))
    assert f"KID in texture is 0.01 and may be {limit:.3g}" in sentences(undecided)
    assert "shifted by 0.5 standard deviations have 0.08." in sentences(undecided)


@pytest.mark.parametrize(
    ("kid", "says"),
    [
        ({"value": 0.02, "limit": 0.14}, "About 1200 real patients"),  # twice as far as there is room: 4 times 300
        ({"value": 0.09, "limit": 0.2}, "More real patients"),  # beyond the fault: no number of patients helps
        ({"value": 0.0799, "limit": 0.2}, "More real patients"),  # more patients than anybody has
        ({"limit": math.nan}, "More real patients"),
    ],
)
def test_an_open_verdict_says_how_many_patients_would_decide(kid, says):
    undecided = verdict(rows(**kid))

    assert undecided.verdict == "INCONCLUSIVE"
    assert undecided.would_change.startswith(says)
    assert undecided.would_change.endswith("or a generator whose cases lie nearer to theirs.")


@pytest.mark.parametrize("n", [50, 300])
def test_the_number_of_patients_that_would_decide_is_that_at_which_the_limit_reaches_the_fault(n):
    for measure, value, limit, fault in ((KID, 0.01, 0.09, 0.08), (COVERAGE_OF_ALL, 0.97, 0.8, 0.87)):
        needed = patients_needed(row("set", "a", measure, value, limit=limit, fault=fault, n_real=n, n_synthetic=2 * n))
        assert value + (limit - value) * (n / needed) ** 0.5 == pytest.approx(fault)


def test_the_least_number_asked_for_is_never_undercut():
    few = [r | {"n_real": 30, "n_synthetic": 30} for r in rows(limit=0.081)]
    assert "About 50 real patients" in verdict(few).would_change


def test_a_difference_that_is_shown_is_not_supported_even_if_it_is_small():
    small = verdict(rows(p=0.001))
    large = verdict(rows(p=0.001, value=1.0, ci_low=0.8, ci_high=1.2, limit=1.2))

    assert (small.verdict, small.codes) == ("NOT SUPPORTED", ("kid", "below_planted_shift"))
    assert "texture 0.01 (p = 0.002, planted shift 0.08)" in sentences(small)  # Holm over two spaces
    assert (large.verdict, large.codes) == ("NOT SUPPORTED", ("kid",))


def test_what_real_training_cases_differ_in_as_well_is_not_held_against_a_set():
    trained = {"value": 0.05, "ci_low": 0.01, "ci_high": 0.09, "p": 0.001}
    alike = verdict(rows(trained, p=0.001, value=0.06, limit=0.1))
    beyond = verdict(rows(trained, p=0.001, value=0.3, ci_low=0.2, ci_high=0.4, limit=0.4))
    by_chance = verdict(rows(trained | {"p": 0.2}, p=0.001))

    assert (alike.verdict, alike.codes[0]) == ("INCONCLUSIVE", "shift_not_excluded")
    assert "have 0.08, and real training cases 0.05." in sentences(alike)
    assert beyond.verdict == "NOT SUPPORTED"
    assert by_chance.verdict == "NOT SUPPORTED"


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [(0.87, "is 0.970 and may be 0.870, where every case there 2 times gives 0.870."), (math.nan, "was not computed")],
)
def test_a_collapse_that_is_not_excluded_leaves_it_open(limit, sentence):
    made = [r | {"limit": limit} if r["measure"] == COVERAGE_OF_ALL and r["space"] == "voxels" else r for r in rows()]
    undecided = verdict(made)

    assert (undecided.verdict, undecided.codes[0]) == ("INCONCLUSIVE", "collapse_not_excluded")
    assert f"Coverage in voxels {sentence}" in sentences(undecided)


@pytest.mark.parametrize("measure", [PRECISION, RECALL])
def test_a_number_below_the_floor_leaves_it_open(measure):
    made = [r | {"value": 0.7} if r["measure"] == measure else r for r in rows()]

    assert verdict(made).codes[:2] == (f"{measure}_below_floor",) * 2
