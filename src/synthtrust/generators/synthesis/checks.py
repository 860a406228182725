"""Checks of what was painted or imported: numbers and grids of each case, and cases that are there twice."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.refusals import CaseError

log = logging.getLogger(__name__)


def repeated(notes: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, str]:
    """Return id -> id of the first case of an imported set that it repeats, voxel by voxel; a warning names them.

    >>> repeated({"a": {"voxels": "1f"}, "b": {"voxels": "2e"}, "c": {"voxels": "1f"}}, "set")
    {'c': 'a'}
    """
    first: dict[str, str] = {}
    same = {case_id: first.setdefault(note["voxels"], case_id) for case_id, note in notes.items() if "voxels" in note}
    copies = {case_id: other for case_id, other in same.items() if case_id != other}
    if copies:
        case_id, other = next(iter(copies.items()))
        file = next(iter(notes[case_id].get("files", {}).values()), case_id)
        log.warning(
            "%d of %d cases of %s repeat another voxel by voxel, first %s (%s) the case %s: they add nothing, and "
            "intervals count them as if they did. Remove them from the set.",
            len(copies), len(notes), where, case_id, file, other,
        )  # fmt: skip
    return copies


def digest_of(images: Mapping[str, NDArray]) -> str:
    """Name the content of images, whatever their files are like."""
    sha = hashlib.sha256()
    for name in sorted(images):
        sha.update(repr((name, images[name].shape)).encode() + np.ascontiguousarray(images[name], np.float32).tobytes())
    return sha.hexdigest()


def check_painting(
    images: Mapping[str, NDArray],
    modalities: Sequence[str],
    shape: tuple[int, ...] | None,
    case_id: str,
    axes: int | None = None,
) -> None:
    """Refuse an invalid painting; for a class or findings, the first image gives the grid of the others."""
    _check_numbers(images, modalities, case_id)
    grid = images[modalities[0]].shape if shape is None else shape
    if shape is None and axes not in (None, len(grid)):
        raise CaseError(
            f"Expected an image of {axes} axes as real ones have, but the generator painted {grid} in {modalities[0]} "
            f"of case {case_id}."
        )
    for modality, image in images.items():
        problem = f"but the generator painted {{}} in {modality} of case {case_id}."
        if image.shape != grid:
            raise CaseError(f"Expected the label's grid {grid}, " + problem.format(image.shape))
        if not np.isfinite(image).all():
            raise CaseError("Expected finite intensities, " + problem.format("NaN or infinity"))


def beside_own(images: Any, own: Mapping[str, NDArray], case_id: str) -> Any:
    """Return painted images with those that the generator read beside them, as they are in the real case.

    Raises:
        CaseError: If the generator painted a modality that it declares to read.
    """
    if not isinstance(images, Mapping):  # which is refused with all that is no painting
        return images
    if both := sorted(set(images) & set(own)):
        raise CaseError(
            f"Expected no painted {both[0]} of case {case_id}, since the generator declares to read it "
            f"(reads_modalities={sorted(own)}), but got one. Paint the modalities in CaseFacts.modalities alone."
        )
    return {**images, **own}


def _check_numbers(images: Mapping[str, NDArray], modalities: Sequence[str], case_id: str) -> None:
    """Refuse a painting that does not have an array of real numbers for each modality."""
    if not isinstance(images, Mapping):
        raise CaseError(
            f"Expected images by modality for case {case_id}, but the generator gave {type(images).__name__}."
        )
    if set(images) != set(modalities):
        raise CaseError(
            f"Expected {sorted(modalities)} for case {case_id}, but the generator painted {sorted(images)}."
        )
    for modality, image in images.items():
        if not (isinstance(image, np.ndarray) and np.issubdtype(image.dtype, np.number) and np.isrealobj(image)):
            kind = f"an array of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
            raise CaseError(
                f"Expected a numpy array of real numbers, but the generator painted {kind} in {modality} of case "
                f"{case_id}."
            )
