"""Class folder: imports images of classes that were painted elsewhere, in a folder for each class."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from synthtrust.cases import Case, CaseError, Cohort, read_class_folders
from synthtrust.cases.readers.walk import walk
from synthtrust.generators.importer import ImportedTwin, Importer
from synthtrust.generators.synthesis.id_lists import read_ids

log = logging.getLogger(__name__)


@dataclass
class ClassFolder(Importer):
    """Imports the images under ``root/<class>/``; each real case gets an image of its class, drawn by ``seed``.

    Images belong to no patient, so they are assigned to cases at random. An image is taken twice only if its class has
    fewer images than cases, and a warning says so. The cases of a class without any image have no twin, and a warning
    says so; the class remains in every score on real cases.
    """

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "train_ids", "files", "exclude_files"})

    root: str = ""
    """Folder with a folder of images for each class, with the name of the class in the cohort."""
    train_ids: str | list[str] | None = None
    """Cases that the images were learned from: ids, or a text or CSV file of them; null if they are unknown."""
    licence: str = ""
    """Licence of the imported images, for the manifest; if empty, that of the real cases."""
    files: str | list[str] | None = None
    """One or several patterns that images must match, such as ``images/*``; see ``read_class_folders``."""
    exclude_files: str | list[str] | None = None
    """One or several patterns of files that are no images, such as ``*_mask*``."""

    @property
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""
        return read_ids(self.train_ids)

    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Draw an image of its class for every case.

        Raises:
            CaseError: If the cases have label maps or findings, the folder is missing, an image cannot be read, fewer
                than two classes have images, or a class is missing while a folder has the name of no class; or if
                ``read_class_folders`` refuses the folder.
        """
        if cohort.task == "multilabel":
            raise CaseError(
                f"Expected cases with a class, but those of {cohort.name} have findings, of which an image may show "
                "several, and a folder names one. Use a generator that paints them, such as "
                "generator=class_diffusion_small."
            )
        if cohort.task != "classification":
            raise CaseError(
                f"Expected cases with a class, but those of {cohort.name} have label maps. Import twins on label maps "
                "with generator=folder."
            )
        if not self.root or not Path(self.root).is_dir():
            raise CaseError(f"Expected a folder of images, but {self.root!r} is none. Set generator.root.")
        there = self._classes(sorted(cohort.labels, key=lambda name: cohort.labels[name]))
        images = self._read(there, cohort.modalities)
        rng = np.random.default_rng(self.seed)
        self.twins_: dict[str, Case] = {}
        for name in there:
            wanted = sorted(case.id for case in paint if case.class_index == cohort.labels[name])
            of_class = [image for image in images.cases if image.class_index == images.labels[name]]
            if len(of_class) < len(wanted):
                log.warning("%d images for %d cases of class %s: some are taken again.",
                            len(of_class), len(wanted), name)  # fmt: skip
            order = rng.permutation(len(of_class))
            self.twins_ |= {case_id: of_class[order[i % len(of_class)]] for i, case_id in enumerate(wanted)}
        return {case_id: list(twin.files.values()) for case_id, twin in self.twins_.items()}

    def _read(self, classes: Sequence[str], modalities: Sequence[str]) -> Cohort:
        """Read every image; each has to be usable."""
        try:
            images = read_class_folders(
                self.root, classes, modalities, files=self.files, exclude_files=self.exclude_files
            )
        except CaseError as error:  # options of a reader are options of this generator
            raise CaseError(re.sub(r"\bcases\.(files|exclude_files)=", r"generator.\1=", str(error))) from error
        for passed in images.passed_over:
            log.info("Passed over %d files of %s: %s.", len(passed.files), self.root, passed.why)
        if images.refused:
            first = images.refused[0]
            raise CaseError(
                f"Expected images that can be used, but {len(images.refused)} cannot, first {first.where}: {first.why} "
                "Paint them anew, or remove them."
            )
        return images

    def _classes(self, names: Sequence[str]) -> list[str]:
        """Return the classes that there are images of; a folder by another name may be a class that was misspelt."""
        root = Path(self.root)
        missing = [name for name in names if not any(root.glob(f"**/{escape(name)}/*"))]
        homes = {path.parent.relative_to(root) for path, why in walk(root) if not why} - {Path()}
        others = sorted(home.as_posix() for home in homes if not set(home.parts) & set(names))
        if missing and others:
            raise CaseError(
                f"Expected folders called as the classes under {root}, but found none of {', '.join(missing)} beside "
                f"{', '.join(others[:8])}. Rename those, or move away what is no class."
            )
        if len(names) - len(missing) < 2:
            raise CaseError(
                f"Expected images of at least two classes under {root}, but found none of {', '.join(missing)}."
            )
        if missing:
            log.warning("No image of class %s under %s; its cases have no twin.", ", ".join(missing), root)
        return [name for name in names if name not in missing]

    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read the image that was drawn for a case."""
        image = self.twins_[case.id]
        files = {name: path.relative_to(self.root).as_posix() for name, path in image.images.items()}
        notes: dict[str, Any] = {"files": files, "mask_edit": False}
        return ImportedTwin(case.require_class(), {name: image.load_image(name) for name in modalities}, notes)
