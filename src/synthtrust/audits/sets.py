"""The three sets that privacy and fidelity need: what the generator saw, what it never saw, and what it painted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from synthtrust.cases import Case, Cohort, load_manifest, patients_by_id, patients_named
from synthtrust.cases.case import Task
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.manifest_record import NO_LABEL
from synthtrust.verdicts import Subject


class PaintedRun(Protocol):
    """What these audits need of a run."""

    @property
    def cohort(self) -> Cohort:
        """Its real cases."""

    @property
    def twins(self) -> Cohort:
        """Their twins."""

    def data(self) -> Mapping[str, Any]:
        """Ids of its splits, and the folder of its twins."""

    def facts(self) -> Mapping[str, Any]:
        """Return what it was made from, with the modalities and labels of its cohort."""


@dataclass(frozen=True)
class DeclaredSet:
    """What a synthetic set says about itself, without its cases and the real ones."""

    folder: Path
    """Where its manifest lies; names the set."""
    n_cases: int
    modalities: tuple[str, ...]
    """The modalities that were made, see `SyntheticSet`."""
    labels: Mapping[str, int]
    """Label, class or finding name -> value."""
    manifest: Mapping[str, Any]
    """The raw record: recipe, training ids, mask disclosure."""


@dataclass(frozen=True)
class SyntheticSet:
    """A synthetic set beside the real cases it has to be compared with, all in order of case id."""

    folder: Path
    """Where its manifest lies; names the set."""
    train: tuple[Case, ...]
    """Real cases that the generator learned from."""
    holdout: tuple[Case, ...]
    """Real cases that it never saw."""
    twins_of_train: tuple[Case, ...]
    """Synthetic cases painted on the labels of ``train``."""
    twins_of_holdout: tuple[Case, ...]
    """Synthetic cases painted on the labels of ``holdout``."""
    own_cases: tuple[Case, ...]
    """Synthetic cases with labels and ids of their own; either these are none, or the twins are."""
    scored_and_seen: tuple[str, ...]
    """Ids of the cases in ``train`` that the run was validated or tested on all the same."""
    modalities: tuple[str, ...]
    """The modalities that were made, and not those that are the patients' own; all of them if none was made."""
    labels: Mapping[str, int]
    """Label, class or finding name -> value."""
    task: Task
    """What can be learned from the synthetic cases: nothing where these have no labels."""
    missing_ids: tuple[str, ...]
    """Training ids that belong to none of the real cases."""
    manifest: Mapping[str, Any]
    """The raw record: recipe, training ids, mask disclosure."""

    @property
    def name(self) -> str:
        """The folder's name, such as ``Tissue-0f3a...``."""
        return self.folder.name

    @property
    def subject(self) -> Subject:
        """Return what verdicts on this set are about."""
        painter = self.manifest["made_by"].get("generator", "")
        return Subject(self.name, str(painter).rpartition(".")[2])

    @property
    def synthetic(self) -> tuple[Case, ...]:
        """All synthetic cases."""
        return (*self.twins_of_train, *self.twins_of_holdout, *self.own_cases)

    @property
    def n_cases(self) -> int:
        """How many synthetic cases there are."""
        return len(self.synthetic)

    @property
    def on_label_maps(self) -> bool:
        """Whether each case was painted on the label map of the real case with its id."""
        return self.task == "segmentation" and not self.own_cases

    @property
    def patients_own(self) -> tuple[str, ...]:
        """Modalities that are the patients' own images by declaration, beside painted ones."""
        return declared_own(self.manifest)

    @property
    def regions(self) -> dict[str, int]:
        """The labels to look at in label maps; none where a whole image has a class."""
        return dict(self.labels) if self.task == "segmentation" else {}

    @property
    def differs_in_size(self) -> bool:
        """Whether cases are volumes on grids of their own, as label maps have them; others are brought to one size."""
        if self.task != "unlabelled":
            return self.task == "segmentation"
        return not is_raster(self.synthetic[0].images[self.modalities[0]])

    @property
    def training_ids_known(self) -> bool:
        """Whether the manifest names the cases that the generator learned from; otherwise no case counts as unseen."""
        return bool(self.manifest.get("training_ids"))


def synthetic_sets(runs: Iterable[PaintedRun]) -> list[SyntheticSet]:
    """Return every synthetic set that the runs were trained on or scored with, once, in order of folder.

    A real case counts as seen when the manifest names it among the training ids, whatever split it is in: a generator
    that was told by ``allow_overlap`` to paint for cases that it knows has them in ``train``, not in ``holdout``. So do
    other cases of a patient of whom it saw one.
    """
    return [_read_set(folder, run) for folder, run in painted_for(runs)]


def declared_sets(runs: Iterable[PaintedRun]) -> list[DeclaredSet]:
    """Return what every synthetic set of `synthetic_sets` says about itself; no case is opened."""
    return [_declared(folder, run) for folder, run in painted_for(runs)]


def painted_for(runs: Iterable[PaintedRun]) -> list[tuple[Path, PaintedRun]]:
    """Return the folder of every set, in order, with the first run on it."""
    first = {str(run.data()["twins"]): run for run in reversed(list(runs))}
    return [(Path(folder), first[folder]) for folder in sorted(first)]


def _declared(folder: Path, run: PaintedRun) -> DeclaredSet:
    manifest, facts = load_manifest(folder), run.facts()
    cases = manifest["cases"]
    known = facts if {"modalities", "labels"} <= {*facts} else vars(run.cohort)  # older runs say neither
    return DeclaredSet(
        folder=folder,
        n_cases=len(cases),
        modalities=_made(tuple(known["modalities"]), declared_own(manifest)),
        labels={} if cases and cases[0]["label"] == NO_LABEL else known["labels"],
        manifest=manifest,
    )


def declared_own(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the modalities that are the patients' own images, as a manifest declares."""
    return tuple((manifest.get("patients_own") or {}).get("declared") or ())


def _read_set(folder: Path, run: PaintedRun) -> SyntheticSet:
    manifest = load_manifest(folder)
    splits = run.data()["splits"]
    named = {case_id for ids in splits.values() for case_id in ids}
    seen = patients_named(manifest.get("training_ids") or splits["train"], run.cohort.cases)
    real = [case for case in run.cohort.cases if case.id in named]
    ids = manifest.get("training_ids") or ()
    known = patients_by_id(ids, real)
    synthetic = run.twins.cases
    unlabelled = bool(synthetic) and synthetic[0].task == "unlabelled"
    twins, own_cases = (synthetic, ()) if manifest.get("paired", True) else ((), synthetic)
    return SyntheticSet(
        folder=folder,
        train=_select(real, lambda case: case.patient in seen),
        holdout=_select(real, lambda case: case.patient not in seen),
        twins_of_train=_select(twins, lambda case: case.patient in seen),
        twins_of_holdout=_select(twins, lambda case: case.patient not in seen),
        own_cases=own_cases,
        scored_and_seen=tuple(sorted(c.id for c in real if c.patient in seen and c.id not in splits["train"])),
        modalities=_made(run.cohort.modalities, declared_own(manifest)),
        labels={} if unlabelled else run.cohort.labels,
        task="unlabelled" if unlabelled else run.cohort.task,
        missing_ids=tuple(id_ for id_ in ids if id_ not in known),
        manifest=manifest,
    )


def _made(modalities: Sequence[str], patients_own: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in modalities if name not in patients_own) or tuple(modalities)


def _select(cases: Sequence[Case], condition: Callable[[Case], bool]) -> tuple[Case, ...]:
    return tuple(sorted(filter(condition, cases), key=lambda case: case.id))
