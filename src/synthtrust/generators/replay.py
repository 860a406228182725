"""Replay: the generator that gives back what it saw."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.base import Generator

COARSE = 24  # side of the grid on which label maps are compared


@dataclass
class Replay(Generator):
    """Gives every training label the real image it came with: full utility, no privacy.

    The control that a privacy audit must catch and a utility score cannot. A label it never saw gets the image of the
    training case whose label map is most like it, cropped or zero-padded about the centre to the label's grid.
    """

    def fit(self, cases: Sequence[Case]) -> Self:
        """Remember which case each label map belongs to."""
        self.cases_ = list(cases)
        self.coarse_ = np.stack([_coarse(case.load_label()) for case in cases])  # (N, COARSE, COARSE, COARSE)
        self.memory_ = {_digest(case.load_label()): case for case in cases}
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Give the images of that label back, or of the label most like it."""
        case = self.memory_.get(_digest(label)) or self._most_alike(label)
        return {modality: _centred(case.load_image(modality), label.shape) for modality in case.images}

    def _most_alike(self, label: NDArray[np.uint8]) -> Case:
        mine = _coarse(label)
        agree = ((self.coarse_ == mine) & (mine > 0)).sum((1, 2, 3))
        size = (self.coarse_ > 0).sum((1, 2, 3)) + (mine > 0).sum()
        return self.cases_[int(np.argmax(2 * agree / np.maximum(size, 1)))]  # Dice of the labelled voxels


def _digest(label: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(label.shape).encode() + np.ascontiguousarray(label).tobytes()).hexdigest()


def _coarse(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick COARSE voxels along each axis, evenly spread."""
    return label[np.ix_(*(np.linspace(0, side - 1, COARSE).round().astype(int) for side in label.shape))]


def _centred(image: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Crop or zero-pad an image about its centre."""
    if image.shape == shape:
        return image
    out = np.zeros(shape, dtype=image.dtype)
    source = tuple(slice(max(0, (a - b) // 2), max(0, (a - b) // 2) + min(a, b)) for a, b in zip(image.shape, shape))
    target = tuple(slice(max(0, (b - a) // 2), max(0, (b - a) // 2) + min(a, b)) for a, b in zip(image.shape, shape))
    out[target] = image[source]
    return out
