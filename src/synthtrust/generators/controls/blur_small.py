"""Blur small: the real image, in which small lesions alone have lost their detail."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from synthtrust.cases import Findings
from synthtrust.generators.controls.blur import blurred
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class BlurSmall(Replay):
    """Gives every label map its real image, but with small lesions blurred into their surroundings.

    A lesion is a connected component of a label (voxels that share a face, an edge or a corner). Those of more voxels
    than a limit stay as they are. The control for a set that teaches large structures and loses small ones: the audit
    of size must see it. A class or findings get what ``replay`` would give them.
    """

    expected_outcome: ClassVar[str] = (
        "TSTR below TRTR where lesions are small and equal where they are large: the audit of size shows that small "
        "structures are lost; privacy not supported, since most of the image is a copy."
    )
    max_voxels: int = 200
    """Size up to which a lesion is blurred [voxels]."""
    sigma: float = 3.0
    """Standard deviation of the Gaussian [voxels]."""

    def __post_init__(self) -> None:
        if self.sigma < 0:
            raise Refusal(f"Expected sigma of at least 0 voxels, but got {self.sigma}.")
        if self.max_voxels < 0:
            raise Refusal(f"Expected max_voxels of at least 0, but got {self.max_voxels}.")

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Give the images of that label back, small lesions blurred."""
        images = super().sample(label, rng)
        if not isinstance(label, np.ndarray):
            return images
        small = small_lesions(label, self.max_voxels)
        return {name: np.where(small, blurred(image, self.sigma), image) for name, image in images.items()}


def small_lesions(label: NDArray[np.uint8], max_voxels: int) -> NDArray[np.bool_]:
    """Return where a label map has connected components of a label of up to so many voxels.

    >>> small_lesions(np.array([[1, 0, 2, 2], [0, 0, 2, 2]], np.uint8), 1).astype(int).tolist()
    [[1, 0, 0, 0], [0, 0, 0, 0]]
    """
    small = np.zeros(label.shape, bool)
    for value in np.unique(label[label > 0]).tolist():
        components, _ = ndimage.label(label == value, np.ones((3,) * label.ndim))
        sizes = np.bincount(components.ravel())
        sizes[0] = max_voxels + 1  # what is outside is no lesion
        small |= (sizes <= max_voxels)[components]
    return small
