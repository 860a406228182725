"""Splits by patient: train, val (carved from train) and test, the publisher's own or made from a seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthtrust.cases.case import Case
from synthtrust.conventions import is_size
from synthtrust.refusals import Refusal

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Splits:
    """Three disjoint lists of cases; no patient is in two of them."""

    train: tuple[Case, ...]
    val: tuple[Case, ...]
    test: tuple[Case, ...]

    @property
    def ids(self) -> dict[str, list[str]]:
        """The case ids of each part."""
        return {part: [case.id for case in getattr(self, part)] for part in PARTS}


def split(
    cases: Sequence[Case],
    seed: int = 0,
    test: float | int = 0.2,
    val: float | int = 0.1,
    test_patients: Iterable[str] | None = None,
    *,
    published: bool = True,
    repeat: int = 0,
) -> Splits:
    """Split cases by patient; a cohort that its publisher has split stays as it is.

    Numbers are only comparable with published ones on the published test set. Where the publisher gives no validation
    set, it is carved from the training cases.

    Args:
        cases: All real cases; their order plays no part.
        seed: The seed of the split alone, so that every run of a sweep is tested on the same patients.
        test: Share (below 1) or number (1 or more) of patients to test on. The paper has 251 of 1251.
        val: Share of the other patients, or number of patients, to choose checkpoints on.
        test_patients: The patients to test on when they are given from outside; ``test`` is then not used.
        published: Keep the parts that the cases name; else they are split anew.
        repeat: Number of a repeated split, from 0: with the same seed each has other test and other training patients.

    Raises:
        Refusal: If a part would have no case, a given patient is not in the cohort, a size is neither a share nor a
            whole number, the published parts share a patient or do not cover every case, or a split is to be repeated
            whose test patients are given.

    >>> cases = [Case(f"c{n}", {}, "label", patient=f"p{n // 2}") for n in range(10)]
    >>> parts = split(cases, seed=0, test=1, val=1)
    >>> [len(part) for part in (parts.train, parts.val, parts.test)]
    [6, 2, 2]
    """
    is_published = published and any(case.split for case in cases)
    if repeat and (test_patients is not None or is_published):
        kept, cure = ("the publisher's", "split.published=false") if test_patients is None else ("given", "split.test")
        raise Refusal(
            f"Expected test patients that are drawn, for split.repeat={repeat}, but they are {kept}. Draw them with "
            f"{cure}, or stay with split.repeat=0."
        )
    if is_published and test_patients is None:
        return _published(cases, seed, val)
    patients = sorted({case.patient for case in cases})
    rng = np.random.default_rng([seed, repeat] if repeat else seed)
    order = [patients[i] for i in rng.permutation(len(patients))]
    if test_patients is None:
        chosen = set(order[: _count(test, len(order))])
    else:
        chosen = set(test_patients)
        if unknown := sorted(chosen - set(patients)):
            raise Refusal(f"Expected test patients of this cohort, but got {unknown[:8]}.")
    remaining = [patient for patient in order if patient not in chosen]
    val_patients = set(remaining[: _count(val, len(remaining))])

    def of(part: set[str]) -> tuple[Case, ...]:
        return tuple(sorted((case for case in cases if case.patient in part), key=lambda case: case.id))

    splits = Splits(of(set(remaining) - val_patients), of(val_patients), of(chosen))
    if empty := [part for part, ids in splits.ids.items() if not ids]:
        raise Refusal(
            f"Expected at least one patient in train, val and test, but {', '.join(empty)} would be empty with "
            f"{len(patients)} patients, test={test}, val={val}."
        )
    return splits


def _published(cases: Sequence[Case], seed: int, val: float | int) -> Splits:
    """Return the publisher's parts; ``val`` is carved from train when there is none."""
    if unknown := [case.id for case in cases if case.split not in PARTS]:
        raise Refusal(
            f"Expected every case in train, val or test as published, but got no such part for {unknown[:8]}. Split "
            "them anew with split.published=false."
        )
    parts = {part: [case for case in cases if case.split == part] for part in PARTS}
    if not parts["val"] and parts["train"]:
        patients = sorted({case.patient for case in parts["train"]})
        order = [patients[i] for i in np.random.default_rng(seed).permutation(len(patients))]
        chosen = set(order[: _count(val, len(order))])
        parts["val"] = [case for case in parts["train"] if case.patient in chosen]
        parts["train"] = [case for case in parts["train"] if case.patient not in chosen]
    if empty := [part for part in PARTS if not parts[part]]:
        raise Refusal(f"Expected cases in train, val and test as published, but {', '.join(empty)} would be empty.")
    for first_part, other in combinations(PARTS, 2):
        if shared := {case.patient for case in parts[first_part]} & {case.patient for case in parts[other]}:
            raise Refusal(
                f"Expected published parts without a common patient, but {first_part} and {other} share "
                f"{sorted(shared)[:8]}. "
                "Split them anew with split.published=false."
            )
    return Splits(*(tuple(sorted(parts[part], key=lambda case: case.id)) for part in PARTS))


def _count(share: float | int, total: int) -> int:
    if not is_size(share):
        raise Refusal(f"Expected a share (below 1) or a whole number of patients, but got {share}.")
    return int(share) if share >= 1 else max(1, round(share * total)) if share > 0 else 0
