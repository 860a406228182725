"""Sets of images with a class that were made elsewhere: what their importers share, whatever lists the images."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from synthtrust.cases import Case, CaseError, Cohort, Source
from synthtrust.generators.importer import ImportedTwin, Importer
from synthtrust.generators.parents import patients_of_children
from synthtrust.generators.synthesis.id_lists import read_ids

log = logging.getLogger(__name__)


@dataclass
class ClassSet(Importer):
    """Imports images that have a class. For a training each real case gets one of its class, drawn by ``seed``.

    Images that were made from no real case are assigned to cases at random, and taken twice only if a class has fewer
    images than cases, which a warning says. An image that was made from a real case is given to cases of that patient
    alone, so that it is in the same part of every split. The cases of a class without any image have no twin, which a
    warning says as well. An audit without training takes each image once, as a case of its own.
    """

    reads_findings: ClassVar[bool] = False
    """Whether images may have findings in place of a class."""

    train_ids: str | list[str] | None = None
    """Cases that the images were learned from: ids, or a text or CSV file of them; null if they are unknown."""
    licence: str = ""
    """Licence of the imported images, for the manifest; if empty, that of the real cases."""

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""
        return read_ids(self.train_ids)

    @property
    @abstractmethod
    def where(self) -> Path:
        """The file or folder that lists the images."""

    @abstractmethod
    def read(self, cohort: Cohort) -> Cohort:
        """Read the images of the set.

        Args:
            cohort: The real cases.

        Returns:
            A case for each image; their labels name classes of the real cases, perhaps not all.

        Raises:
            CaseError: If there is no such set, an image cannot be used, or a class is none of the real cases.
        """

    def own_cases(self, cohort: Cohort) -> tuple[Case, ...]:
        """Return a case for each image of the set, with the class that real cases have by that name.

        Raises:
            CaseError: If the real cases have no classes, or as ``read``.
        """
        _check_task(cohort, findings=self.reads_findings)
        images = self.read(cohort)
        value = {images.labels[name]: cohort.labels[name] for name in images.labels}
        patients = patients_of_children(images.cases, cohort, str(self.where))
        return tuple(
            replace(
                image,
                class_index=None if image.class_index is None else value[image.class_index],
                source=Source.SYNTHETIC,
                patient=patients[image.id],
                split="",
            )
            for image in images.cases
        )

    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Draw an image of its class for every real case; the set's own cases are their own images.

        Raises:
            CaseError: As ``own_cases``, or if all images of a class were made from other patients than a case's.
        """
        if all(case.source is Source.SYNTHETIC for case in paint):
            self.twins_ = {case.id: case for case in paint}
        else:
            _check_task(cohort, findings=False)
            self.twins_ = self._draw(paint, self.own_cases(cohort), cohort)
        return {case_id: list(twin.files.values()) for case_id, twin in self.twins_.items()}

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read the image that was drawn for a case."""
        image = self.twins_[case.id]
        folder = self.where if self.where.is_dir() else self.where.parent
        files = {name: _below(path, folder) for name, path in image.images.items()}
        notes: dict[str, Any] = {"files": files, "mask_edit": False}
        if image.parent:
            notes["parent"] = image.parent
        return ImportedTwin(case.target, {name: image.load_image(name) for name in modalities}, notes)

    def _draw(self, paint: Sequence[Case], images: Sequence[Case], cohort: Cohort) -> dict[str, Case]:
        """Return id -> the image that stands in for a real case."""
        rng = np.random.default_rng(self.seed)
        drawn: dict[str, Case] = {}
        real_patients = {case.patient for case in cohort.cases}
        for name in sorted(cohort.labels, key=lambda name: cohort.labels[name]):
            of_class = [image for image in images if image.class_index == cohort.labels[name]]
            wanted = sorted((case for case in paint if case.class_index == cohort.labels[name]), key=lambda c: c.id)
            if not of_class:
                log.warning("No image of class %s in %s; its cases have no twin.", name, self.where)
                continue
            order = [of_class[i] for i in rng.permutation(len(of_class))]
            for_patient = {
                patient: [i for i in order if i.parent and i.patient == patient] for patient in real_patients
            }
            free = [image for image in order if not image.parent]
            others = [case for case in wanted if not for_patient[case.patient]]
            if others and not free:
                raise CaseError(
                    f"Expected an image of class {name} for {others[0].id}, but all of that class in {self.where} were "
                    "made from cases of other patients, and may stand in for theirs alone. Add images without a "
                    "parent; evaluate.py audits the set as it is."
                )
            if len(free) < len(others):
                log.warning("%d images for %d cases of class %s: some are taken again.",
                            len(free), len(others), name)  # fmt: skip
            drawn |= {case.id: free[i % len(free)] for i, case in enumerate(others)}
            children = [case for case in wanted if for_patient[case.patient]]
            drawn |= {case.id: for_patient[case.patient][i % len(for_patient[case.patient])]
                      for i, case in enumerate(children)}  # fmt: skip
        return drawn


def _check_task(cohort: Cohort, *, findings: bool) -> None:
    if cohort.task == "multilabel" and findings:
        return
    if cohort.task == "multilabel":
        raise CaseError(
            f"Expected cases with a class, but those of {cohort.name} have findings, of which an image may show "
            "several, and this set names one. Use a generator that paints them, such as "
            "generator=class_diffusion_small; evaluate.py audits a table of them, generator=class_table."
        )
    if cohort.task != "classification":
        raise CaseError(
            f"Expected cases with a class, but those of {cohort.name} have label maps. Import twins on label maps "
            "with generator=folder, and cases with label maps of their own with generator=labelled_set."
        )


def _below(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, or its name if it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
