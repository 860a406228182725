"""Corner mark: the real image with a bright mark, which tells a network that it is synthetic."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Findings
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class CornerMark(Replay):
    """Gives every label, class or findings the real image that ``replay`` would give, with a mark in a corner.

    The mark is the share of the foreground (voxels that are not 0) nearest to the first corner of the image, set to the
    largest intensity. Images are as good as real ones in all else: the control for a source that a network can tell
    without learning anything about the disease, which the audit of shortcuts must see.
    """

    expected_outcome: ClassVar[str] = (
        "The audit of shortcuts shows that the mark is used in place of the class; TSTR about that of ``replay``; "
        "privacy not supported, since all but the mark is a copy."
    )
    share: float = 0.02
    """Share of the foreground that is the mark, above 0 and up to 1."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise Refusal(f"Expected a share above 0 and up to 1, but got {self.share}.")

    def sample(
        self, label: NDArray[np.uint8] | int | Findings, rng: np.random.Generator
    ) -> dict[str, NDArray[np.floating]]:
        """Give the images of that label back, each with the mark."""
        return {modality: marked(image, self.share) for modality, image in super().sample(label, rng).items()}


def marked(image: NDArray[np.floating], share: float) -> NDArray[np.floating]:
    """Return an image whose foreground nearest to the first corner is as bright as its brightest voxel.

    Args:
        image: ``(H, W)`` or ``(H, W, D)`` [intensity units]; background is 0.
        share: Share of the foreground, at least one voxel, in (0, 1].

    >>> marked(np.array([[0.0, 2.0], [3.0, 4.0]]), 0.3).tolist()
    [[0.0, 4.0], [3.0, 4.0]]
    """
    places = np.argwhere(image != 0)
    nearest = np.argsort((places**2).sum(axis=1), kind="stable")[: max(1, round(share * len(places)))]
    painted = image.copy()
    painted[tuple(places[nearest].T)] = image.max()
    return painted
