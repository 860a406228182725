"""The importer of a set whose cases have ids and label maps of their own."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort, Source, load_manifest
from synthtrust.cases.checks.orientation import LabelledVolume
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.cases.readers.label_values import label_called
from synthtrust.generators.importer import ImportedTwin
from synthtrust.generators.labelled_set.layouts import LAYOUTS, Layout, LayoutOptions, read_set
from synthtrust.generators.labelled_set.own_case_set import OwnCaseSet, in_options_of_importer
from synthtrust.generators.labelled_set.set_checks import check_orientation, check_regions
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)


@dataclass
class LabelledSet(OwnCaseSet):
    """Imports labelled synthetic cases that are the twins of none: as many as there are, with ids of their own.

    Labels are matched with those of the real cases by name. A case is brought to the voxel size of the real cases, and
    keeps its own field of view.
    """

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "train_ids", "patients_own"})

    layout: Layout = "auto"
    """How files are named: ``brats``; ``msd`` for a folder with a dataset.json (Decathlon, nnU-Net); ``patterns``; a
    ``table``; a set of ``synthtrust``; or ``auto`` to recognise one of these."""
    patterns: dict[str, str] | None = None
    """Modality, and ``seg`` for the label map -> how its files are named, see ``read_brats``."""
    release: str = "auto"
    """The BraTS release whose label values the files have."""
    label_values: dict[int, str] | None = None
    """Value in the label files -> name of the label, null for background; if not given, as the layout says."""
    other_labels: Literal["refuse", "background"] = "refuse"
    """What labels are that the real cases do not have: an error, or background."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_option("layout", LAYOUTS)
        self.check_option("other_labels", ("refuse", "background"))

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""
        given = super().training_ids
        if given is None and (Path(self.root) / MANIFEST).is_file():
            ids = load_manifest(Path(self.root)).get("training_ids")
            return None if ids is None else tuple(sorted(ids))
        return given

    @property
    def labelled_by(self) -> Mapping[str, Any]:
        """The run that made the label maps, if the manifest of a set of this project says so."""
        if self.layout not in ("auto", "synthtrust") or not (Path(self.root) / MANIFEST).is_file():
            return {}
        return load_manifest(Path(self.root)).get("labelled_by") or {}

    def own_cases(self, cohort: Cohort) -> tuple[Case, ...]:
        """Return the cases of the set, their labels in those of the real cases.

        Raises:
            CaseError: If the set cannot be read, a case of it cannot be used, no label of it is one of the real cases,
                or a parent is none of them.
        """
        if any(not case.has_label_map for case in cohort.cases):
            raise CaseError(
                "Expected real cases with label maps, but these have classes. Import images of classes with "
                "generator=class_folder or generator=class_table."
            )
        patterns = None if self.patterns is None else dict(self.patterns)
        options = LayoutOptions(Path(self.root), self.layout, patterns, self.release, self.label_values)
        try:
            own = read_set(options, cohort.modalities, cohort.labels)
        except Refusal as error:  # options of a reader are options of this importer
            raise CaseError(in_options_of_importer(str(error))) from error
        if own.refused:
            first = own.refused[0]
            why = in_options_of_importer(first.why)
            raise CaseError(
                f"Expected a set whose cases can be used, but {len(own.refused)} of {self.root} cannot, first "
                f"{first.where}: {why} Repair or remove them."
            )
        if not own.cases:
            raise CaseError(
                f"Expected synthetic cases in {self.root}, but found none. Add some, or set generator.root "
                "to where they lie."
            )
        meaning = self._meaning(own, cohort)
        self.prepare_as(cohort)
        self.licence_ = own.licence
        if (Path(self.root) / MANIFEST).is_file():
            self.label_maps_ = load_manifest(Path(self.root)).get("label_maps")
        return tuple(_own_case(case, meaning) for case in self.with_patients(own.cases, cohort))

    def check(self, cases: Sequence[Case], cohort: Cohort) -> dict[str, str]:
        """Look at regions and orientation of the set.

        Raises:
            CaseError: If no case has a label, or the set is plainly mirrored or turned against the real cases.
        """
        check_regions(cases, cohort.labels, self.root)
        if not self.check_orientation:
            return {}
        return check_orientation(cases, cohort, lambda case: self._volume(case, cohort), self.root)

    def _volume(self, case: Case, cohort: Cohort) -> LabelledVolume:
        twin = self.load(case, cohort.modalities)
        return LabelledVolume(twin.images, np.asarray(twin.label))

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read a case of the set, repair its background, and bring it to the voxel size of the real cases.

        Raises:
            CaseError: If a file cannot be used, or the background is not clear.
        """
        images: dict[str, NDArray[np.floating]] = {name: case.load_image(name) for name in modalities}
        affine = read_header(case.require_label_map())[1]
        prepared = self.preparation_.prepared(case, images, case.load_label(), affine, self.root)
        files = {role: _below(path, self.root) for role, path in case.files.items()}
        # the label map is that of no real case, as far as this set says
        return replace(prepared, notes={"files": files, "mask_edit": True, **prepared.notes})

    def _meaning(self, own: Cohort, cohort: Cohort) -> dict[int, int]:
        """Return canonical value of the set -> value of the real cases; 0 for labels that these lack.

        Raises:
            CaseError: If no label, or not every label, is one of the real cases.
        """
        by_name = {label_called(name).lower(): value for name, value in cohort.labels.items()}
        meaning = {value: by_name.get(label_called(name).lower(), 0) for name, value in own.labels.items()}
        others = [name for name, value in own.labels.items() if not meaning[value]]
        if len(others) == len(own.labels) or (others and self.other_labels == "refuse"):
            cure = "Name the values in generator.label_values"
            ignored = "" if len(others) == len(own.labels) else ", or say generator.other_labels=background"
            raise CaseError(
                f"Expected labels among {list(cohort.labels)}, as the real cases have, but {self.root} has "
                f"{others}. {cure}{ignored}."
            )
        if missing := [name for name, value in cohort.labels.items() if value not in meaning.values()]:
            log.warning("The set at %s has no label %s, which real cases have.", self.root, ", ".join(missing))
        return {0: 0} | meaning


def _own_case(case: Case, meaning: Mapping[int, int]) -> Case:
    """Return a case in the labels of the real cases."""
    relabel = {value: value for value in meaning} if case.relabel is None else case.relabel
    relabel = {value: meaning[label] for value, label in relabel.items()}
    return replace(case, source=Source.SYNTHETIC, relabel=relabel, split="")


def _below(path: Path, root: str) -> str:
    """Return a path relative to the root of the set, or its name if a table names a file elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
