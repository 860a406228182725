"""Replay: the generator that gives back what it saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.base import Generator
from synthtrust.generators.grid import centred
from synthtrust.generators.memory import Memory


@dataclass
class Replay(Generator):
    """Gives every training label the real image it came with: full utility, no privacy.

    The control that a privacy audit must catch and a utility score cannot. A label it never saw gets the image of the
    training case whose label map is most like it, cropped or zero-padded about the centre to the label's grid.

    Must show: TSTR equal to TRTR up to seeds, fidelity at its floor, privacy not supported.
    """

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember which case each label map belongs to."""
        self.memory_ = Memory(cases)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the images of that label back, or of the label most like it."""
        case = self.memory_.of(label) or self.memory_.most_alike(label)
        return {modality: centred(case.load_image(modality), label.shape) for modality in case.images}
