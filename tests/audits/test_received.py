"""Real cases beside a received set are sorted by patient into those that its generator learned from and the others."""

from pathlib import Path

import pytest

from synthtrust.audits.received import ReceivedSet
from synthtrust.cases import Case, Cohort, Refusal


@pytest.fixture
def cohort():
    cases = tuple(Case(f"c{n}", {}, "label", patient=f"p{n // 2}") for n in range(8))
    return Cohort("real", cases, (), {"tumour": 1})


def beside(cohort, *ids):
    return ReceivedSet.beside(cohort, cohort, Path(), *ids)


def test_another_case_of_a_patient_that_was_learned_from_is_no_holdout(cohort):
    received = beside(cohort, ["c0", "p2"])
    assert received.train == ("c0", "c1", "c4", "c5")
    assert received.holdout == ("c2", "c3", "c6", "c7")
    assert beside(cohort, ["c0"], ["c6"]).holdout == ("c6", "c7")


def test_without_training_ids_every_real_case_is_unseen_and_none_is_known(cohort):
    received = beside(cohort, None)
    assert (received.train, len(received.holdout)) == ((), 8)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ((["x"],), "none of 1 is one, such as 'x'"),
        ((["c0"], ["c2", "y"]), r"\['y'\] are none"),
        ((["c0"], ["c1"]), r"\['p0'\] are among those"),
    ],
)
def test_ids_that_fit_no_case_or_both_sides_are_refused(cohort, ids, message):
    with pytest.raises(Refusal, match=message):
        beside(cohort, *ids)
