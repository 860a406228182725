"""Sets of images with a class that were made elsewhere: what their importers share, whatever lists the images."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from synthtrust.cases import Case, CaseError, Cohort, Source
from synthtrust.generators.importer import ImportedTwin, Importer
from synthtrust.generators.parents import patients_of_children
from synthtrust.generators.synthesis.id_lists import read_ids


@dataclass
class ClassSet(Importer):
    """Imports images that have a class and are the twins of no real case: as many as there are, with ids of their own.

    Each image is a case once. A training draws them by count, whatever their classes are; what was made from a real
    case is in the part of the split of that patient.
    """

    paired: ClassVar[bool] = False
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
        """Return the files of the set's own cases, which were read already."""
        self.twins_ = {case.id: case for case in paint}
        return {case.id: list(case.files.values()) for case in paint}

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read an image of the set."""
        image = self.twins_[case.id]
        folder = self.where if self.where.is_dir() else self.where.parent
        files = {name: _below(path, folder) for name, path in image.images.items()}
        notes: dict[str, Any] = {"files": files, "mask_edit": False}
        if image.parent:
            notes["parent"] = image.parent
        return ImportedTwin(case.target, {name: image.load_image(name) for name in modalities}, notes)


def _check_task(cohort: Cohort, *, findings: bool) -> None:
    if cohort.task == "multilabel" and findings:
        return
    if cohort.task == "multilabel":
        raise CaseError(
            f"Expected cases with a class, but those of {cohort.name} have findings, of which an image may show "
            "several, and this set names one. Use a generator that paints them, such as "
            "generator=class_diffusion_small, or import a table of them, generator=class_table."
        )
    if cohort.task != "classification":
        raise CaseError(
            f"Expected cases with a class, but those of {cohort.name} have label maps. Import twins on label maps "
            "with generator=folder, and cases with label maps of their own with generator=labelled_set."
        )


def _below(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, or its name if it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
