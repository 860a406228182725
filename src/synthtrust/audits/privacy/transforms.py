"""Transformed copies: what the controls plant among synthetic images, one kind of transform at a time."""

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates, rotate
from torch import Tensor

from synthtrust.cases.resizing import resize

Image = NDArray[np.float32]
Transform = Callable[[Image, np.random.Generator], Image]
Mixture = Callable[[Image, Image, np.random.Generator], Image]

NOISE = 0.1  # standard deviation of the noise [standard deviations of the foreground, voxels that are not 0]
SHIFT = 1 / 16  # of the side, along each axis, at least one voxel
ENLARGED, KEPT = 1.05, 0.9  # factor; share of each side
WARP, SMOOTHNESS = 1 / 56, 1 / 7  # root mean square of the displacement, and width of its Gaussian [sides]
BLENDED = 0.6  # share of the copied image
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
    """Turn by 5 degrees in one plane; what comes in is the edge."""
    return _turned(image, 5, rng)


def rotation_10(image: Image, rng: np.random.Generator) -> Image:
    """Turn by 10 degrees in one plane; what comes in is the edge."""
    return _turned(image, 10, rng)


def _turned(image: Image, angle: float, rng: np.random.Generator) -> Image:
    planes = list(combinations(range(image.ndim - 1), 2))
    axes, turn = planes[int(rng.integers(len(planes)))], angle * float(rng.choice([-1, 1]))
    return _each(image, lambda channel: rotate(channel, turn, axes=axes, reshape=False, order=1, mode="nearest"))


def larger(image: Image, rng: np.random.Generator) -> Image:
    """Enlarge by 5 % about the middle."""
    return _resized(image, ENLARGED)


def smaller(image: Image, rng: np.random.Generator) -> Image:
    """Make smaller by 5 % about the middle; what comes in is the edge."""
    return _resized(image, 1 / ENLARGED)


def _resized(image: Image, factor: float) -> Image:
    middle = (np.array(image.shape[1:]) - 1) / 2
    step = np.full(image.ndim - 1, 1 / factor)
    offset = middle - middle / factor
    return _each(image, lambda channel: affine_transform(channel, step, offset, order=1, mode="nearest"))


def cropped(image: Image, rng: np.random.Generator) -> Image:
    """Cut out a box of 90 % of each side, anywhere, and stretch it to the whole image."""
    step = np.full(image.ndim - 1, KEPT)
    offset = rng.uniform(0, 1 - KEPT, image.ndim - 1) * (np.array(image.shape[1:]) - 1)
    return _each(image, lambda channel: affine_transform(channel, step, offset, order=1, mode="nearest"))


def warped(image: Image, rng: np.random.Generator) -> Image:
    """Move every place a little, neighbours alike: by a fifty-sixth of the side (root mean square)."""
    sides = image.shape[1:]
    fields = [gaussian_filter(rng.standard_normal(sides), [SMOOTHNESS * side for side in sides]) for _ in sides]
    scale = WARP / np.sqrt(np.mean([field**2 for field in fields]) * len(sides))
    where = [axis + field * scale * side for axis, field, side in zip(np.indices(sides), fields, sides)]
    return _each(image, lambda channel: map_coordinates(channel, where, order=1, mode="nearest"))


def inverted(image: Image, rng: np.random.Generator | None = None) -> Image:
    """Turn bright into dark in each modality, the background of volumes, 0, left as it is."""
    low, high = (edge(axis=tuple(range(1, image.ndim)), keepdims=True) for edge in (image.min, image.max))
    return np.where(image == 0, image, low + high - image).astype(np.float32)


def _each(image: Image, change: Callable[[Image], Image]) -> Image:
    return np.stack([change(channel) for channel in image]).astype(np.float32)


def blend(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """Add another image, of the same mean and spread in each modality: 60 % are of this one."""
    return (BLENDED * image + (1 - BLENDED) * other).astype(np.float32)


def half(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """Keep one half along one axis; the other half is another image's."""
    axis = 1 + int(rng.integers(image.ndim - 1))
    middle = image.shape[axis] // 2
    kept = (np.arange(image.shape[axis]) < middle) == bool(rng.integers(2))
    return np.where(np.expand_dims(kept, [i for i in range(image.ndim) if i != axis]), image, other)


def single_modality(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """Keep one modality; the others are another image's."""
    mixed = other.copy()
    channel = int(rng.integers(len(image)))
    mixed[channel] = image[channel]
    return mixed


TRANSFORMS: Mapping[str, Transform] = {
    "exact": exact,
    "noise": noise,
    "flip": flip,
    "shift": shift,
    "intensity": intensity,
    "combo": combo,
    "rotation by 5 degrees": rotation,
    "rotation by 10 degrees": rotation_10,
    "5 % larger": larger,
    "5 % smaller": smaller,
    "cropped by 10 %": cropped,
    "inverted": inverted,
    "elastic warp": warped,
}
"""Name of each transform of one image -> its function."""

MIXTURES: Mapping[str, Mixture] = {"blend of 60 %": blend, "half of the image": half}
"""Name of each transform that needs an honest image for what is not copied -> its function."""

ONE_MODALITY: Mapping[str, Mixture] = {"one modality": single_modality}
"""The same, for images of several modalities."""


def kinds(n_modalities: int) -> list[str]:
    """Name the transforms that are planted in every audit of images of so many modalities."""
    return [*TRANSFORMS, *MIXTURES, *(ONE_MODALITY if n_modalities > 1 else ())]


def transform_copy(image: Tensor, kind: str, rng: np.random.Generator, other: Tensor) -> Tensor:
    """Return a copy of an image ``(C, *spatial)``, transformed in that way.

    Args:
        image: What is copied.
        kind: One of `kinds`.
        rng: Where the transform draws from.
        other: An honest image, of any size, which makes up what is not copied.
    """
    mixture = {**MIXTURES, **ONE_MODALITY}.get(kind)
    if mixture is None:
        copy = TRANSFORMS[kind](image.numpy(), rng)
    else:
        copy = mixture(image.numpy(), _matched(other, image), rng)
    return torch.from_numpy(np.ascontiguousarray(copy))


def _matched(other: Tensor, image: Tensor) -> Image:
    """Bring another image to the size of an image, and to the mean and spread of its voxels that are not 0."""
    if other.shape[1:] != image.shape[1:]:
        other = resize(other, image.shape[1:])
    channels = []
    for a, b in zip(other.numpy().astype(np.float64), image.numpy().astype(np.float64)):
        inside, reference = a != 0, b[b != 0]
        spread = a[inside].std() or 1.0
        channels.append(np.where(inside, (a - a[inside].mean()) / spread * reference.std() + reference.mean(), 0))
    return np.stack(channels).astype(np.float32)
