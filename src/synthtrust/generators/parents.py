"""The parents of synthetic cases: the real cases that they were made from, whose patient they belong to."""

from collections.abc import Iterable, Mapping

from synthtrust.cases import Case, CaseError, Cohort


def patients_of_children(children: Iterable[Case], cohort: Cohort, where: str) -> Mapping[str, str]:
    """Return the patient of every synthetic case: that of its parent, or itself where it has none.

    Args:
        children: Synthetic cases; ``parent`` is the id of the real case that one was made from, if any.
        cohort: The real cases.
        where: The file or folder that names the parents, for messages.

    Raises:
        CaseError: If a parent is none of the real cases.
    """
    patients = {case.id: case.patient for case in cohort.cases}
    children = list(children)
    if unknown := [child for child in children if child.parent and child.parent not in patients]:
        first = unknown[0]
        raise CaseError(
            f"Expected the parents in {where} among the real cases, but {first.parent!r}, the parent of {first.id}, is "
            f"none of them{f', nor are {len(unknown) - 1} more' if len(unknown) > 1 else ''}. Give ids of real cases, "
            "or leave the parent empty."
        )
    return {child.id: patients.get(child.parent, child.id) for child in children}
