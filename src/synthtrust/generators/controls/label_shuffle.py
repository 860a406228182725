"""Label shuffle: a real image of whichever class, whatever class was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.generators.base import Generator
from synthtrust.generators.memory import classified
from synthtrust.refusals import Refusal


@dataclass
class LabelShuffle(Generator):
    """Gives every class, or all findings, the real image of a training case drawn by chance from all, verbatim.

    The control for the pairing where labels are classes, as ``mask_swap`` is where they are maps: every image is real,
    every class is real, and neither knows the other.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR at chance (AUC 0.5 on the average of seeds; what a network learns from nothing may lean to either "
        "side), while fidelity scores that see images alone stay at their floor, and privacy is not supported, since "
        "each image is somebody's."
    )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember the cases.

        Raises:
            Refusal: If there are none, or they have label maps.
        """
        if not classified(cases):
            raise Refusal(
                f"Expected training cases with classes to shuffle, but case {cases[0].id} has a label map. Use "
                "mask_swap for label maps."
            )
        self.cases_ = list(cases)
        return self

    def sample(self, label: int | Findings, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the images of any training case, as they are on disk; the class plays no part."""
        case = self.cases_[int(rng.integers(len(self.cases_)))]
        return {modality: case.load_image(modality) for modality in case.images}
