"""Flips and changes of intensity in one pass over a patch, in place of one MONAI transform after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.transforms import RandFlipd, RandScaleIntensityd, RandShiftIntensityd
from numpy.typing import NDArray
from torch import Tensor

AXES = (0, 1, 2)


@dataclass(frozen=True)
class Drawn:
    """What happens to one patch: ``image * factor + offset``, and image and label mirrored."""

    mirrored: tuple[int, ...] = ()
    """Axes of space along which image and label are mirrored."""
    factor: float = 1.0
    offset: float = 0.0

    def image(self, patch: NDArray[np.float16]) -> Tensor:
        """Return the changed image, float32, of a patch ``(C, *size)``, which may be mapped from a file.

        Channel by channel, so that it stays in the processor's cache. Torch mirrors whole numbers of two bytes three
        times as fast as float16 along the last axis, and converts ten times as fast as NumPy.
        """
        stored, offset = torch.from_numpy(patch.view(np.int16)), torch.tensor(self.offset)
        image = torch.empty(patch.shape)
        for channel, source in zip(image, stored, strict=True):
            channel.copy_((source.flip(self.mirrored) if self.mirrored else source).view(torch.float16))
            if self.factor != 1 or self.offset != 0:
                torch.add(offset, channel, alpha=self.factor, out=channel)  # one pass, in place of two
        return image

    def label(self, patch: NDArray[np.uint8]) -> Tensor:
        """Return the changed label map, uint8, of a patch ``size``."""
        return torch.from_numpy(patch).flip(self.mirrored)  # a copy, also where nothing is mirrored


@dataclass(frozen=True)
class Flip:
    """Mirrors image and label along some axes of space."""

    probability: float
    axes: tuple[int, ...]

    def add(self, drawn: Drawn, rng: np.random.Generator) -> Drawn:
        """Return what happens to a patch when this step is taken after the others."""
        return Drawn(tuple(sorted({*drawn.mirrored} ^ {*self.axes})), drawn.factor, drawn.offset)


@dataclass(frozen=True)
class Scale:
    """Multiplies the image by 1 + f, with f drawn evenly from a range."""

    probability: float
    lowest: float
    highest: float

    def add(self, drawn: Drawn, rng: np.random.Generator) -> Drawn:
        """Return what happens to a patch when this step is taken after the others."""
        factor = 1 + rng.uniform(self.lowest, self.highest)
        return Drawn(drawn.mirrored, drawn.factor * factor, drawn.offset * factor)


@dataclass(frozen=True)
class Shift:
    """Adds a number to the image that is drawn evenly from a range."""

    probability: float
    lowest: float
    highest: float

    def add(self, drawn: Drawn, rng: np.random.Generator) -> Drawn:
        """Return what happens to a patch when this step is taken after the others."""
        return Drawn(drawn.mirrored, drawn.factor, drawn.offset + rng.uniform(self.lowest, self.highest))


@dataclass(frozen=True)
class Fused:
    """Flips, scalings and shifts, one after the other, as one pass over a patch.

    >>> Fused((Flip(1.0, (0, 2)), Scale(1.0, 0.5, 0.5), Shift(1.0, 0.1, 0.1))).draw(np.random.default_rng(0))
    Drawn(mirrored=(0, 2), factor=1.5, offset=0.1)
    """

    steps: tuple[Flip | Scale | Shift, ...]

    def draw(self, rng: np.random.Generator) -> Drawn:
        """Draw what happens to one patch."""
        drawn = Drawn()
        for step in self.steps:
            if rng.random() < step.probability:
                drawn = step.add(drawn, rng)
        return drawn


def fused(transforms: Sequence[Callable]) -> Fused | None:
    """Return what some MONAI transforms do, drawn from the same distributions; None if one of them is another kind.

    Known are ``RandFlipd`` of image and label, and ``RandScaleIntensityd`` and ``RandShiftIntensityd`` of the image as
    a whole, with the options that do not change what they do to float32 numbers.
    """
    steps = [step for step in map(_step, transforms) if step is not None]
    return Fused(tuple(steps)) if len(steps) == len(transforms) else None


def _step(transform: Any) -> Flip | Scale | Shift | None:
    kind, keys = type(transform), set(getattr(transform, "keys", ()))  # of a subclass nobody knows what it does
    if kind is RandFlipd and keys == {"image", "label"} and not transform.lazy:
        axes = transform.flipper.spatial_axis
        axes = AXES if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
        return Flip(transform.prob, axes) if set(axes) <= set(AXES) and len(set(axes)) == len(axes) else None
    if kind is RandScaleIntensityd and keys == {"image"}:
        scaler = transform.scaler
        whole = not scaler.channel_wise and scaler.dtype in (None, np.float32, torch.float32)
        return Scale(transform.prob, *map(float, scaler.factors)) if whole else None
    if kind is RandShiftIntensityd and keys == {"image"}:
        shifter = transform.shifter
        whole = not shifter.channel_wise and not any(transform.factor_key)
        return Shift(transform.prob, *map(float, shifter.offsets)) if whole else None
    return None
