"""The contract of importers, which match twins that were painted elsewhere to real cases by id, and check them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort, Findings
from synthtrust.cases.links import refuse_links_out

MAY_BE_FOLLOWED = "If the links are your own, say generator.follow_links=true."


@dataclass(frozen=True)
class ImportedTwin:
    """An imported twin, on the grid of the real case that it belongs to."""

    label: NDArray[np.uint8] | int | Findings | None
    """Canonical label map ``(H, W, D)``, the real case's unless edited masks are allowed; or class or findings; None of
    an image without a label."""
    images: dict[str, NDArray[np.floating]]
    """Modality name -> image ``(H, W, D)``."""
    notes: dict[str, Any]
    """Origin and repairs as plain JSON values; ``mask_edit`` is True if the label map is not that of the real case."""
    affine: NDArray[np.float64] | None = None
    """Voxel -> right, anterior, superior [mm] of a case with a grid of its own; None on the grid of a real case."""


@dataclass
class Importer(ABC):
    """Finds twins instead of painting them; ``synthesize`` takes it in place of a generator.

    It is a dataclass like a generator, but without ``fit`` and ``sample``, since it learns and draws nothing.
    Attributes that ``find`` sets end in an underscore. Checks, files, resuming and manifest are as for painted twins.
    """

    version: ClassVar[int] = 1
    """Version of the importer, which is part of the recipe as that of a generator."""
    not_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no twin, ``patients_own`` among them, and are no part of the recipe."""
    files_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that name a file whose content is part of the recipe; the files of the twins always are."""

    paired: ClassVar[bool] = True
    """Whether each image is the twin of a real case; False for a set whose cases have ids of their own."""

    seed: int = 0
    """Chooses among several paintings of a case; it does not matter if there is only one."""
    patients_own: list[str] | None = None
    """What is the patients' own in a set that is synthetic in part: modalities, where it paints others beside them,
    such as a missing FLAIR; or ``surroundings``, where it paints lesions into patients' images."""
    follow_links: bool = False
    """Whether links are followed that lead out of the folder of the set; those of a stranger may lead to any file."""

    @property
    def home(self) -> Path | None:
        """The folder of the set, which links may not leave; None if it has none."""
        named = getattr(self, "root", None) or getattr(self, "file", None)
        return None if not named else path if (path := Path(named)).is_dir() else path.parent

    def refuse_links_out(self, files: Iterable[Path]) -> None:
        """Refuse files of the set that lie elsewhere, unless links are to be followed.

        Raises:
            CaseError: If there is one.
        """
        if self.home is not None and not self.follow_links:
            refuse_links_out(files, self.home, MAY_BE_FOLLOWED)

    @property
    @abstractmethod
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None if they are unknown."""

    @property
    def declared_own(self) -> tuple[str, ...]:
        """Modalities that are declared to be the patients' own images, beside painted ones: partial synthesis."""
        return tuple(self.patients_own or ())

    def source_cases(self) -> tuple[Case, ...]:
        """Return the synthetic cases as they lie in their files, each once, after ``find``."""
        cases = {tuple(case.files.values()): case for case in getattr(self, "twins_", {}).values()}
        return tuple(cases.values())

    @property
    def labelled_by(self) -> Mapping[str, Any]:
        """What made the label maps of images that came without, see `Labeller.facts`; nothing where they have some."""
        return {}

    def own_cases(self, cohort: Cohort) -> tuple[Case, ...]:
        """Return the cases of a set that is not ``paired``, under their own ids; ``find`` gets them, and no real ones.

        Args:
            cohort: The real cases.

        Raises:
            CaseError: If the set cannot be read, or has nothing in common with the real cases.
        """
        return ()

    def check(self, cases: Sequence[Case], cohort: Cohort) -> dict[str, str]:
        """Look at a set under its own ids before it is imported for the first time.

        Args:
            cases: What ``own_cases`` returned.
            cohort: The real cases.

        Returns:
            What readers of the manifest should know, by code; it was warned of.

        Raises:
            CaseError: If the set plainly cannot be what it is taken for, such as mirrored images.
        """
        return {}

    @abstractmethod
    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Find the twin of every case by the names and headers of files alone.

        Args:
            paint: The real cases, or what ``own_cases`` returned.
            cohort: The cohort of the real cases, with its modalities, and its labels or classes by name.

        Returns:
            Case id -> the files of its twin, whose content is part of the set's recipe. Only cases of a class of which
            a set of twins has none at all may be missing.

        Raises:
            CaseError: If the twin of a case or one of its files is missing; the message names them.
        """

    @abstractmethod
    def load(self, case: Case, modalities: Sequence[str]) -> ImportedTwin:
        """Read and repair the twin that was found for a case, of which only the label is read.

        Raises:
            CaseError: If the twin cannot be used; the message names the case and the reason.
        """
