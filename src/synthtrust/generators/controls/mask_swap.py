"""Mask swap: another patient's image on every label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.volumes import centre_crop_or_pad
from synthtrust.generators.base import Generator
from synthtrust.generators.memory import MapMemory, classified
from synthtrust.refusals import Refusal


@dataclass
class MaskSwap(Generator):
    """Gives every label the real image of a training case of another patient, drawn by chance.

    The control for the pairing: every image is real and every label is real, but they do not belong together. An image
    on another grid is cropped or zero-padded about its centre.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR far below TRTR (a network can learn no more than where tumours tend to be), while fidelity scores that "
        "see images alone stay at their floor, and privacy is not supported, since each image is somebody's, "
        "verbatim."
    )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember which case each label map belongs to.

        Raises:
            Refusal: If there are not at least two patients to swap between, or the cases have classes.
        """
        if classified(cases):
            raise Refusal(
                f"Expected training cases with label maps to swap, but case {cases[0].id} has a class. Use "
                "label_shuffle for classes."
            )
        patients = {case.patient for case in cases}
        if len(patients) < 2:
            raise Refusal(f"Expected training cases of at least two patients to swap, but got {len(patients)}.")
        self.memory_ = MapMemory(cases)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the images of a case that has another label and another patient."""
        owner = self.memory_.of(label)
        others = [case for case in self.memory_.cases if owner is None or case.patient != owner.patient]
        case = others[int(rng.integers(len(others)))]
        return {modality: centre_crop_or_pad(case.load_image(modality), label.shape) for modality in case.images}
