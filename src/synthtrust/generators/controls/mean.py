"""Mean: one average brain for everybody, or one average image for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.base import Generator
from synthtrust.generators.controls.average import average
from synthtrust.generators.grid import stretched
from synthtrust.generators.memory import by_class, classified, of_class


@dataclass
class Mean(Generator):
    """Gives every label map the mean of the training images, stretched to its grid; every class the mean of its own.

    The control without diversity: it looks like a brain, holds nobody's tumour, and all its twins are one image. All
    twins of a class are one image too, of the median size of the class's training images.
    Images are averaged voxel by voxel in coordinates relative to their grids and in z-scores of each case's
    foreground, so that cases whose units differ by orders of magnitude weigh the same; background is exactly 0 where
    most cases have none.

    Must show: TSTR far below TRTR (a network can learn no more than where tumours tend to be), fidelity
    far from its floor with no diversity at all, and privacy with no leak detected as soon as there are several dozen
    training cases; the mean of a few is a blend that still shows each of them. For classes: TSTR (AUC) above chance as
    far as the means differ, and below TRTR, which sees how images of a class differ from each other.
    """

    def fit(self, cases: Sequence[Case]) -> Self:
        """Average the cases, those of each class apart.

        Raises:
            ValueError: If there are no cases, or their modalities differ.
        """
        groups = by_class(cases) if classified(cases) else {0: list(cases)}  # with label maps, all are of one kind
        self.averages_ = {group: average(of_group) for group, of_group in groups.items()}
        return self

    def sample(self, label: NDArray[np.uint8] | int, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the mean image on the label's grid, shape ``(H, W, D)``, in units of a typical training case.

        Raises:
            ValueError: If no training case has that class.
        """
        learned = of_class(self.averages_, label if isinstance(label, int) else 0)
        shape = learned.share.shape if isinstance(label, int) else label.shape
        inside = learned.foreground(shape)
        images: dict[str, NDArray[np.floating]] = {}
        for m, modality in enumerate(learned.modalities):
            z = stretched(learned.z[m], shape)
            images[modality] = np.zeros(shape, dtype=np.float32)
            images[modality][inside] = learned.painted(m, z[inside])
        return images
