"""Image set: imports synthetic images without labels, to be audited as they are, or to be labelled by a trained run."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort
from synthtrust.cases.checks.orientation import LabelledVolume
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.readers.unlabelled import read_unlabelled
from synthtrust.generators.importer import ImportedTwin
from synthtrust.generators.labelled_set.own_case_set import OwnCaseSet, in_options_of_importer
from synthtrust.generators.labelled_set.set_checks import check_orientation
from synthtrust.generators.labeller import Labeller
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Images that are classified together."""


@dataclass
class ImageSet(OwnCaseSet):
    """Imports synthetic volumes or plane images that have no labels: as many as there are, with ids of their own.

    Volumes are brought to the voxel size of the real cases, and keep their own field of view. With ``label_with`` they
    get label maps or classes, and are then as any labelled set.
    """

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "patterns", "train_ids", "label_with", "patients_own"})

    patterns: dict[str, str] | None = None
    """Modality -> how its files are named, see ``read_brats``; if not given, every image counts, or of several
    modalities those that are named as BraTS names them."""
    label_with: str | None = None
    """Folder of a finished run that labels the images: a segmenter, or a classifier where real cases have classes, that
    learned from real cases alone."""

    def label_by(self, labeller: Labeller) -> None:
        """Have images labelled, by the run that ``label_with`` names."""
        self.labeller_ = labeller

    @property
    def labelled_by(self) -> Mapping[str, Any]:
        """The run that labels the images; nothing where none does."""
        if self.label_with is None:
            return {}
        if not hasattr(self, "labeller_"):
            raise Refusal(
                f"Expected label_by to be called with the run {self.label_with} first, but it was not. Use "
                "synthtrust.runs.label_by_run."
            )
        return self.labeller_.facts

    def own_cases(self, cohort: Cohort) -> tuple[Case, ...]:
        """Return the images of the set, as cases without labels, or with the classes that ``label_with`` gives them.

        Raises:
            CaseError: If there are none of the kind that real ones are of, one cannot be used, or a parent is none of
                the real cases.
        """
        volumes = not is_raster(cohort.cases[0].images[cohort.modalities[0]])
        if self.label_with is not None and cohort.task == "multilabel":
            raise CaseError(
                "Expected real cases with label maps or classes beside generator.label_with, but those of "
                f"{cohort.name} have findings. Leave it out: privacy and fidelity are audited without labels."
            )
        patterns = None if self.patterns is None else dict(self.patterns)
        try:
            own = read_unlabelled(self.root, cohort.modalities, patterns, volumes=volumes)
        except Refusal as error:  # options of a reader are options of this importer
            raise CaseError(in_options_of_importer(str(error))) from error
        if own.refused:
            first = own.refused[0]
            raise CaseError(
                f"Expected a set whose images can be used, but {len(own.refused)} of {self.root} cannot, first "
                f"{first.where}: {first.why} Repair or remove them."
            )
        for passed in own.passed_over:
            log.info("Passed over %d files of %s: %s.", len(passed.files), self.root, passed.why)
        if volumes:
            self.prepare_as(cohort)
        children = self.with_patients(own.cases, cohort)
        needs_classes = bool(self.labelled_by) and cohort.task == "classification"
        return tuple(self._classified(children, cohort) if needs_classes else children)

    def _classified(self, cases: Sequence[Case], cohort: Cohort) -> list[Case]:
        """Return cases with the classes that the labelling run tells, and warn of a class that no image has."""
        classified = []
        for first in range(0, len(cases), AT_ONCE):
            chunk = cases[first : first + AT_ONCE]
            told = self.labeller_.classes([self._prepared(case, cohort.modalities).images for case in chunk])
            classified += [replace(case, class_index=value) for case, value in zip(chunk, told, strict=True)]
        counts = Counter(case.class_index for case in classified)
        if missing := [name for name, value in cohort.labels.items() if not counts[value]]:
            log.warning("%s takes no image of %s for class %s.", self.label_with, self.root, ", ".join(missing))
        return classified

    def check(self, cases: Sequence[Case], cohort: Cohort) -> dict[str, str]:
        """Look at the orientation of volumes.

        Raises:
            CaseError: If they are plainly mirrored or turned against the real cases.
        """
        if not self.check_orientation or is_raster(cases[0].images[cohort.modalities[0]]):
            return {}
        return check_orientation(cases, cohort, lambda case: self._volume(case, cohort), self.root)

    def _volume(self, case: Case, cohort: Cohort) -> LabelledVolume:
        return LabelledVolume(self._prepared(case, cohort.modalities).images, None)

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read an image of the set; a volume with its background repaired, in the voxel size of the real cases.

        Raises:
            CaseError: If a file cannot be used, or the background is not clear.
        """
        notes = {"files": {name: path.relative_to(self.root).as_posix() for name, path in case.images.items()}}
        prepared = self._prepared(case, modalities)
        label: NDArray[np.uint8] | int | None = case.class_index
        if self.label_with is not None and label is None:
            label = self.labeller_.label_map(prepared.images)
        return replace(prepared, label=label, notes={"mask_edit": False, **notes, **prepared.notes})

    def _prepared(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read an image as it is imported, without a label."""
        images: dict[str, NDArray[np.floating]] = {name: case.load_image(name) for name in modalities}
        first = case.images[modalities[0]]
        if is_raster(first):
            return ImportedTwin(None, images, {})
        unlabelled = np.zeros(images[modalities[0]].shape, np.uint8)
        prepared = self.preparation_.prepared(case, images, unlabelled, read_header(first)[1], self.root)
        return replace(prepared, label=None)
