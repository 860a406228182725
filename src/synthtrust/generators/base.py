"""The contract every generator keeps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case


@dataclass
class Generator(ABC):
    """Learns from real cases, then paints images onto label maps.

    A generator is a dataclass: its fields are its hyper-parameters and nothing else, and they name the folder its
    twins are kept in. What ``fit`` learns ends in an underscore; a second ``fit`` forgets the first. Reading labels,
    writing NIfTI files, seeding each case, resuming and the manifest are done around it by ``synthesize``.
    """

    seed: int = 0
    """Of the painting: two seeds give two synthetic sets."""
    version: ClassVar[int] = 1
    """Part of the recipe: raise it when the code paints otherwise, so that no older twin is taken for a new one."""

    @property
    def remarks(self) -> dict[str, str]:
        """What a reader of the manifest should know beside the recipe, such as a choice that the labels forced."""
        return {}

    @abstractmethod
    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real training cases, and leave them untouched."""

    @abstractmethod
    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image per modality onto a label map; the image that the label came with is never seen.

        Args:
            label: Canonical labels, shape ``(H, W, D)``.
            rng: The only source of randomness allowed.

        Returns:
            Modality name -> image of shape ``(H, W, D)`` in the intensity units of the training cases, background as
            in real cases (exactly 0 where they have none).
        """
