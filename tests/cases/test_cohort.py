"""A cohort is in order of id, knows its regions, and does not go on in silence without a case."""

from pathlib import Path

import pytest

from synthtrust.cases import Case, CaseError, Cohort, RefusedCase
from synthtrust.cases.cohort import BRATS_LABELS

CASES = tuple(Case(name, {}, f"{name}.nii") for name in "cab")
REFUSED = (RefusedCase(Path("d"), "Expected t1 of d, but found no t1."),)


def test_cases_are_in_order_of_id():
    assert [case.id for case in Cohort("tiny", CASES, ("t1",), BRATS_LABELS).cases] == ["a", "b", "c"]


def test_two_cases_of_one_id_are_refused_with_both_files():
    twice = (*CASES, Case("a", {}, "elsewhere/a.nii"))
    with pytest.raises(CaseError, match=r"'a' at a\.nii and at elsewhere/a\.nii"):
        Cohort("tiny", twice, ("t1",), BRATS_LABELS)


def test_regions_are_the_labels_and_composites_only_when_named():
    cohort = Cohort("tiny", CASES, ("t1",), BRATS_LABELS)
    assert cohort.regions() == {"NCR": (1,), "ED": (2,), "ET": (3,)}
    assert cohort.regions(["WT", "TC", "ED"]) == {"WT": (1, 2, 3), "TC": (1, 3), "ED": (2,)}


def test_a_composite_of_labels_that_the_cohort_has_not_is_refused():
    hippocampus = Cohort("hippocampus", CASES, ("mri",), {"Anterior": 1, "Posterior": 2})
    with pytest.raises(ValueError, match=r"\['Anterior', 'Posterior'\] of cohort hippocampus, but got \['WT'\]"):
        hippocampus.regions(["WT"])


def test_a_cohort_with_refusals_is_not_complete():
    cohort = Cohort("tiny", CASES, ("t1",), BRATS_LABELS, refused=REFUSED)
    with pytest.raises(CaseError, match=r"1 were refused, first d: Expected t1 of d.*cases\.skip_refused=true"):
        cohort.validated()


def test_refusals_can_be_skipped_on_request():
    validated = Cohort("tiny", CASES, ("t1",), BRATS_LABELS, refused=REFUSED).validated(skip_refused=True)
    assert len(validated.cases) == 3
    assert validated.refused == ()


def test_a_cohort_without_cases_is_not_complete():
    with pytest.raises(CaseError, match="Expected cases in cohort tiny"):
        Cohort("tiny", (), ("t1",), BRATS_LABELS, refused=REFUSED).validated(skip_refused=True)
