"""Class folder: imports images of classes that were painted elsewhere, in a folder for each class."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import ClassVar

from synthtrust.cases import CaseError, Cohort, read_class_folders
from synthtrust.cases.readers.walk import walk
from synthtrust.generators.class_set import ClassSet

log = logging.getLogger(__name__)


@dataclass
class ClassFolder(ClassSet):
    """Imports the images under ``root/<class>/``, each of which was made from no real case, as far as this set says."""

    not_in_recipe: ClassVar[frozenset[str]] = frozenset({"root", "train_ids", "files", "exclude_files", "patients_own"})

    root: str = ""
    """Folder with a folder of images for each class, with the name of the class in the cohort."""
    files: str | list[str] | None = None
    """One or several patterns that images must match, such as ``images/*``; see ``read_class_folders``."""
    exclude_files: str | list[str] | None = None
    """One or several patterns of files that are no images, such as ``*_mask*``."""

    @property
    def where(self) -> Path:
        """The folder."""
        return Path(self.root)

    def read(self, cohort: Cohort) -> Cohort:
        """Read every image; each has to be usable.

        Raises:
            CaseError: If the folder is missing, an image cannot be read, fewer than two classes have images, or a class
                is missing while a folder has the name of no class; or if ``read_class_folders`` refuses the folder.
        """
        if not self.root or not Path(self.root).is_dir():
            raise CaseError(f"Expected a folder of images, but {self.root!r} is none. Set generator.root.")
        classes = self._classes_with_images(sorted(cohort.labels, key=lambda name: cohort.labels[name]))
        try:
            images = read_class_folders(
                self.root, classes, cohort.modalities, files=self.files, exclude_files=self.exclude_files
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

    def _classes_with_images(self, names: Sequence[str]) -> list[str]:
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
            log.warning("No image of class %s in %s; real cases have some.", ", ".join(missing), root)
        return [name for name in names if name not in missing]
