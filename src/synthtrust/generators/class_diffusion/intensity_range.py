"""The range of intensities: from images in their own units to the values that the network sees, and back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.generators.class_diffusion.conditions import Conditions
from synthtrust.generators.class_images import ClassImages
from synthtrust.refusals import Refusal

FOLDED = {
    2: "b (c p q) h w -> b c (h p) (w q)",
    3: "b (c p q r) h w d -> b c (h p) (w q) (d r)",
}
"""Number of axes -> the einops pattern that turns channels into blocks of pixels."""


@dataclass(frozen=True, eq=False)
class IntensityRange:
    """The properties of the training images that painting needs, kept in the checkpoint."""

    modalities: tuple[str, ...]
    conditions: Conditions
    lowest: NDArray[np.float32]
    """Lowest value of all training images at each pixel, ``(M, *size)``. The lowest of a modality becomes -1; a pixel
    that never varies, such as background, is painted with its value."""
    highest: NDArray[np.float32]
    """Highest value of all training images at each pixel, ``(M, *size)``. The highest of a modality becomes +1."""

    @classmethod
    def around(cls, seen: ClassImages) -> Self:
        """Measure the range of the training images.

        Raises:
            Refusal: If a modality is the same everywhere.
        """
        lowest, highest = seen.images.min(0), seen.images.max(0)
        for name, low, high in zip(seen.modalities, lowest, highest, strict=True):
            if low.min() == high.max():
                raise Refusal(f"Expected images that vary, but every pixel of {name} is {low.min()} in every case.")
        return cls(seen.modalities, Conditions(seen.n_classes, seen.findings), lowest, highest)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Undo ``plain``."""
        conditions = Conditions(plain["n_classes"], plain.get("findings", False))  # older checkpoints have classes
        return cls(tuple(plain["modalities"]), conditions, plain["lowest"].numpy(), plain["highest"].numpy())

    def plain(self) -> dict[str, Any]:
        """Return values that a checkpoint may hold and load safely: tensors, lists and numbers."""
        limits = {"lowest": torch.from_numpy(self.lowest), "highest": torch.from_numpy(self.highest)}
        conditions = {"n_classes": self.conditions.n, "findings": self.conditions.findings}
        return {"modalities": list(self.modalities), **conditions, **limits}

    @property
    def size(self) -> tuple[int, ...]:
        """The sides of an image [pixels]."""
        return self.lowest.shape[1:]

    def padded(self, multiple: int) -> tuple[int, ...]:
        """Return the sides of an image, each raised to the next multiple."""
        return tuple(-(-side // multiple) * multiple for side in self.size)

    def to_unit(self, images: NDArray[np.float32], multiple: int) -> NDArray[np.float16]:
        """Scale images ``(N, M, *size)`` to [-1, 1], and pad their ends with the values at their edges."""
        low, high = self._ends
        pad = [(0, 0), (0, 0), *((0, more - side) for side, more in zip(self.size, self.padded(multiple)))]
        unit = (2 * (images - low) / (high - low) - 1).astype(np.float16)
        return np.pad(unit, pad, mode="edge")

    def from_unit(self, units: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo ``to_unit``; shape ``(N, M, *size)``."""
        low, high = self._ends
        images = (units[:, :, *(slice(side) for side in self.size)] + 1) / 2 * (high - low) + low
        return np.where(self.lowest == self.highest, self.lowest, images).astype(np.float32)

    @property
    def _ends(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        axes = tuple(range(1, self.lowest.ndim))
        return self.lowest.min(axes, keepdims=True), self.highest.max(axes, keepdims=True)


def pixel_unshuffle(images: Tensor, factor: int) -> Tensor:
    """Fold blocks of ``factor`` pixels a side into channels: a network on fewer, wider pixels is cheaper.

    >>> pixel_unshuffle(torch.zeros(1, 1, 6, 4), 2).shape
    torch.Size([1, 4, 3, 2])
    """
    into, out_of = FOLDED[images.ndim - 2].split(" -> ")
    return rearrange(images, f"{out_of} -> {into}", **_sides(images.ndim - 2, factor))


def pixel_shuffle(folded: Tensor, factor: int) -> Tensor:
    """Undo ``pixel_unshuffle``."""
    return rearrange(folded, FOLDED[folded.ndim - 2], **_sides(folded.ndim - 2, factor))


def _sides(n_axes: int, factor: int) -> dict[str, int]:
    return dict.fromkeys("pqr"[:n_axes], factor)


def n_folded(n_axes: int, factor: int) -> int:
    """Return how many channels a channel becomes by ``pixel_unshuffle``."""
    return int(factor**n_axes)
