"""The contract every generator keeps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort
from synthtrust.generators.case_facts import CaseFacts


@dataclass
class Generator(ABC):
    """Learns from real cases, then paints images onto label maps, or of classes or findings.

    A generator is a dataclass: its fields are its hyper-parameters and nothing else, and they name the folder its
    twins are kept in. What ``fit`` learns ends in an underscore; a second ``fit`` forgets the first. Reading labels,
    writing image files, seeding each case, sharing the work among processes, resuming and the manifest are done around
    it by ``synthesize``.

    A generator that trains for hours has two more methods, which ``synthesize`` calls before ``fit`` where they are
    there: ``work_in(folder)``, the folder for its checkpoints, in which a later ``fit`` finds what it needs to finish
    at once; and ``show_to(loggers)``, the experiment loggers that like to see its losses and samples. Where one
    training paints several sets, its ``shares_training`` names the fields in which these differ; they then have one
    folder of checkpoints beside them, instead of one each.
    """

    seed: int = 0
    """The seed of the painting: two seeds give two synthetic sets."""
    paired: ClassVar[bool] = True
    """Whether each image is the twin of a real case; False for a generator that paints on ``own_cases``."""
    version: ClassVar[int] = 1
    """Version of the code in the recipe: raise it with every change of the twins, so that no old set is reused."""
    expected_outcome: ClassVar[str] = ""
    """The outcome that audits must have for the twins of a control, in a few words for the page; empty otherwise."""
    not_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that change no twin, such as how often a training shows samples; they are no part of the recipe."""
    later_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields that came later: at their defaults they are no part of the recipe, so that older sets are found."""
    files_in_recipe: ClassVar[frozenset[str]] = frozenset()
    """Fields that name a file or a list of files; their content, not their path, is part of the recipe."""

    @property
    def unsaid(self) -> frozenset[str]:
        """The later fields that have their defaults, which nothing is told of."""
        later = [field for field in fields(self) if field.name in self.later_fields]
        return frozenset(field.name for field in later if getattr(self, field.name) == field.default)

    @property
    def batch_size(self) -> int:
        """Number of labels that ``sample_many`` gets at once; a field of this name replaces it."""
        return 1

    @property
    def reads_modalities(self) -> Sequence[str]:
        """Modalities of a case that it reads to paint the others, such as T1 and T2 for a missing FLAIR.

        None, unless a field or property of this name replaces it. ``sample_cases`` then finds these images of the case
        in `CaseFacts.images`, and paints only the modalities in `CaseFacts.modalities`. The twin has the patient's own
        images beside the painted ones: manifest and card say so, and privacy is not supported, by construction.
        """
        return ()

    @property
    def remarks(self) -> dict[str, str]:
        """Remarks for readers of the manifest beside the recipe, such as a choice that the labels made necessary."""
        return {}

    def own_cases(self, cohort: Cohort, train: Sequence[Case], root: Path) -> tuple[Case, ...]:
        """Return cases without images that are painted in place of real ones, for a generator that is not ``paired``.

        Args:
            cohort: The real cases.
            train: Those that it may learn from, and make label maps of.
            root: Folder of all synthetic sets, where it may keep label maps in a hidden folder.
        """
        return ()

    @abstractmethod
    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real training cases, and leave them untouched.

        Raises:
            ValueError: If it cannot learn from such cases; a generator for one task refuses those of the other.
        """

    @abstractmethod
    def sample(self, label: Any, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image per modality onto a label map, or of a class or findings; the real image is never seen.

        A generator that reads modalities of a case overrides ``sample_cases``, since a label alone is not enough for
        it, and may refuse here.

        Args:
            label: Canonical labels, shape ``(H, W, D)`` uint8; for classification the class, an int; for findings
                `synthtrust.cases.Findings`, a tuple of 0 and 1 in the cohort's order. Test cases may have findings
                together that no training case has.
            rng: The only source of randomness allowed.

        Returns:
            Modality name -> image, but for those in `reads_modalities`, in the intensity units of the training cases,
            background as in real cases (exactly 0 where they have none): of shape ``(H, W, D)``, the label map's; or of
            a class as the training images are, ``(H, W)`` or ``(H, W, D)``.
        """

    def sample_many(
        self, labels: Sequence[Any], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Paint several images, each with its own randomness: the same as ``sample`` one by one, or faster."""
        return [self.sample(label, rng) for label, rng in zip(labels, rngs, strict=True)]

    def sample_cases(
        self, cases: Sequence[CaseFacts], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Paint several cases of which more is known than their labels: the size of their voxels, the patient's age.

        This is what ``synthesize`` calls. A generator that needs labels alone leaves it as it is.
        """
        return self.sample_many([case.label for case in cases], rngs)
