"""No patient is in two parts, whatever the seed, the sizes and the order."""

import itertools
import math
from dataclasses import replace

import pytest

from synthtrust.cases import Case, split

# 30 cases of 17 patients: some have one time point, some two or three.
CASES = [Case(f"c{n:02d}", {}, "label.nii", patient=f"p{math.isqrt(n * 10)}") for n in range(30)]
PATIENTS = {case.patient for case in CASES}


def _patients(part):
    return {case.patient for case in part}


@pytest.mark.parametrize(("seed", "test", "val"), list(itertools.product(range(5), (1, 0.2, 5), (1, 0.1, 3))))
def test_no_patient_is_in_two_parts_and_no_case_is_lost(seed, test, val):
    parts = split(CASES, seed, test, val)
    train, held, tested = (_patients(part) for part in (parts.train, parts.val, parts.test))
    assert not train & held
    assert not train & tested
    assert not held & tested
    assert sorted(itertools.chain(*parts.ids.values())) == [case.id for case in CASES]


def test_some_patients_have_several_cases_or_the_test_above_is_void():
    assert len(PATIENTS) < len(CASES)


def test_the_order_of_cases_plays_no_part():
    assert split(CASES, 3) == split(CASES[::-1], 3)


def test_the_seed_decides():
    assert split(CASES, 0) == split(CASES, 0)
    assert len({tuple(split(CASES, seed).ids["test"]) for seed in range(10)}) > 5


def test_sizes_are_numbers_of_patients_or_shares_of_them():
    n = len(PATIENTS)
    assert len(_patients(split(CASES, test=4, val=2).test)) == 4
    assert len(_patients(split(CASES, test=4, val=2).val)) == 2
    parts = split(CASES, test=0.5, val=0.25)
    assert len(_patients(parts.test)) == round(0.5 * n)
    assert len(_patients(parts.val)) == round(0.25 * (n - round(0.5 * n)))  # of what the test left


def test_a_smaller_val_does_not_move_the_test_set():
    assert split(CASES, 1, test=4, val=1).test == split(CASES, 1, test=4, val=3).test


def test_test_patients_can_be_given():
    parts = split(CASES, test_patients=["p0", "p10"])
    assert _patients(parts.test) == {"p0", "p10"}


def test_a_given_patient_that_the_cohort_has_not_is_refused():
    with pytest.raises(ValueError, match=r"of this cohort, but got \['nobody'\]"):
        split(CASES, test_patients=["p0", "nobody"])


@pytest.mark.parametrize(("count", "test", "val"), [(2, 1, 1), (1, 1, 1), (0, 1, 1), (5, 4, 1), (5, 0, 1), (5, 1, 0)])
def test_a_part_without_a_patient_is_refused(count, test, val):
    cases = [Case(f"c{n}", {}, "label.nii") for n in range(count)]
    with pytest.raises(ValueError, match="would be empty"):
        split(cases, test=test, val=val)


@pytest.mark.parametrize("size", [-1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_size_that_is_neither_share_nor_number_is_refused(size):
    with pytest.raises(ValueError, match="Expected a share"):
        split(CASES, test=size)


def test_repeats_of_a_split_have_other_patients_in_every_part():
    assert split(CASES, 3, repeat=0) == split(CASES, 3)
    assert split(CASES, 3, repeat=2) == split(CASES, 3, repeat=2)
    tested = {tuple(split(CASES, seed, repeat=repeat).ids["test"]) for seed in range(3) for repeat in range(4)}
    assert len(tested) > 8
    parts = split(CASES, 0, repeat=1)
    assert not _patients(parts.train) & _patients(parts.test)


def test_test_patients_that_are_given_cannot_be_drawn_again():
    with pytest.raises(ValueError, match=r"^Expected test patients that are drawn, .*split\.repeat=1, .*given"):
        split(CASES, test_patients=["p0"], repeat=1)
    published = [replace(case, split="test" if case.patient == "p0" else "train") for case in CASES]
    with pytest.raises(ValueError, match=r"the publisher's. Draw them with split\.published=false"):
        split(published, repeat=1)
    assert split(published, repeat=1, published=False).test
