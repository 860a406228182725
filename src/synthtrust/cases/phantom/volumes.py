"""The phantom cohort: procedural brains with tumours, made in seconds, for everybody without data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.case import Case
from synthtrust.cases.cohort import BRATS_LABELS, Cohort
from synthtrust.cases.manifest import write_manifest
from synthtrust.cases.phantom.painter import CONTRASTS, PHANTOM_VERSION, SMALLEST_SIDE, paint
from synthtrust.cases.readers.make_once import make_once
from synthtrust.files import aside, fingerprint
from synthtrust.progress import track
from synthtrust.refusals import Refusal

LICENCE = "Apache-2.0 (procedural, no patient)"


def phantom(
    folder: str | Path,
    n_cases: int = 24,
    shape: Sequence[int] = (48, 56, 44),
    spacing: Sequence[float] = (3.2, 3.0, 3.4),
    modalities: Sequence[str] = ("flair", "t1ce", "t1", "t2"),
    seed: int = 0,
) -> Cohort:
    """Make a cohort of phantoms, or find the one that the same arguments made before.

    Case i depends on ``(seed, i)`` and the grid alone: a larger cohort begins with the smaller one, and one modality
    does not depend on the others. The brain fills the field of view; the spacing scales it, and stands in the affine.

    Args:
        folder: Gets a subfolder named by the fingerprint of the recipe. A set that was cut short is completed.
        n_cases: Number of cases; each is a patient.
        shape: Voxels towards left, posterior, superior.
        spacing: Voxel sides [mm].
        modalities: Among ``CONTRASTS``, in the order of the network's channels.
        seed: The seed of the whole cohort, not negative.

    Raises:
        Refusal: If no case is asked for, the grid is not three sides of at least 16 voxels with positive spacing, a
            modality is unknown or named twice, or the seed is negative.
    """
    recipe = {
        "cases": "phantom",
        "phantom_version": PHANTOM_VERSION,
        "n_cases": int(n_cases),
        "shape": [int(side) for side in shape],
        "spacing": [float(side) for side in spacing],
        "modalities": list(modalities),
        "seed": int(seed),
    }
    _refuse(recipe)
    folder = Path(folder) / f"phantom-{fingerprint(recipe)}"
    return make_once(folder, lambda folder: _make(folder, recipe))


def _refuse(recipe: Mapping[str, Any]) -> None:
    if recipe["n_cases"] < 1:
        raise Refusal(f"Expected at least one case, but got n_cases={recipe['n_cases']}.")
    if len(recipe["shape"]) != 3 or min(recipe["shape"]) < SMALLEST_SIDE:
        raise Refusal(f"Expected three sides of at least {SMALLEST_SIDE} voxels, but got shape {recipe['shape']}.")
    if len(recipe["spacing"]) != 3 or not min(recipe["spacing"]) > 0:
        raise Refusal(f"Expected three positive voxel sides [mm], but got spacing {recipe['spacing']}.")
    names = recipe["modalities"]
    if not names or len(set(names)) < len(names) or not set(names) <= set(CONTRASTS):
        raise Refusal(f"Expected modalities among {list(CONTRASTS)}, each once, but got {names}.")
    if recipe["seed"] < 0:
        raise Refusal(f"Expected a seed of at least 0, but got {recipe['seed']}.")


def _make(folder: Path, recipe: Mapping[str, Any]) -> Cohort:
    cases = [_case(folder, f"phantom_{index:03d}", recipe["modalities"]) for index in range(recipe["n_cases"])]
    missing = [(i, case) for i, case in enumerate(cases) if not all(path.exists() for path in case.files.values())]
    for index, case in track(missing, "Painting phantoms", disable=len(missing) < 8):
        label, _, images = paint(recipe["seed"], index, tuple(recipe["shape"]))
        for modality, path in case.images.items():
            _save(path, images[modality], recipe["spacing"])
        _save(case.require_label_map(), label, recipe["spacing"])
    cohort = Cohort("phantom", tuple(cases), tuple(recipe["modalities"]), BRATS_LABELS, LICENCE)
    write_manifest(folder, cohort, made_by=recipe)
    return cohort


def _case(folder: Path, name: str, modalities: Sequence[str]) -> Case:
    images = {modality: folder / name / f"{name}_{modality}.nii.gz" for modality in modalities}
    return Case(id=name, images=images, label_map=folder / name / f"{name}_seg.nii.gz")


def _save(path: Path, volume: NDArray, spacing: Sequence[float]) -> None:
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])  # signs and origin as in SRI24, where BraTS lies
    affine[1, 3] = (volume.shape[1] - 1) * spacing[1]
    with aside(path) as temporary:
        nib.save(nib.Nifti1Image(volume, affine), temporary)
