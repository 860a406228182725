"""Mean: one average brain for everybody, or one average image for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.cases.volumes import stretch
from synthtrust.generators.base import Generator
from synthtrust.generators.controls.average import average
from synthtrust.generators.memory import by_class, classified, of_class

WITH_LABEL_MAP = 0


@dataclass
class Mean(Generator):
    """Gives every label map the mean of the training images, stretched to its grid; every class the mean of its own.

    Findings have the mean of the training images with these very findings, or with those most like them.

    The control without diversity: it looks like a brain, holds nobody's tumour, and all its twins are one image. All
    twins of a class are one image too, of the median size of the class's training images.
    Images are averaged voxel by voxel in coordinates relative to their grids and in z-scores of each case's
    foreground, so that cases whose units differ by orders of magnitude weigh the same; background is exactly 0 where
    most cases have none.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR far below TRTR (a network can learn no more than where tumours tend to be), fidelity far from its floor "
        "with no diversity at all, and privacy with no leak detected as soon as there are several dozen training "
        "cases; the mean of a few is a blend that still shows each of them. For classes: TSTR (AUC) above chance as "
        "far as the means differ, and below TRTR, which sees how images of a class differ from each other."
    )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Average the cases, those of each class apart.

        Raises:
            ValueError: If there are no cases, or their modalities differ.
        """
        # with label maps, all are of one kind
        groups = by_class(cases) if classified(cases) else {WITH_LABEL_MAP: list(cases)}
        self.averages_ = {group: average(of_group) for group, of_group in groups.items()}
        return self

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Give the mean image on the label's grid, shape ``(H, W, D)``, in units of a typical training case.

        Raises:
            ValueError: If no training case has that class.
        """
        if isinstance(label, np.ndarray):
            learned, shape = self.averages_[WITH_LABEL_MAP], label.shape
        else:
            learned = of_class(self.averages_, label)
            shape = learned.share.shape
        inside = learned.foreground(shape)
        images: dict[str, NDArray[np.floating]] = {}
        for m, modality in enumerate(learned.modalities):
            z = stretch(learned.z[m], shape)
            images[modality] = np.zeros(shape, dtype=np.float32)
            images[modality][inside] = learned.painted(m, z[inside])
        return images
