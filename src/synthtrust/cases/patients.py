"""Which patients of a cohort a list of ids names, and which ids name none."""

from collections.abc import Iterable, Sequence

from synthtrust.cases.case import Case


def patients_named(ids: Iterable[str], cases: Sequence[Case]) -> set[str]:
    """Return the patients among the cases that any of these ids belongs to.

    An id means a case, or its patient, or another time point of the same patient (``BraTS-GLI-00001-002`` of the
    patient ``BraTS-GLI-00001``); capital and small letters are the same.

    >>> cases = [Case("A-1-000", {}, 0, patient="A-1"), Case("A-2-000", {}, 0, patient="A-2"), Case("b", {}, 0)]
    >>> sorted(patients_named(["a-1-003", "B"], cases))
    ['A-1', 'b']
    """
    named = {id_.lower() for id_ in ids}
    before_a_dash = {start for id_ in named for start in _before_a_dash(id_)}
    return {
        case.patient
        for case in cases
        if {case.id.lower(), case.patient.lower()} & named or case.patient.lower() in before_a_dash
    }


def strangers(ids: Iterable[str], cases: Sequence[Case]) -> list[str]:
    """Return the ids that belong to no patient among the cases, by the same rule, in their order.

    >>> strangers(["a-1-003", "B", "c"], [Case("A-1-000", {}, 0, patient="A-1"), Case("b", {}, 0)])
    ['c']
    """
    patients = {case.patient.lower() for case in cases}
    known = patients | {case.id.lower() for case in cases}
    return [id_ for id_ in ids if id_.lower() not in known and patients.isdisjoint(_before_a_dash(id_.lower()))]


def _before_a_dash(id_: str) -> list[str]:
    return [id_[:place] for place, sign in enumerate(id_) if sign == "-"]
