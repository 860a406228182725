"""Replay: the generator that gives back what it saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.cases.volumes import centre_crop_or_pad
from synthtrust.generators.base import Generator
from synthtrust.generators.memory import remember


@dataclass
class Replay(Generator):
    """Gives every training label the real image it came with: full utility, no privacy.

    The control that a privacy audit must catch and a utility score cannot. A label it never saw gets the image of the
    training case whose label map is most like it, cropped or zero-padded about the centre to the label's grid. A class
    gets the image of one of its training cases, drawn by chance, verbatim: over a set, each is used about equally
    often. Findings get that of a training case with these very findings, or with those most like them.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR equal to TRTR up to seeds, fidelity at its floor, privacy not supported. For classes the draws leave "
        "out about a third (1/e) of the training images, so that TSTR (AUC) may lie a little below TRTR."
    )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember which case each label map belongs to, or which cases each class or combination of findings has.

        Raises:
            ValueError: If there are no cases.
        """
        self.memory_ = remember(cases)
        return self

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Give the images of that label back, or of the label most like it; of a class, those of one of its cases.

        Raises:
            ValueError: If no training case has that class.
        """
        case = self.memory_.recall(label, rng)
        images: dict[str, NDArray[np.floating]] = {name: case.load_image(name) for name in case.images}
        if not isinstance(label, np.ndarray):
            return images
        return {name: centre_crop_or_pad(images[name], label.shape) for name in images}
