"""A generator is not scored on the patients it learned from, unless everybody is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from synthtrust.cases import Case, CaseError, Splits, split
from synthtrust.generators import Replay
from synthtrust.generators.synthesis.overlap import check_overlap, check_training_overlap, training_ids_of


def case(case_id, patient=""):
    return Case(case_id, {}, "label.nii.gz", patient=patient)


SPLITS = Splits(train=(case("a"), case("b")), val=(case("c"),), test=(case("d"), case("e-0", patient="e")))


def test_a_generator_fitted_on_train_is_free_of_overlap():
    overlap = check_overlap(training_ids_of(Replay(), SPLITS.train), SPLITS)
    assert overlap.facts == {
        "status": "none", "n_training": 2, "n_recognised": 2, "test": [], "val": [], "clean": ["d", "e-0"],
        "word": "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ids", "named"),
    [(["a", "d"], "1 test and 0 validation cases .* d"), (["c"], "0 test and 1 validation cases .* c")],
)
def test_a_generator_that_saw_a_scored_patient_is_refused(ids, named):
    with pytest.raises(CaseError, match=named + r".*allow_overlap=true"):
        check_overlap(ids, SPLITS)


@pytest.mark.parametrize("name", ["e-0", "e", "e-1", "e-1-2"])
def test_any_time_point_of_a_patient_overlaps(name):
    overlap = check_overlap([name], SPLITS, allow_overlap=True)
    assert (overlap.status, overlap.test, overlap.clean) == ("overlap", ("e-0",), ("d",))


def test_a_longer_number_is_another_patient():
    assert check_overlap(["d1", "ee-0", "a"], SPLITS).status == "none"


def test_unknown_training_cases_are_marked_and_nothing_is_called_clean(caplog):
    overlap = check_overlap(None, SPLITS)
    assert (overlap.status, overlap.n_training, overlap.clean) == ("unknown", None, ())
    assert "The generator's training cases are unknown" in caplog.text


def test_ids_in_another_naming_are_warned_of(caplog):
    overlap = check_overlap(["BraTS20_Training_001"], SPLITS)
    assert (overlap.status, overlap.n_training, overlap.n_recognised) == ("unknown", 1, 0)
    assert overlap.clean == ()  # these may be the same patients under other names
    assert "is a case of this cohort" in caplog.text


def test_capital_letters_make_no_other_patient():
    assert check_overlap(["D", "A"], SPLITS, allow_overlap=True).test == ("d",)


def test_the_cases_that_a_generator_saw_can_be_excluded(caplog):
    kept, overlap = check_training_overlap(["a", "e-7", "x"], SPLITS, "exclude")
    assert (kept.train, kept.val, [c.id for c in kept.test]) == (SPLITS.train, SPLITS.val, ["d"])
    assert overlap.status == "none"
    assert "1 of the generator's 3 training ids (such as x) are no cases of this cohort" in caplog.text
    assert "Overlap allowed" not in caplog.text


@pytest.mark.parametrize(
    ("ids", "policy", "error", "why"),
    [
        (None, "exclude", CaseError, "Expected the ids of the cases the generator learned from, but got unknown"),
        (["elsewhere"], "exclude", CaseError, "but got training ids not of this cohort"),
        (
            ["d", "e"],
            "exclude",
            CaseError,
            "Expected test cases that the generator never saw, but .* all 2",
        ),
        (["a"], "maybe", ValueError, "Expected allow_overlap to be true, false or exclude, but got 'maybe'"),
    ],
)
def test_what_cannot_be_excluded_is_said(ids, policy, error, why):
    with pytest.raises(error, match=why):
        check_training_overlap(ids, SPLITS, policy)


@pytest.mark.parametrize(
    ("ids", "word"),
    [
        (["a", "b"], "none"),
        (None, "unknown training ids"),
        (["z"], "training ids not of this cohort"),
        (["d"], "1 of 2 scored cases are of patients the generator learned from"),
        (["d", "e-1", "c"], "2 of 2 scored cases are of patients the generator learned from"),
        (["c"], "0 of 2 scored cases are of patients the generator learned from, and 1 of validation"),
    ],
)
def test_a_word_that_goes_beside_every_score_says_what_the_overlap_is(ids, word):
    assert check_overlap(ids, SPLITS, allow_overlap=True).facts["word"] == word


def test_an_allowed_overlap_is_warned_of(caplog):
    assert check_overlap(["d"], SPLITS, allow_overlap=True).facts["test"] == ["d"]
    assert "Overlap allowed: 1 test and 0 validation cases" in caplog.text


def test_a_random_test_set_holds_as_many_med_ddpm_cases_as_arithmetic_says():
    """193 of 1251 cases trained the published weights: 251 drawn test cases hold 251 * 193 / 1251 = 38.7 of them."""
    cases = [case(f"BraTS2021_{n:05d}") for n in range(1251)]
    chosen = np.random.default_rng(1).choice(1251, 193, replace=False)
    trained = [cases[n].id for n in chosen]
    overlaps = []
    for seed in range(200):
        splits = split(cases, seed=seed, test=251, val=50)
        overlap = check_overlap(trained, splits, allow_overlap=True)
        assert len(overlap.test) + len(overlap.clean) == 251
        assert set(overlap.test) <= set(trained)
        assert not set(overlap.clean) & set(trained)
        overlaps.append(len(overlap.test))
    expected = 251 * 193 / 1251
    assert expected == pytest.approx(38.7, abs=0.03)
    spread = np.sqrt(expected * (1 - 193 / 1251) * (1251 - 251) / 1250)  # hypergeometric
    assert np.mean(overlaps) == pytest.approx(expected, abs=4 * spread / np.sqrt(200))
    assert np.std(overlaps) == pytest.approx(spread, rel=0.2)


def test_a_generator_with_weights_of_its_own_says_whom_it_saw():
    assert training_ids_of(SimpleNamespace(training_ids=["z", "y"]), SPLITS.train) == ("y", "z")
    assert training_ids_of(SimpleNamespace(training_ids=None), SPLITS.train) is None


@pytest.mark.parametrize("ids", ["z", (1, 2), 3])
def test_training_ids_that_are_no_list_of_ids_are_refused(ids):
    with pytest.raises(ValueError, match="Expected training_ids of SimpleNamespace to be a list of ids, but got"):
        training_ids_of(SimpleNamespace(training_ids=ids), SPLITS.train)


def test_a_case_that_is_called_like_its_file_is_recognised():
    splits = Splits(train=(case("a.png"),), val=(case("b.png"),), test=(case("c.png"),))
    assert check_overlap(["c", "a.jpg"], splits, allow_overlap=True).test == ("c.png",)


def test_training_ids_that_name_nobody_here_are_counted(caplog):
    assert check_overlap(["a", "b", "x", "y"], SPLITS).status == "none"
    assert "2 of the generator's 4 training ids (such as x) are no cases of this cohort" in caplog.text
