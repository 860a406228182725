"""Training cases, found again by their label map: the very one, or the one most like it."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case

COARSE = 24  # side of the grid on which label maps are compared


class Memory:
    """Remembers which case each label map belongs to; images stay on disk.

    Args:
        cases: Training cases; when two have the same label map, the last one counts.

    Raises:
        ValueError: If there are none.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        if not cases:
            raise ValueError("Expected at least one training case, but got none.")
        self.cases = list(cases)
        labels = [case.load_label() for case in cases]
        self._by_digest = {_digest(label): case for label, case in zip(labels, cases)}
        self._coarse = np.stack([_coarse(label) for label in labels])  # (N, COARSE, COARSE, COARSE)

    def of(self, label: NDArray[np.uint8]) -> Case | None:
        """Return the case that has exactly this label map ``(H, W, D)``, None when none has."""
        return self._by_digest.get(_digest(label))

    def most_alike(self, label: NDArray[np.uint8]) -> Case:
        """Return the case with the highest Dice of all labelled voxels, both maps thinned to ``COARSE`` per axis."""
        mine = _coarse(label)
        agree = ((self._coarse == mine) & (mine > 0)).sum((1, 2, 3))
        size = (self._coarse > 0).sum((1, 2, 3)) + (mine > 0).sum()
        return self.cases[int(np.argmax(2 * agree / np.maximum(size, 1)))]


def _digest(label: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(label.shape).encode() + np.ascontiguousarray(label).tobytes()).hexdigest()


def _coarse(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick COARSE voxels along each axis, evenly spread."""
    return label[np.ix_(*(np.linspace(0, side - 1, COARSE).round().astype(int) for side in label.shape))]
