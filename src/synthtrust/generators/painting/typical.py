"""The typical brain: units in which brains have mean 0 and standard deviation 1, and the average brain in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Typical:
    """What brains of the training cases have in common.

    A brain is a small part of the range [-1, 1] and of its box, most of which is air at -1. Noise that hides a brain
    hides its background first, and a network that learns both learns the background.
    """

    centre: NDArray[np.float32]
    """Mean within the brains, ``(M,)``, in [-1, 1]."""
    spread: NDArray[np.float32]
    """Standard deviation within the brains, ``(M,)``."""
    average: NDArray[np.float32]
    """Average brain, its labels left out, ``(M, *size)``, in standard deviations from the centre; 0 where none is."""
    components: NDArray[np.float32]
    """Principal components of packed voxels, ``(C, C)``, one a column."""
    variances: NDArray[np.float32]
    """Of the components, the largest first, ``(C,)``."""
    reach: NDArray[np.float32]
    """Largest absolute value of each component, ``(C,)``."""

    def standardised(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an image ``(M, ...)`` of [-1, 1] in standard deviations from the centre.

        >>> typical = Typical(*np.float32([[0.5], [0.25]]), *[np.zeros(0, np.float32)] * 4)
        >>> typical.standardised(np.ones((1, 1, 1, 1), np.float32)).item()
        2.0
        >>> typical.restored(np.full((1, 1, 1, 1), 2, np.float32)).item()
        1.0
        """
        standardised: NDArray[np.float32] = (image - self._each(self.centre)) / self._each(self.spread)
        return standardised

    def restored(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo ``standardised``."""
        restored: NDArray[np.float32] = image * self._each(self.spread) + self._each(self.centre)
        return restored

    def in_components(self, packed: Tensor) -> Tensor:
        """Return packed standardised images ``(B, C, ...)`` in principal components; noise stays what it is."""
        return torch.einsum("ck,bc...->bk...", torch.from_numpy(self.components).to(packed), packed)

    def from_components(self, packed: Tensor) -> Tensor:
        """Undo ``in_components``."""
        return torch.einsum("ck,bk...->bc...", torch.from_numpy(self.components).to(packed), packed)

    def plain(self) -> dict[str, Any]:
        """Return values that a checkpoint may hold and load safely."""
        return {name: torch.from_numpy(value) for name, value in vars(self).items()}

    @classmethod
    def from_plain(cls, facts: Mapping[str, Any]) -> Self:
        """Undo ``plain``."""
        return cls(**{name: value.numpy() for name, value in facts.items()})

    @staticmethod
    def _each(value: NDArray[np.float32]) -> NDArray[np.float32]:
        return value[:, None, None, None]
