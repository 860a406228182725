"""Partial synthesis: which images of an imported set are the patients' own, as declared and as compared."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from synthtrust.cases import Cohort
from synthtrust.cases.checks.own_images import OwnImage, own_images
from synthtrust.generators.importer import Importer
from synthtrust.refusals import CaseError, Refusal

log = logging.getLogger(__name__)

BY_CONSTRUCTION = 0.5
"""Share of the cases from which a modality counts as the patients' own by construction: no generator copies so many."""


def check_patients_own(importer: Importer, cohort: Cohort, folder: Path | None = None) -> dict[str, Any]:
    """Compare every image of an imported set with the real ones, and refuse what is the patients' own undeclared.

    A few images that are a patient's own are copies, which a warning names and the privacy audit finds. A modality that
    is the patients' own in half of the cases is no synthesis, and has to be declared.

    Args:
        importer: The importer, which has found its cases.
        cohort: The real cases.
        folder: Where it is remembered what was read.

    Returns:
        Plain JSON values for the manifest: ``declared`` modalities, and ``images`` that are patients' own, a number for
        each modality that has some.

    Raises:
        CaseError: If a modality is the patients' own in most cases, and not declared.
        Refusal: If a declared modality is none of the real cases.
    """
    declared = importer.declared_own
    if unknown := sorted(set(declared) - set(cohort.modalities)):
        raise Refusal(
            f"Expected generator.patients_own among the modalities {list(cohort.modalities)}, but got {unknown}."
        )
    cases = importer.source_cases()
    shared = own_images(cases, cohort.cases, cohort.modalities, folder)
    counts = Counter(image.modality for image in shared)
    undeclared = [image for image in shared if image.modality not in declared]
    if by_construction := [m for m in counts if m not in declared and counts[m] >= BY_CONSTRUCTION * len(cases)]:
        raise CaseError(
            f"Expected synthetic images, but {_listed(undeclared)}. If the set paints other modalities beside these, "
            f"declare them with generator.patients_own=[{','.join([*declared, *by_construction])}], and the verdict on "
            "privacy says that they are disclosed."
        )
    if undeclared:
        log.warning("Copies of real cases are in the set: %s.", _listed(undeclared))
    return {"declared": list(declared), "images": dict(counts)}


def _listed(images: list[OwnImage]) -> str:
    counts = Counter(image.modality for image in images)
    first = images[0]
    numbers = ", ".join(f"{n} of {modality}" for modality, n in counts.items())
    return (
        f"{len(images)} are images of real cases, voxel by voxel ({numbers}), first {first.modality} of "
        f"{first.synthetic}, which is that of {first.real}"
    )
