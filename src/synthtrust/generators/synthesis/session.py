"""A session: one process's share of the work on a synthetic set, beside other processes at the same set."""

import hashlib
import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from lightning.pytorch.utilities import rank_zero_only
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort, Findings, load_manifest, write_manifest
from synthtrust.cases.manifest import NAME
from synthtrust.files import fingerprint, remove_leftovers, sha256_of
from synthtrust.generators.base import Generator
from synthtrust.generators.case_facts import CaseFacts
from synthtrust.generators.importer import Importer
from synthtrust.generators.synthesis.card import made_on, write_card
from synthtrust.generators.synthesis.checks import beside_own, check_painting, digest_of, repeated
from synthtrust.generators.synthesis.croissant import write_croissant
from synthtrust.generators.synthesis.locks import try_lock
from synthtrust.generators.synthesis.overlap import training_ids_of
from synthtrust.generators.synthesis.progress import receive_progress
from synthtrust.generators.synthesis.recipe import training_of
from synthtrust.generators.synthesis.storage import TwinStorage
from synthtrust.progress import moved, stage
from synthtrust.stages import Stage

log = logging.getLogger(__name__)

FIT = ".fit"
"""Folder beside the twins in which the generator keeps its checkpoints, or end of the name of one beside the sets that
its training paints; it is no part of a set."""


@dataclass
class Session:
    """One process's work on a set; any number of processes may work on the same set, and all end when it is complete.

    The arguments are those of ``synthesize``, and the folder and recipe of the set.
    """

    generator: Generator | Importer
    cohort: Cohort
    train: Sequence[Case]
    paint: Sequence[Case]
    folder: Path
    recipe: Mapping[str, Any]
    loggers: Sequence[Any]
    paired: bool = True
    """Whether each case is the twin of a real one; otherwise ``paint`` are the set's own cases."""
    patients_own: Mapping[str, Any] = field(default_factory=dict)
    """Which images of the set are the patients' own, see ``check_patients_own`` and ``own_by_reading``."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What readers of the manifest should know of an imported set, see `Importer.check`."""

    def __post_init__(self) -> None:
        self.start = time.monotonic()
        self.by = "imported" if isinstance(self.generator, Importer) else "painted"
        self.storage = TwinStorage.of(
            self.folder,
            self.cohort.modalities,
            self.train,
            painted=self.by == "painted",
            labels_all=bool(self.recipe.get("labelled_by")) and self.cohort.task == "segmentation",
        )
        self.lock = FileLock(self.folder.with_name(f".{self.folder.name}.lock"))
        self.scratch = self.folder.with_name(f".{self.folder.name}.painting")  # locks, and unfinished twins

    def finish(self) -> None:
        """Paint the missing twins that no other process paints, wait for the others, and see the manifest written."""
        left = self._missing(self.paint)
        if left:
            if isinstance(self.generator, Generator):
                self._fit(self.generator)
            self._paint_with_others(len(left))
        with self.lock:
            remove_leftovers(self.folder)
            if not (self.folder / NAME).exists():
                precision = getattr(self.generator, "precision_", None) if left else None  # of what was fitted
                self._declare(made_on(len(left), time.monotonic() - self.start, precision))

    def correct(self) -> None:
        """Write the card and the manifest anew if they are to state something else now; the twins are kept."""
        with self.lock:
            record = load_manifest(self.folder)
            training_ids, patients_own = stated(record)
            now = listed_training_ids(self.generator, self.train)
            if now != training_ids:
                log.warning(
                    "The training ids of %s were %s; they are replaced by those in the config.",
                    self.folder, "unknown" if training_ids is None else f"{len(training_ids)} other ids",
                )  # fmt: skip
            if (now, self.patients_own) != (training_ids, patients_own):
                self.remarks = record.get("remarks") or {}
                self._declare(record["made_on"])

    def _missing(self, cases: Sequence[Case]) -> list[Case]:
        return [case for case in cases if not self.storage.has(case, notes=self.by == "imported")]

    def _fit(self, generator: Generator) -> None:
        ranked: Any = rank_zero_only  # a function of Lightning whose attribute is the rank of this process
        rank = ranked.rank
        if show_to := getattr(generator, "show_to", None):
            show_to(self.loggers if rank == 0 else ())  # each rank has loggers, but only the first may write
        log.info("Fitting %s on %d cases", type(generator).__qualname__, len(self.train))
        try:
            self._fit_or_find(generator)
        finally:
            ranked.rank = rank  # a Trainer inside fit sets it to 0 in every process

    def _fit_or_find(self, generator: Generator) -> None:
        if work_in := getattr(generator, "work_in", None):  # a long training goes on where it was killed
            home, lock = self._home_of_training(generator)
            work_in(home)
            with lock:  # one process trains; the fit of the others then finds the checkpoint
                if self._missing(self.paint):
                    generator.fit(self.train)
        else:
            generator.fit(self.train)

    def _home_of_training(self, generator: Generator) -> tuple[Path, FileLock]:
        """Return the folder of checkpoints and its lock: of this set, or of all sets that one training paints."""
        of_the_painting: Collection[str] = getattr(generator, "shares_training", ())
        if not of_the_painting:
            return self.folder / FIT, self.lock
        training = fingerprint(training_of(self.recipe, of_the_painting))
        home = self.folder.with_name(f".{type(generator).__qualname__}-{training}{FIT}")
        return home, FileLock(home.with_name(f"{home.name}.lock"))

    def _paint_with_others(self, n: int) -> None:
        """Paint the missing twins batch by batch, and wait at the end for batches that other processes are painting."""
        self.scratch.mkdir(exist_ok=True)
        size = self.generator.batch_size if isinstance(self.generator, Generator) else 1
        paint = sorted(self.paint, key=lambda case: case.id)  # so that all processes have the same batches
        batches = [paint[start : start + size] for start in range(0, len(paint), size)]
        with stage(f"{n} twins to be {self.by}", n) as shown, ThreadPoolExecutor() as pool:
            for wait in (False, True):
                for number, batch in enumerate(batches):
                    if not self._missing(batch):
                        continue
                    with try_lock(self.scratch / f"{number}.lock", wait=wait) as locked:
                        if locked and (missing := self._missing(batch)):
                            self._paint(missing, shown, pool)
        for path in self.scratch.glob("*.lock"):
            path.unlink(missing_ok=True)

    def _paint(self, cases: Sequence[Case], shown: Stage, pool: ThreadPoolExecutor) -> None:
        """Paint or import a batch of twins, and write their files in parallel."""
        before = shown.done
        with receive_progress(lambda share: moved(shown, before + share * len(cases))):
            twins = self._twins(cases)
        if len(twins) != len(cases):
            raise CaseError(
                f"Expected {len(cases)} paintings, but the generator gave {len(twins)} for the cases "
                f"{', '.join(case.id for case in cases)}."
            )
        for case, twin in zip(cases, twins, strict=True):
            shape = twin.label.shape if isinstance(twin.label, np.ndarray) else None
            check_painting(twin.images, self.cohort.modalities, shape, case.id, self.storage.axes)
        for _ in (pool.map if len(cases) > 1 else map)(self._write, cases, twins):
            pass
        moved(shown, before + len(cases))

    def _twins(self, cases: Sequence[Case]) -> list["_Twin"]:
        if isinstance(self.generator, Importer):
            loaded = [self.generator.load(case, self.cohort.modalities) for case in cases]
            return [_Twin(i.label, i.images, {**i.notes, "voxels": digest_of(i.images)}, i.affine) for i in loaded]
        labels = [case.load_label() if case.has_label_map else case.target for case in cases]
        copies = [label.copy() if isinstance(label, np.ndarray) else label for label in labels]
        facts = [self._facts(case, label) for case, label in zip(cases, copies, strict=True)]
        own = [{name: image.copy() for name, image in fact.images.items()} for fact in facts]
        rngs = [_rng_of(self.generator.seed, case.id) for case in cases]
        case_ids = ", ".join(case.id for case in cases)
        try:
            painted = self.generator.sample_cases(facts, rngs)
        except Exception as error:
            error.add_note(f"While {type(self.generator).__qualname__} painted {case_ids}.")
            raise
        if not isinstance(painted, Sequence):
            raise CaseError(
                f"Expected a list of paintings, but the generator gave {type(painted).__name__} for the cases "
                f"{case_ids}."
            )
        return [
            _Twin(label, beside_own(images, of_case, case.id) if of_case else images)
            for case, label, images, of_case in zip(cases, labels, painted, own)
        ]

    def _facts(self, case: Case, label: Any) -> CaseFacts:
        names = () if case.has_label_map else self.cohort.names_of(case)
        reads = () if isinstance(self.generator, Importer) else self.generator.reads_modalities
        return CaseFacts.of(case, label, self.cohort.modalities, names, reads)

    def _write(self, case: Case, twin: "_Twin") -> None:
        if twin.notes is not None:  # only imported images can be in other units
            for name, image in twin.images.items():
                self.storage.check_units(image, twin.notes.get("files", {}).get(name, f"{name} of case {case.id}"))
        images = {name: self.storage.as_written(name, image) for name, image in twin.images.items()}
        for modality, image in images.items():
            if not np.isfinite(image).all():
                raise CaseError(
                    f"Expected intensities that fit {image.dtype}, but the generator painted larger ones in {modality} "
                    f"of case {case.id}."
                )
            if image.min() == image.max():
                raise CaseError(
                    f"Expected an image, but the generator painted {image.min()} everywhere in {modality} of case "
                    f"{case.id}."
                )
        self.storage.put(case, images, twin.label, twin.notes, self.scratch, twin.affine)

    def _declare(self, made: Mapping[str, Any]) -> None:
        """Write the card, the manifest, which makes the set finished, and what catalogues read of it."""
        twins = tuple(self.storage.twin(case) for case in self.paint)
        if self.by == "painted" and self.patients_own:  # wherever the set goes, its cases follow their patients
            twins = tuple(replace(twin, parent=twin.id) for twin in twins)
        notes: dict[str, dict[str, Any]] = {}
        if self.by == "imported":
            notes = {case.id: json.loads(self.storage.notes(case.id).read_text()) for case in self.paint}
        edited = [case_id for case_id, note in notes.items() if note["mask_edit"]] if self.paired else []
        facts = {
            "paired": self.paired,
            "training_ids": listed_training_ids(self.generator, self.train),
            **({"patients_own": self.patients_own} if self.by == "imported" or self.patients_own else {}),
            "mask_edit": edited,  # ids of twins whose label map differs from that of their real case
            # an unedited label map discloses the anatomy of a real patient; a class or finding does not
            "mask_disclosure": self.paired and self.cohort.task == "segmentation" and len(edited) < len(self.paint),
            "made_on": made,
            **({"labelled_by": self.recipe["labelled_by"]} if "labelled_by" in self.recipe else {}),
            # how many real cases label maps were edited from, where they were
            **({"label_maps": made_from} if (made_from := getattr(self.generator, "label_maps_", None)) else {}),
            "remarks": self.remarks or getattr(self.generator, "remarks", {}),
            **({} if self.paired else {"repeated": repeated(notes, self.folder.name)}),
            "not_of_the_set": [FIT] if (self.folder / FIT).exists() else [],
            **({"imported": notes} if notes else {}),
        }
        known = [getattr(self.generator, name, "") for name in ("licence", "licence_")]
        licence = next((text for text in known if text not in ("", "unknown")), self.cohort.licence)
        name = f"{self.cohort.name}, {self.by} by {type(self.generator).__qualname__}"
        labels = {} if twins[0].task == "unlabelled" else self.cohort.labels
        painted = Cohort(name, twins, self.cohort.modalities, labels, licence)
        card = write_card(self.folder, painted, self.recipe, facts)
        facts["card"] = {"file": card.name, "sha256": sha256_of(card)}
        write_manifest(self.folder, painted, made_by=self.recipe, **facts)
        write_croissant(self.folder)


def stated(record: Mapping[str, Any]) -> tuple[list[str] | None, dict[str, Any]]:
    """Return what a manifest states that a config may change: the training ids, and what is the patients' own."""
    return record.get("training_ids"), record.get("patients_own") or {}


def listed_training_ids(generator: Generator | Importer, train: Sequence[Case]) -> list[str] | None:
    """Return the training ids as the manifest lists them; None if they are unknown."""
    ids = training_ids_of(generator, train)
    return None if ids is None else list(ids)


@dataclass(frozen=True)
class _Twin:
    """A twin in memory."""

    label: NDArray[np.uint8] | int | Findings | None
    images: Mapping[str, NDArray]
    notes: Mapping[str, Any] | None = None
    affine: NDArray[np.float64] | None = None


def _rng_of(seed: int, case_id: str) -> np.random.Generator:
    """Return the random generator of a twin, which depends on the seed and its id, not on order or other twins."""
    return np.random.default_rng([seed, int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:8])])
