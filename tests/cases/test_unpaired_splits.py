"""A set without twins is divided as the real cases are: no child of a tested patient is trained on."""

from dataclasses import replace

import pytest

from synthtrust.cases import Case, Source, split
from synthtrust.cases.unpaired_splits import divide

REAL = [Case(f"r{n:02d}", {}, "label", patient=f"p{n // 2:02d}") for n in range(40)]
SPLITS = split(REAL, test=5, val=3)
PATIENT = {case.id: case.patient for case in REAL}


def own(n, parents=()):
    """Return synthetic cases, of which the first are children of these real cases, as an importer reads them."""
    orphans = [Case(f"s{i:03d}", {}, "label", source=Source.SYNTHETIC) for i in range(n)]
    children = [replace(case, parent=p, patient=PATIENT.get(p, p)) for case, p in zip(orphans, parents)]
    return [*children, *orphans[len(children) :]]


def part_of(splits):
    return {case.id: part for part in ("train", "val", "test") for case in getattr(splits, part)}


@pytest.mark.parametrize("seed", range(5))
def test_children_are_where_the_patients_of_their_parents_are(seed):
    cases = own(60, [case.id for case in REAL])
    parts = divide(cases, SPLITS, seed=seed)
    real, synthetic = part_of(SPLITS), part_of(parts.splits)
    assert parts.children == 40
    assert all(synthetic[child.id] == real[child.parent] for child in cases[:40])


@pytest.mark.parametrize("n", [0, 1, 20, 400])
def test_cases_without_a_parent_are_shared_out_as_the_real_ones_are(n):
    parts = divide(own(n), SPLITS).splits
    shares = {part: len(ids) / len(REAL) for part, ids in SPLITS.ids.items()}
    sizes = {part: len(ids) for part, ids in parts.ids.items()}
    assert sum(sizes.values()) == n
    assert all(abs(sizes[part] - n * share) <= 1 for part, share in shares.items())


def test_the_order_of_the_cases_plays_no_part_and_the_seed_does():
    cases = own(30)
    assert divide(cases, SPLITS) == divide(cases[::-1], SPLITS)
    assert divide(cases, SPLITS, seed=1) != divide(cases, SPLITS) != divide(cases, SPLITS, repeat=1)


def test_where_all_are_children_of_training_cases_whole_families_are_kept_for_validation():
    train = SPLITS.ids["train"]
    cases = own(2 * len(train), [*train, *train])
    parts = divide(cases, SPLITS)
    assert parts.facts == {"children": len(cases), "left_out": 0, "validated_on_training_parents": True}
    assert not parts.splits.test
    patients = [{case.patient for case in part} for part in (parts.splits.train, parts.splits.val)]
    assert all(patients)
    assert not patients[0] & patients[1]
    assert len(parts.splits.train) + len(parts.splits.val) == len(cases)


def test_children_of_cases_that_were_left_out_are_left_out(caplog):
    gone = replace(SPLITS, test=SPLITS.test[2:])
    lost = [case.id for case in SPLITS.test[:2]]
    parts = divide(own(10, lost), gone)
    expected = {child.id for child in own(10, lost)[:2] if PATIENT[child.parent] not in {c.patient for c in gone.test}}
    assert set(parts.left_out) == expected
    assert "synthetic cases are left out" in caplog.text
    assert expected.isdisjoint(part_of(parts.splits))


def test_a_child_whose_donor_is_in_another_part_is_left_out():
    train, test = SPLITS.ids["train"], SPLITS.ids["test"]
    cases = [replace(child, donor=donor) for child, donor in zip(own(3, train[:3]), [train[5], test[0], "gone"])]
    parts = divide(cases, SPLITS)
    assert parts.left_out == (cases[1].id, cases[2].id)
    assert part_of(parts.splits) == {cases[0].id: "train"}
