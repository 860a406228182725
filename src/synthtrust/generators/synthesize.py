"""From a generator to a case set on disk: found when the same recipe painted it before, painted when not."""

import hashlib
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from rich.progress import track

from synthtrust.cases import Case, CaseError, Cohort, Source, load_manifest, read_manifest, write_manifest
from synthtrust.cases.case import read_header
from synthtrust.cases.manifest import NAME
from synthtrust.files import fingerprint, sha256_of
from synthtrust.generators.base import Generator

log = logging.getLogger(__name__)


def synthesize(
    generator: Generator, cohort: Cohort, train: Sequence[Case], paint: Sequence[Case], root: str | Path
) -> Cohort:
    """Paint a twin of every case in ``paint`` with a generator that is fitted on ``train``, or find the twins.

    The twins lie in ``root/<Generator>-<fingerprint of the recipe>``: the same recipe is never painted twice, and two
    recipes never share a folder. The recipe is the generator's class and hyper-parameters, the content of its training
    cases, and the labels to paint on. A set that a killed process left half-painted is completed; when two processes
    ask at once, one paints and the other waits.

    Args:
        generator: Not fitted yet.
        cohort: Where the cases come from: modalities, labels and licence of the set.
        train: The only cases the generator may learn from.
        paint: The cases whose labels are painted on. Of these only the labels are read.
        root: Folder of all synthetic sets.

    Raises:
        CaseError: If the generator paints other modalities than the cohort has, another grid than the label's, values
            that are not finite, or one constant value. What was painted before stays.
    """
    recipe = recipe_of(generator, train, paint)
    folder = Path(root) / f"{type(generator).__qualname__}-{fingerprint(recipe)}"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    if not (folder / NAME).exists():
        with lock:
            if not (folder / NAME).exists():  # while waiting, another process may have painted it
                _paint_all(generator, cohort, train, paint, folder, recipe)
    log.info("Twins: %s", folder)
    return read_manifest(folder)


def recipe_of(generator: Generator, train: Sequence[Case], paint: Sequence[Case]) -> dict[str, Any]:
    """Return all that decides what a synthetic set will hold, as plain JSON values."""
    kind = type(generator)
    with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter's lock
        contents = list(pool.map(_content, train))
        labels = list(pool.map(lambda case: sha256_of(case.label), paint))
    return {
        "generator": f"{kind.__module__}.{kind.__qualname__}",
        "version": _version_of(kind),
        "parameters": asdict(generator),
        "train": dict(zip([case.id for case in train], contents, strict=True)),
        "labels": dict(zip([case.id for case in paint], labels, strict=True)),
    }


def training_ids(folder: str | Path) -> list[str] | None:
    """Return the ids of the cases a set's generator saw; None when they are unknown."""
    ids: list[str] | None = load_manifest(Path(folder)).get("training_ids")
    return ids


def _version_of(kind: type) -> str:
    """The version of the package that a generator comes from: another version may paint otherwise."""
    package = kind.__module__.partition(".")[0]
    return ", ".join(f"{name} {version(name)}" for name in packages_distributions().get(package, [])) or "unknown"


def _content(case: Case) -> str:
    hashes = {role: sha256_of(path) for role, path in case.files.items()}
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    return fingerprint([hashes, dict(case.channels), relabel])


def _paint_all(
    generator: Generator, cohort: Cohort, train: Sequence[Case], paint: Sequence[Case], folder: Path, recipe: dict
) -> None:
    left = [case for case in paint if not (folder / case.id).exists()]
    if left:
        log.info("Fitting %s on %d cases", type(generator).__qualname__, len(train))
        generator.fit(train)
    for case in track(left, description=f"Painting {len(left)} twins", transient=True):
        _paint(generator, cohort.modalities, case, folder)
    twins = tuple(_twin(case, folder, cohort.modalities) for case in paint)
    write_manifest(
        folder,
        Cohort(f"{cohort.name}, painted by {type(generator).__qualname__}", twins, cohort.modalities, cohort.labels,
               cohort.licence),
        made_by=recipe,
        training_ids=sorted(case.id for case in train),
        mask_disclosure=True,  # every twin carries the unedited label map of a real patient
    )  # fmt: skip


def _paint(generator: Generator, modalities: Sequence[str], case: Case, folder: Path) -> None:
    """Paint one twin aside, and move it to its place when it is whole."""
    label = case.load_label()
    images = generator.sample(label.copy(), _rng_of(generator.seed, case.id))
    _check(images, modalities, label.shape, case.id)
    aside = folder / f".{os.getpid()}.{case.id}"
    aside.mkdir(parents=True)
    try:
        _, affine = read_header(case.label)
        for modality in modalities:
            nib.save(nib.Nifti1Image(images[modality].astype(np.float32), affine), aside / f"{modality}.nii.gz")
        nib.save(nib.Nifti1Image(label, affine), aside / "label.nii.gz")
        aside.rename(folder / case.id)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _rng_of(seed: int, case_id: str) -> np.random.Generator:
    """A twin's randomness depends on the seed and on its own id: not on the order, and not on who else is painted."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:8])])


def _check(images: Mapping[str, NDArray], modalities: Sequence[str], shape: tuple[int, ...], case_id: str) -> None:
    if set(images) != set(modalities):
        raise CaseError(
            f"Expected {sorted(modalities)} for case {case_id}, but the generator painted {sorted(images)}."
        )
    for modality, image in images.items():
        what = f"but the generator painted {{}} in {modality} of case {case_id}."
        if image.shape != shape:
            raise CaseError(f"Expected the label's grid {shape}, " + what.format(image.shape))
        if not np.isfinite(image).all():
            raise CaseError("Expected finite intensities, " + what.format("NaN or infinity"))
        if image.min() == image.max():
            raise CaseError("Expected an image, " + what.format(f"{image.min()} everywhere"))


def _twin(case: Case, folder: Path, modalities: Sequence[str]) -> Case:
    home = folder / case.id
    images = {modality: home / f"{modality}.nii.gz" for modality in modalities}
    return Case(case.id, images, home / "label.nii.gz", Source.SYNTHETIC, case.patient)
