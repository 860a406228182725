"""The parents of synthetic cases: the real cases that they were made from, whose patient they belong to."""

import re
from collections.abc import Iterable, Mapping

from synthtrust.cases import Case, CaseError, Cohort
from synthtrust.refusals import Refusal

PARENT = "parent"
"""The group of a pattern of ids that matches the id of the parent."""


def patients_of_children(children: Iterable[Case], cohort: Cohort, where: str) -> Mapping[str, str]:
    """Return the patient of every synthetic case: that of its parent, or itself where it has none.

    Args:
        children: Synthetic cases; ``parent`` is the id of the real case that one was made from, if any, and ``donor``
            that of a second one.
        cohort: The real cases.
        where: The file or folder that names the parents, for messages.

    Raises:
        CaseError: If a parent or a donor is none of the real cases, or there is a donor without a parent.
    """
    patients = {case.id: case.patient for case in cohort.cases}
    children = list(children)
    for role in ("parent", "donor"):
        named = [(child.id, real) for child in children if (real := getattr(child, role))]
        if unknown := [(child, real) for child, real in named if real not in patients]:
            child, real = unknown[0]
            raise CaseError(
                f"Expected the {role}s in {where} among the real cases, but {real!r}, the {role} of {child}, is none "
                f"of them{f', nor are {len(unknown) - 1} more' if len(unknown) > 1 else ''}. Give ids of real cases, "
                f"or leave the {role} empty."
            )
    if alone := next((child for child in children if child.donor and not child.parent), None):
        raise CaseError(
            f"Expected a parent where {where} names a donor, but {alone.id} has the donor {alone.donor} alone. Name it "
            "as the parent."
        )
    return {child.id: patients.get(child.parent, child.id) for child in children}


def parent_of(case: Case, pattern: str | None) -> str:
    """Return the id of the parent that the id of a case names by a pattern; what the case says where there is none."""
    if pattern is None:
        return case.parent
    match = re.fullmatch(pattern, case.id)
    return "" if match is None else match[PARENT]


def check_pattern(pattern: str) -> None:
    """Refuse a pattern of ids that does not tell the parent.

    Raises:
        Refusal: If it is no regular expression, or has no group ``parent``.
    """
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise Refusal(
            f"Expected a regular expression as generator.parent_pattern, but got {pattern!r}: {error}."
        ) from error
    if PARENT not in groups:
        raise Refusal(
            f"Expected a group (?P<{PARENT}>...) in generator.parent_pattern, such as '(?P<{PARENT}>.+)_syn.*', but "
            f"got {pattern!r}."
        )
