"""Mean: one average brain for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.average import average
from synthtrust.generators.base import Generator
from synthtrust.generators.grid import stretched


@dataclass
class Mean(Generator):
    """Gives every label the mean of the training images, stretched to the label's grid.

    The control without diversity: it looks like a brain, holds nobody's tumour, and all its twins are one image.
    Images are averaged voxel by voxel in coordinates relative to their grids and in z-scores of each case's
    foreground, so that cases whose units differ by orders of magnitude weigh the same; background is exactly 0 where
    most cases have none.

    Must show: TSTR far below TRTR (a network can learn no more than where tumours tend to be), fidelity
    far from its floor with no diversity at all, and privacy with no leak detected as soon as there are several dozen
    training cases; the mean of a few is a blend that still shows each of them.
    """

    def fit(self, cases: Sequence[Case]) -> Self:
        """Average the cases.

        Raises:
            ValueError: If there are no cases, or their modalities differ.
        """
        self.average_ = average(cases)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the mean image on the label's grid, shape ``(H, W, D)``, in units of a typical training case."""
        inside = self.average_.foreground(label.shape)
        images: dict[str, NDArray[np.floating]] = {}
        for m, modality in enumerate(self.average_.modalities):
            z = stretched(self.average_.z[m], label.shape)
            images[modality] = np.zeros(label.shape, dtype=np.float32)
            images[modality][inside] = self.average_.painted(m, z[inside])
        return images
