"""Partial synthesis: which images of a set are the patients' own, as declared, as compared, and as read."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from synthtrust.cases import Case, Cohort
from synthtrust.cases.checks.own_images import OwnImage, own_images, own_surroundings
from synthtrust.conventions import SURROUNDINGS
from synthtrust.generators.base import Generator
from synthtrust.generators.importer import Importer
from synthtrust.refusals import CaseError, Refusal

log = logging.getLogger(__name__)

BY_CONSTRUCTION = 0.5
"""Share of the cases from which a modality counts as the patients' own by construction: no generator copies so many."""


def check_patients_own(importer: Importer, cohort: Cohort, folder: Path | None = None) -> dict[str, Any]:
    """Compare every image of an imported set with the real ones, and refuse what is the patients' own undeclared.

    A few images that are a patient's own are copies, which a warning names and the privacy audit finds. A modality that
    is the patients' own in half of the cases is no synthesis, and has to be declared; and so have the surroundings of
    the labels, where half of the children have them from their parents.

    Args:
        importer: The importer, which has found its cases.
        cohort: The real cases.
        folder: Where it is remembered what was read.

    Returns:
        Plain JSON values for the manifest: ``declared`` modalities, or ``surroundings``; ``images`` that are patients'
        own, a number for each modality that has some; and ``surroundings``, the number of children that have those.

    Raises:
        CaseError: If a modality or the surroundings are the patients' own in half of the cases, and not declared.
        Refusal: If what is declared is neither.
    """
    declared = importer.declared_own
    if unknown := sorted(set(declared) - {*cohort.modalities, SURROUNDINGS}):
        raise Refusal(f"Expected generator.patients_own among {[*cohort.modalities, SURROUNDINGS]}, but got {unknown}.")
    cases = importer.source_cases()
    shared = own_images(cases, cohort.cases, cohort.modalities, folder)
    counts = Counter(image.modality for image in shared)
    undeclared = [image for image in shared if image.modality not in declared]
    if by_construction := [m for m in counts if m not in declared and counts[m] >= BY_CONSTRUCTION * len(cases)]:
        copies_alone = set(cohort.modalities) <= {*declared, *by_construction}
        case_of_use = (
            "it copies on purpose, as a control" if copies_alone else "it paints other modalities beside these"
        )
        _refuse(f"{_listed(undeclared)}. Remove them from the set; if {case_of_use}", [*declared, *by_construction])
    if undeclared:
        log.warning("Copies of real cases are in the set: %s.", _listed(undeclared))
    painted = [name for name in cohort.modalities if name not in declared]
    shares = own_surroundings(cases, cohort.cases, painted, folder)
    children = [child for child, share in shares.items() if share >= BY_CONSTRUCTION]
    if SURROUNDINGS not in declared and len(children) > BY_CONSTRUCTION * len(cases):
        parent = next(case.parent for case in cases if case.id == children[0])
        _refuse(
            f"outside their labels {len(children)} are as their parents are, voxel by voxel, first {children[0]}, made "
            f"of {parent}. If the set paints into patients' images",
            [*declared, SURROUNDINGS],
        )
    return {"declared": list(declared), "images": dict(counts), "surroundings": len(children)}


def own_by_reading(generator: Generator, cohort: Cohort, paint: Sequence[Case]) -> dict[str, Any]:
    """Return what of a set is the patients' own since its generator reads it, as ``check_patients_own`` returns it.

    Args:
        generator: A generator that paints.
        cohort: The real cases.
        paint: The cases that are painted.

    Returns:
        Nothing of a generator that reads no images.

    Raises:
        Refusal: If the generator declares to read what the cases do not have, or leaves nothing to be painted.
    """
    reads: Any = generator.reads_modalities
    if isinstance(reads, str) or (unknown := sorted(set(reads) - set(cohort.modalities))):
        raise Refusal(
            f"Expected reads_modalities of {type(generator).__qualname__} as a list of modalities among "
            f"{list(cohort.modalities)}, but got {reads if isinstance(reads, str) else unknown}."
        )
    if not reads:
        return {}
    if set(reads) == set(cohort.modalities):
        raise Refusal(
            f"Expected a modality of {list(cohort.modalities)} to paint, but {type(generator).__qualname__} reads all "
            "of them. Leave one out of reads_modalities."
        )
    declared = [name for name in cohort.modalities if name in reads]
    return {"declared": declared, "images": dict.fromkeys(declared, len(paint)), "surroundings": 0}


def _refuse(problem: str, to_declare: Sequence[str]) -> NoReturn:
    raise CaseError(
        f"Expected synthetic images, but {problem}, declare it with generator.patients_own="
        f"[{','.join(to_declare)}], and the verdict on privacy says that they are disclosed."
    )


def _listed(images: list[OwnImage]) -> str:
    counts = Counter(image.modality for image in images)
    first = images[0]
    numbers = ", ".join(f"{n} of {modality}" for modality, n in counts.items())
    return (
        f"{len(images)} are images of real cases, voxel by voxel ({numbers}), first {first.modality} of "
        f"{first.synthetic}, which is that of {first.real}"
    )
