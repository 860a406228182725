"""From a generator to a case set on disk: found when the same recipe painted it before, painted when not."""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, packages_distributions, version
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
from synthtrust.files import fingerprint, sha256_of, write_json
from synthtrust.generators.base import Generator
from synthtrust.generators.card import made_on, write_card
from synthtrust.generators.guards import training_ids_of
from synthtrust.generators.importer import Importer

log = logging.getLogger(__name__)

NOTES = "imported.json"
"""Beside an imported twin: where it came from and what was repaired."""


def synthesize(
    generator: Generator | Importer, cohort: Cohort, train: Sequence[Case], paint: Sequence[Case], root: str | Path
) -> Cohort:
    """Paint a twin of every case in ``paint`` with a generator that is fitted on ``train``, or find the twins.

    The twins lie in ``root/<Generator>-<fingerprint of the recipe>``: the same recipe is never painted twice, and two
    recipes never share a folder. The recipe is the generator's class and hyper-parameters, the content of its training
    cases, and the labels to paint on. A set that a killed process left half-painted is completed; when two processes
    ask at once, one paints and the other waits. A set that somebody else painted is imported in the same way: its
    recipe is the content of its files.

    Args:
        generator: Not fitted yet; or an importer, which finds twins instead of painting them.
        cohort: Where the cases come from: modalities, labels and licence of the set.
        train: The only cases the generator may learn from.
        paint: The cases whose labels are painted on. Of these only the labels are read.
        root: Folder of all synthetic sets.

    Raises:
        CaseError: If the generator paints other modalities than the cohort has, another grid than the label's, values
            that are not finite, or one constant value; or if a twin cannot be imported. What was painted before stays.
    """
    recipe = recipe_of(generator, train, paint, cohort.modalities)
    folder = Path(root) / f"{type(generator).__qualname__}-{fingerprint(recipe)}"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    if not (folder / NAME).exists():
        with lock:
            if not (folder / NAME).exists():  # while waiting, another process may have painted it
                _paint_all(generator, cohort, train, paint, folder, recipe)
    log.info("Twins: %s", folder)
    return read_manifest(folder)


def recipe_of(
    generator: Generator | Importer, train: Sequence[Case], paint: Sequence[Case], modalities: Sequence[str] = ()
) -> dict[str, Any]:
    """Return all that decides what a synthetic set will hold, as plain JSON values.

    The modalities decide what an importer looks for; a generator paints those of its training cases.
    """
    kind = type(generator)
    found = generator.find(paint, modalities) if isinstance(generator, Importer) else {}
    train = [] if isinstance(generator, Importer) else train  # it learns from nobody here
    with ThreadPoolExecutor() as pool:  # hashing leaves the interpreter's lock
        contents = list(pool.map(_content, train))
        labels = list(pool.map(lambda case: sha256_of(case.label_map), paint))
        imported = list(pool.map(lambda files: fingerprint([sha256_of(path) for path in files]), found.values()))
    return {
        "generator": f"{kind.__module__}.{kind.__qualname__}",
        "version": kind.version,
        "package": _package_of(kind),
        "parameters": asdict(generator),
        "train": dict(zip([case.id for case in train], contents, strict=True)),
        "labels": dict(zip([case.id for case in paint], labels, strict=True)),
        **({"imported": dict(zip(found, imported, strict=True))} if found else {}),
    }


def training_ids(folder: str | Path) -> list[str] | None:
    """Return the ids of the cases a set's generator saw; None when they are unknown."""
    ids: list[str] | None = load_manifest(Path(folder)).get("training_ids")
    return ids


def _package_of(kind: type) -> str:
    """The package that a generator comes from, with its version."""
    package = kind.__module__.partition(".")[0]
    names = packages_distributions().get(package, [package])  # an editable install does not list its modules
    try:
        return ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError:
        return package


def _content(case: Case) -> str:
    hashes = {role: sha256_of(path) for role, path in case.files.items()}
    relabel = None if case.relabel is None else sorted(case.relabel.items())
    return fingerprint([hashes, dict(case.channels), relabel])


def _paint_all(
    generator: Generator | Importer, cohort: Cohort, train: Sequence[Case], paint: Sequence[Case], folder: Path,
    recipe: dict,
) -> None:  # fmt: skip
    start = time.monotonic()
    kind = type(generator).__qualname__
    left = [case for case in paint if not (folder / case.id).exists()]
    if left and isinstance(generator, Generator):
        log.info("Fitting %s on %d cases", kind, len(train))
        if work_in := getattr(generator, "work_in", None):  # a training of hours goes on where it was killed
            work_in(folder / ".fit")
        generator.fit(train)
    by = "imported" if isinstance(generator, Importer) else "painted"
    for case in track(left, description=f"{len(left)} twins to be {by}", transient=True):
        _paint(generator, cohort.modalities, case, folder)
    twins = tuple(_twin(case, folder, cohort.modalities) for case in paint)
    learned_from = training_ids_of(generator, train)
    notes = {case.id: json.loads((folder / case.id / NOTES).read_text()) for case in paint} if by == "imported" else {}
    edited = [case_id for case_id, note in notes.items() if note["mask_edit"]]
    facts = {
        "training_ids": None if learned_from is None else list(learned_from),
        "mask_edit": edited,  # ids of twins whose label map is not that of their real case
        "mask_disclosure": len(edited) < len(paint),  # an unedited label map of a real patient is shown to everybody
        "made_on": made_on(len(left), time.monotonic() - start),
        "remarks": getattr(generator, "remarks", {}),
        **({"imported": notes} if notes else {}),
    }
    licence = getattr(generator, "licence", "") or cohort.licence
    painted = Cohort(f"{cohort.name}, {by} by {kind}", twins, cohort.modalities, cohort.labels, licence)
    card = write_card(folder, painted, recipe, facts)
    facts["card"] = {"file": card.name, "sha256": sha256_of(card)}
    write_manifest(folder, painted, made_by=recipe, **facts)


def _paint(generator: Generator | Importer, modalities: Sequence[str], case: Case, folder: Path) -> None:
    """Paint or import one twin aside, and move it to its place when it is whole."""
    label = case.load_label()
    notes: dict[str, Any] | None = None
    images: Mapping[str, NDArray]
    if isinstance(generator, Importer):
        found = generator.load(case, modalities)
        label, images, notes = found.label, found.images, found.notes
    else:
        images = generator.sample(label.copy(), _rng_of(generator.seed, case.id))
    _check(images, modalities, label.shape, case.id)
    aside = folder / f".{os.getpid()}.{case.id}"
    aside.mkdir(parents=True)
    try:
        _, affine = read_header(case.label_map)
        for modality in modalities:
            nib.save(nib.Nifti1Image(images[modality].astype(np.float32), affine), aside / f"{modality}.nii.gz")
        nib.save(nib.Nifti1Image(label, affine), aside / "label.nii.gz")
        if notes is not None:
            write_json(aside / NOTES, notes)
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
