"""Which patients of a cohort a list of ids names."""

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
    before_a_dash = {id_[:place] for id_ in named for place, sign in enumerate(id_) if sign == "-"}
    return {
        case.patient
        for case in cases
        if {case.id.lower(), case.patient.lower()} & named or case.patient.lower() in before_a_dash
    }
