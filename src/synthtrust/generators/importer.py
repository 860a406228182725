"""The contract of sets that somebody else painted: matched to real cases by id, checked, and never painted here."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort, Findings


@dataclass(frozen=True)
class Found:
    """One imported twin, on the grid of the real case it belongs to."""

    label: NDArray[np.uint8] | int | Findings
    """Canonical labels ``(H, W, D)``: those of the real case, unless edited masks are allowed; or its class or
    findings."""
    images: dict[str, NDArray[np.floating]]
    """Modality name -> image ``(H, W, D)``."""
    notes: dict[str, Any]
    """Where it came from and what was repaired, plain JSON values; ``mask_edit`` is True for another label."""


@dataclass
class Importer(ABC):
    """Finds twins instead of painting them; ``synthesize`` takes it in place of a generator.

    A dataclass as a generator is, but without ``fit`` and ``sample``: there is nothing to learn and nothing to draw.
    What it looked up ends in an underscore. Checks, files, resuming and the manifest are the same as for painted twins.
    """

    version: ClassVar[int] = 1
    """Part of the recipe, as a generator's."""
    not_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no twin."""
    files_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that name a file, whose content counts. Those of the twins are always part of the recipe."""

    seed: int = 0
    """Which of several paintings of a case to take; with one painting, every seed takes it."""

    @property
    @abstractmethod
    def training_ids(self) -> tuple[str, ...] | None:
        """Ids of the cases that the images were learned from; None when nobody knows."""

    @abstractmethod
    def find(self, paint: Sequence[Case], cohort: Cohort) -> dict[str, list[Path]]:
        """Look up the twin of every case, by the names and headers of files alone.

        Args:
            paint: The real cases.
            cohort: Where they come from: modalities, and labels or classes with their names.

        Returns:
            Case id -> the files of its twin; their content is part of the set's recipe. Where cases have classes, all
            those of a class may be left out that the set lacks altogether; no other case may.

        Raises:
            CaseError: If a case is without its twin, or files are missing; the message names them.
        """

    @abstractmethod
    def load(self, case: Case, modalities: Sequence[str]) -> Found:
        """Read the twin that was found for a case, and repair what is known to need it. Of the case, read its label.

        Raises:
            CaseError: If it cannot be used; the message names the case and the reason.
        """
