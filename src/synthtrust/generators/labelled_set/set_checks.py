"""What is asked of the volumes of a received set before it is imported: its regions, and how they lie."""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from synthtrust.cases import Case, CaseError, Cohort
from synthtrust.cases.checks.orientation import LabelledVolume, OrientationFinding, compare_orientation, exchanged

log = logging.getLogger(__name__)

LOOKED_AT = 16
"""Cases on each side, evenly spread, whose orientation is compared."""

SUBJECTS = {
    "images": "images",
    "label maps": "label maps",
    "contrast": "images, against their label maps,",
}
"""Subject of a finding -> how it is called in a sentence."""


def check_regions(cases: Sequence[Case], labels: Mapping[str, int], where: str) -> None:
    """Refuse a set without any label, and warn of a region that no case of it has.

    Label maps are read until each region was seen, which one case often is enough for.

    Args:
        cases: The cases of the set, in the labels of the real ones.
        labels: Label name -> value.
        where: The set, for messages.

    Raises:
        CaseError: If no case has a labelled voxel.
    """
    missing = dict(labels)
    for case in cases:
        present = set(np.unique(case.load_label()).tolist())
        missing = {name: value for name, value in missing.items() if value not in present}
        if not missing:
            return
    if len(missing) == len(labels):
        raise CaseError(
            f"Expected a labelled region in the label maps of {where}, but all {len(cases)} are background alone, "
            f"first {cases[0].label_map}. Name the values in generator.label_values, or write them anew."
        )
    log.warning("No case of %s has the region %s, which real cases have: a network cannot learn it from them.",
                where, ", ".join(missing))  # fmt: skip


def check_orientation(
    cases: Sequence[Case],
    cohort: Cohort,
    volume_of: Callable[[Case], LabelledVolume],
    where: str,
) -> dict[str, str]:
    """Refuse a set whose volumes are plainly mirrored or turned against real ones, and warn of one that is unlike them.

    Args:
        cases: The cases of the set.
        cohort: The real cases.
        volume_of: Reads a case of the set, as it is imported.
        where: The set, for messages.

    Returns:
        Remarks for the manifest, by code.

    Raises:
        CaseError: If images, label maps, or images against their label maps are turned.
    """
    labelled = cohort.task == "segmentation"
    real = [
        LabelledVolume(
            {name: case.load_image(name) for name in cohort.modalities}, case.load_label() if labelled else None
        )
        for case in _spread(cohort.cases)
    ]
    chosen = _spread(cases)
    findings = compare_orientation(
        real, [volume_of(case) for case in chosen], list(cohort.labels.values()) if labelled else []
    )
    if turned := [finding for finding in findings if finding.is_turned]:
        raise CaseError(_refusal(turned, chosen, where))
    remarks = {f"unlike_{finding.subject.replace(' ', '_')}": _warning(finding, chosen, where)
               for finding in findings if finding.is_unlike}  # fmt: skip
    for remark in remarks.values():
        log.warning(remark)
    return remarks


def _spread(cases: Sequence[Case]) -> list[Case]:
    places = np.unique(np.linspace(0, len(cases) - 1, min(LOOKED_AT, len(cases))).round().astype(int))
    return [cases[place] for place in places]


def _refusal(turned: Sequence[OrientationFinding], chosen: Sequence[Case], where: str) -> str:
    plainest = max(turned, key=lambda finding: finding.turned - finding.in_place)
    first = next(iter(chosen[0].images.values()))
    codes = {finding.subject: finding.taken_as for finding in turned}
    whole = codes.get("images") is not None and codes.get("images") == codes.get("label maps")
    subject = "images and label maps" if whole else SUBJECTS[plainest.subject]
    return (
        f"Expected a set that lies as real cases do, but the {subject} of {where} ({len(chosen)} looked at, first "
        f"{first}) are like theirs with {exchanged(plainest.taken_as)} ({plainest.taken_as}), not as they are: "
        f"{-plainest.in_place:.1f} standard deviations of real cases away as they are, {max(-plainest.turned, 0):.1f} "
        "so. Turn the arrays or repair their affines; generator.check_orientation=false imports them as they are."
    )


def _warning(finding: OrientationFinding, chosen: Sequence[Case], where: str) -> str:
    subject = SUBJECTS[finding.subject]
    return (
        f"The {subject} of {where} ({len(chosen)} looked at) lie {-finding.in_place:.1f} standard deviations of real "
        "cases away from these, in no orientation as real ones do. Look at field of view, background and orientation."
    )
