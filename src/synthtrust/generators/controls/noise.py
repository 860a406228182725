"""Noise: images without any signal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.generators.base import Generator
from synthtrust.generators.controls.average import average


@dataclass
class Noise(Generator):
    """Fills the average outline of the training cases with white Gaussian noise, whatever the label.

    The control that gives nothing away and is worth nothing: it shows that privacy alone proves nothing. Mean and
    standard deviation are those of the foreground of a typical training case, background is exactly 0. The label
    map decides the grid and nothing else; a class decides nothing, and its twins have the median size of the training
    images.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR near 0 (ratio to TRTR far below 1), for classes at chance (AUC 0.5 on the average of seeds; what a "
        "network learns from nothing may lean to either side); fidelity far from its floor, and privacy with no leak "
        "detected."
    )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn outline and units of the foreground.

        Raises:
            ValueError: If there are no cases, or their modalities differ.
        """
        self.average_ = average(cases)
        return self

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Paint noise on the label's grid, shape ``(H, W, D)``, in intensity units of a typical training case."""
        shape = label.shape if isinstance(label, np.ndarray) else self.average_.share.shape
        inside = self.average_.foreground(shape)
        images: dict[str, NDArray[np.floating]] = {}
        for m, modality in enumerate(self.average_.modalities):
            images[modality] = np.zeros(shape, dtype=np.float32)
            images[modality][inside] = self.average_.painted(m, rng.standard_normal(int(inside.sum())))
        return images
