"""Blur: the real image without its detail."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthtrust.cases import Findings
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class Blur(Replay):
    """Gives every label its real image, blurred; a label it never saw or a class gets what ``replay`` would give it.

    The control for what a generator loses when it paints structure but no detail. Averages are taken over foreground
    (voxels that are not 0) alone, so that the outline stays sharp and background stays exactly 0.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR below that of ``replay``, falling as sigma grows (less so for a class that shows in brightness or "
        "shape); fidelity worse than its floor by far; privacy not supported, since a blurred copy is still a copy."
    )
    sigma: float = 2.0
    """Standard deviation of the Gaussian [voxels]."""

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise Refusal(f"Expected sigma of at least 0 voxels, but got {self.sigma}.")

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Give the blurred images of that label back."""
        return {modality: blurred(image, self.sigma) for modality, image in super().sample(label, rng).items()}


def blurred(image: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """Return an image without its detail: means over foreground (voxels that are not 0) alone, background stays 0."""
    inside = image != 0
    weight = gaussian_filter(inside.astype(np.float64), sigma)
    total = gaussian_filter(image.astype(np.float64), sigma)
    return np.divide(total, weight, out=np.zeros_like(total), where=inside).astype(np.float32)
