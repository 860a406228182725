"""Images that are real cases' own: synthetic ones whose voxels are those of a patient, one by one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.case import Case
from synthtrust.cases.checks.inspection import Facts, inspect
from synthtrust.cases.cohort import RefusedCase
from synthtrust.cases.content import content_of
from synthtrust.files import writable

VERSION = 1  # of the digest of an image; to be raised with every change to it


@dataclass(frozen=True)
class OwnImage:
    """A synthetic image that is an image of a real case, voxel by voxel."""

    synthetic: str
    """Id of the synthetic case."""
    modality: str
    real: str
    """Id of the real case."""


def own_images(
    synthetic: Sequence[Case], real: Sequence[Case], modalities: Sequence[str], folder: str | Path | None = None
) -> list[OwnImage]:
    """Return every synthetic image that equals a real one of its modality in all voxels that are not 0.

    Compared are the intensities in the order of the voxels, without zeros, so that a background which was cropped or
    padded makes no difference, nor do number type, compression or header of the file. An image that was resampled,
    scaled or changed in any voxel is none: such copies are for the privacy audit to find.

    Args:
        synthetic: The synthetic cases, as they lie in their files.
        real: The real cases.
        modalities: Which images to compare; those that a case lacks are left out.
        folder: Folder in which digests are stored by the content of the files; all are read again without one.

    Returns:
        Them, in order of modality and synthetic case, each with the first real case that it equals.
    """
    of_real, of_synthetic = (_digests(cases, modalities, writable(folder)) for cases in (real, synthetic))
    real_by_digest: dict[tuple[str, str], str] = {}
    for case in sorted(real, key=lambda case: case.id):
        for modality, digest in of_real.get(case.id, {}).items():
            real_by_digest.setdefault((modality, digest), case.id)
    return [
        OwnImage(case.id, modality, real_by_digest[modality, digest])
        for modality in modalities
        for case in sorted(synthetic, key=lambda case: case.id)
        if (digest := of_synthetic.get(case.id, {}).get(modality, "")) and (modality, digest) in real_by_digest
    ]


def own_surroundings(
    synthetic: Sequence[Case], real: Sequence[Case], modalities: Sequence[str], folder: str | Path | None = None
) -> dict[str, float]:
    """Return how much of the surroundings of its labels each child has from its parent, voxel by voxel.

    A lesion that was painted into a patient's brain leaves all else as it was. Compared are the voxels of a child that
    lie outside its labels and are not 0, on the grid of its parent.

    Args:
        synthetic: The synthetic cases, as they lie in their files; those without a parent are left out.
        real: The real cases.
        modalities: Which images to compare.
        folder: Folder in which the shares are stored by the content of the files; all are read again without one.

    Returns:
        Id of each child -> share of voxels whose intensity is the parent's, in the modality with the largest; 0 for a
        child of another shape.
    """
    by_id = {case.id: case for case in real}
    children = [case for case in synthetic if case.parent in by_id]

    def read(case: Case) -> Facts:
        outside = case.load_label() == 0 if case.has_label_map else True
        return {"share": max(_share(case, by_id[case.parent], name, outside) for name in modalities)}

    shares: dict[str, float] = {}
    of_parents = {case.id: content_of(by_id[case.parent]) for case in children}
    recipe = ["own surroundings", VERSION, list(modalities), of_parents]
    for case, result in inspect(children, read, recipe, writable(folder)):
        if not isinstance(result, RefusedCase):
            shares[case.id] = result["share"]
    return shares


def _share(child: Case, parent: Case, modality: str, outside: NDArray[np.bool_] | bool) -> float:
    if modality not in child.images or modality not in parent.images:
        return 0.0
    image, original = child.load_image(modality), parent.load_image(modality)
    if image.shape != original.shape:
        return 0.0
    compared = (image != 0) & outside
    return float((image == original)[compared].mean()) if compared.any() else 0.0


def _digests(cases: Sequence[Case], modalities: Sequence[str], folder: Path | None) -> dict[str, dict[str, str]]:
    """Return the digest of each image, by case id and modality; a case that cannot be read has none."""

    def read(case: Case) -> Facts:
        return {name: _digest(case.load_image(name)) for name in modalities if name in case.images}

    results = inspect(cases, read, ["own images", VERSION, list(modalities)], folder)
    return {case.id: result for case, result in results if not isinstance(result, RefusedCase)}


def _digest(image: np.ndarray) -> str:
    """Name the intensities of an image in the order of its voxels, without zeros; empty if it has no others.

    >>> padded = np.pad(np.array([[1.0, 2.0], [3.0, 0.0]]), 1)
    >>> _digest(padded) == _digest(np.array([[1, 2], [3, 0]], np.int16)) != _digest(padded.T)
    True
    """
    values = np.ascontiguousarray(image[image != 0], dtype=np.float32)
    return hashlib.sha256(values.tobytes()).hexdigest() if values.size else ""
