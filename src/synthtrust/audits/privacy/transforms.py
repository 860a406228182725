"""Transformed copies: what the controls plant among synthetic images, one kind of transform at a time."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, rotate
from torch import Tensor

Image = NDArray[np.float32]
Transform = Callable[[Image, np.random.Generator], Image]

NOISE = 0.1  # standard deviation of the noise [standard deviations of the foreground, voxels that are not 0]
SHIFT = 1 / 16  # of the side, along each axis, at least one voxel
TURN, ENLARGED = 5.0, 1.05  # degrees; factor
LOG_GAMMA = 0.3  # size of the logarithm of the exponent that intensities, scaled to [0, 1], are raised to


def exact(image: Image, rng: np.random.Generator) -> Image:
    """Return the image itself."""
    return image


def noise(image: Image, rng: np.random.Generator) -> Image:
    """Add Gaussian noise to the foreground of each modality."""
    inside = image != 0
    spread = [float(channel[mask].std()) for channel, mask in zip(image, inside)]
    grain = rng.standard_normal(image.shape) * NOISE * np.reshape(spread, (-1, *[1] * (image.ndim - 1)))
    return np.where(inside, image + grain, image).astype(np.float32)


def flip(image: Image, rng: np.random.Generator) -> Image:
    """Mirror along one spatial axis."""
    return np.flip(image, 1 + int(rng.integers(image.ndim - 1)))


def shift(image: Image, rng: np.random.Generator) -> Image:
    """Move by a sixteenth of the side along every axis; what comes in is the edge."""
    for axis in range(1, image.ndim):
        side = image.shape[axis]
        by = max(1, round(SHIFT * side)) * int(rng.choice([-1, 1]))
        image = image.take(np.clip(np.arange(side) - by, 0, side - 1), axis)
    return image


def intensity(image: Image, rng: np.random.Generator) -> Image:
    """Change the gamma of all modalities alike."""
    exponent = float(np.exp(LOG_GAMMA * rng.choice([-1, 1])))
    spatial = tuple(range(1, image.ndim))
    low, span = image.min(axis=spatial, keepdims=True), np.ptp(image, axis=spatial, keepdims=True)
    return (low + span * ((image - low) / span) ** exponent).astype(np.float32)


def combo(image: Image, rng: np.random.Generator) -> Image:
    """Mirror, move, change the gamma and add noise."""
    for transform in (flip, shift, intensity, noise):
        image = transform(image, rng)
    return image


def rotation(image: Image, rng: np.random.Generator) -> Image:
    """Turn by 5 degrees in the plane of the last two axes; what comes in is the edge."""
    angle = TURN * float(rng.choice([-1, 1]))
    return _each(image, lambda channel: rotate(channel, angle, axes=(-2, -1), reshape=False, order=1, mode="nearest"))


def size(image: Image, rng: np.random.Generator) -> Image:
    """Enlarge by 5 % about the middle."""
    middle = (np.array(image.shape[1:]) - 1) / 2
    step = np.full(image.ndim - 1, 1 / ENLARGED)
    offset = middle - middle / ENLARGED
    return _each(image, lambda channel: affine_transform(channel, step, offset, order=1, mode="nearest"))


def inverted(image: Image, rng: np.random.Generator) -> Image:
    """Turn bright into dark in each modality, the background of volumes, 0, left as it is."""
    low, high = (edge(axis=tuple(range(1, image.ndim)), keepdims=True) for edge in (image.min, image.max))
    return np.where(image == 0, image, low + high - image).astype(np.float32)


def _each(image: Image, change: Callable[[Image], Image]) -> Image:
    return np.stack([change(channel) for channel in image]).astype(np.float32)


TRANSFORMS: Mapping[str, Transform] = {
    "exact": exact,
    "noise": noise,
    "flip": flip,
    "shift": shift,
    "intensity": intensity,
    "combo": combo,
}
"""Name of each transform that the search must see through -> its function."""

OUT_OF_SCOPE: Mapping[str, Transform] = {
    "rotation by 5 degrees": rotation,
    "5 % larger": size,
    "inverted": inverted,
}
"""The transforms that the search is not made to see through; planted all the same, so that every audit says how many
of them it sees."""


def transform_copy(image: Tensor, kind: str, rng: np.random.Generator) -> Tensor:
    """Return a copy of an image ``(C, *spatial)``, transformed in that way."""
    return torch.from_numpy(np.ascontiguousarray({**TRANSFORMS, **OUT_OF_SCOPE}[kind](image.numpy(), rng)))
