"""Noisy replay: copies of training images, slightly changed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Findings
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class NoisyReplay(Replay):
    """Returns the real image of a label or class with noise, a small shift and another gamma, or mirrored.

    The control for privacy audits that only look for verbatim copies. Each change is off at 0, so that it can be tried
    alone. Noise and gamma are relative to the foreground (voxels that are not 0), so that units do not matter, and the
    background stays 0.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR about equal to TRTR (ratio about 1) while ``flip`` is off, fidelity near its floor, privacy not "
        "supported, with a copy rate of at least 0.98 for each change. A mirrored image no longer fits its label "
        "map, which stays as it is: with ``flip`` on, utility falls, and the question is asked of privacy alone. A "
        "class is kept by every change."
    )
    noise: float = 0.1
    """Standard deviation of Gaussian noise [standard deviations of the foreground]."""
    shift: int = 1
    """Largest shift along each axis [voxels]."""
    gamma: float = 0.2
    """Largest logarithm of the exponent that foreground intensities, scaled to [0, 1], are raised to."""
    flip: bool = False
    """Mirror along the first axis (left and right), every second twin by chance."""

    def __post_init__(self) -> None:
        if min(self.noise, self.shift, self.gamma) < 0:
            raise Refusal(
                f"Expected noise, shift and gamma of at least 0, but got {self.noise}, {self.shift} and {self.gamma}."
            )

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Return changed copies of the images of that label; all modalities are moved alike."""
        originals = super().sample(label, rng)
        mirrored = self.flip and bool(rng.integers(2))
        axes = next(iter(originals.values())).ndim
        step = rng.integers(-self.shift, self.shift, size=axes, endpoint=True)
        images = {}
        for modality, image in originals.items():
            moved = _moved(image[::-1] if mirrored else image, step)
            images[modality] = self._with_noise_and_gamma(moved, rng)
        return images

    def _with_noise_and_gamma(self, image: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
        inside = image != 0
        values = image[inside].astype(np.float64)
        exponent = np.exp(rng.uniform(-self.gamma, self.gamma))
        grain = self.noise * values.std() * rng.standard_normal(values.size)
        low, span = values.min(), np.ptp(values) or 1
        values = low + span * ((values - low) / span) ** exponent + grain
        out = np.zeros(image.shape, dtype=np.float32)
        out[inside] = np.maximum(values, low) if low > 0 else values  # foreground above 0 stays above 0
        return out


def _moved(image: NDArray[np.floating], step: NDArray[np.integer]) -> NDArray[np.floating]:
    """Move an image by whole voxels; what comes in at an edge is the edge itself, 0 where background reaches it."""
    for axis, by in enumerate(step):
        image = image.take(np.clip(np.arange(image.shape[axis]) - by, 0, image.shape[axis] - 1), axis)
    return image
