"""The patients of a cohort that a list of ids names."""

import re
from collections.abc import Iterable, Sequence

from synthtrust.cases.case import Case
from synthtrust.cases.formats.rasters import RASTERS
from synthtrust.cases.formats.volumes import VOLUME_ENDINGS

ENDING = re.compile(rf"({'|'.join(map(re.escape, (*VOLUME_ENDINGS, *RASTERS)))})$", re.IGNORECASE)
"""The ending of an image file: ``p1.png`` as an id means ``p1``."""


def patients_named(ids: Iterable[str], cases: Sequence[Case]) -> set[str]:
    """Return the patients among the cases that any of these ids belongs to; see ``patients_by_id``.

    >>> cases = [Case(name, {}, "label", patient=name[:3]) for name in ("A-1-000", "A-2-000", "b")]
    >>> sorted(patients_named(["a-1-003", "B"], cases))
    ['A-1', 'b']
    """
    return set().union(*patients_by_id(ids, cases).values())


def patients_by_id(ids: Iterable[str], cases: Sequence[Case]) -> dict[str, set[str]]:
    """Return id -> patients of the cases that the id names, without ids that name no patient.

    An id names a case, or its patient, or another time point of the same patient (``BraTS-GLI-00001-002`` of the
    patient ``BraTS-GLI-00001``). Upper and lower case and the ending of a file do not matter.

    >>> patients_by_id(["B.png", "c"], [Case("b", {}, "label")])
    {'B.png': {'b'}}
    """
    of_case: dict[str, set[str]] = {}
    of_patient: dict[str, set[str]] = {}
    for case in cases:
        of_case.setdefault(plain_id(case.id), set()).add(case.patient)
        of_patient.setdefault(plain_id(case.patient), set()).add(case.patient)
    named = {}
    for id_ in ids:
        plain = plain_id(id_)
        before_a_dash = (plain[:index] for index, sign in enumerate(plain) if sign == "-")
        named_patients = of_case.get(plain, set()).union(
            *(of_patient.get(name, ()) for name in (plain, *before_a_dash))
        )
        if named_patients:
            named[id_] = named_patients
    return named


def plain_id(id_: str) -> str:
    """Return an id in lower case, without the ending of a file.

    >>> plain_id("P1.nii.gz")
    'p1'
    """
    return ENDING.sub("", id_).lower()
