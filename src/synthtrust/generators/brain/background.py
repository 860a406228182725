"""Set background that is nearly zero to exactly zero, or refuse it if it is not distinct from the brain."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes
from scipy.ndimage import label as components

from synthtrust.cases import CaseError

TOLERATED = 0.1  # share of the voxels outside: real brains have a dark rim of a few per cent, a noisy box has half
MOST_BRAIN = 0.9  # share of the grid; a larger part is no brain in a background
LEAST_TUMOUR = 0.9  # share of the labelled voxels that must lie in the largest part
CLIP = 0.5  # [share of the 99th percentile]; brighter voxels are clipped, or a bright tumour would move the threshold


def cleared(
    images: Mapping[str, NDArray[np.floating]], label: NDArray[np.uint8], darkness: float = 0.25
) -> dict[str, NDArray[np.floating]] | None:
    """Set background to exactly zero where it is nearly zero, as a diffusion model leaves it.

    Real skull-stripped images are exactly 0 outside the brain, and foreground cropping and z-scores rely on it: with
    0.003 in place of 0, a network would see the two sources on different scales. Voxels are divided into dark and
    bright ones by their brightest modality (Otsu 1979). If the dark ones are dark enough to be background, the brain is
    the largest connected part above their noise, with holes filled.

    Args:
        images: Modality name -> image ``(H, W, D)``, in any units whose background is near 0.
        label: Canonical labels ``(H, W, D)``; labelled voxels are never background.
        darkness: Largest brightness of background [share of the brightness of the brain].

    Returns:
        New images; None if nearly no voxels would change, since the background is exactly 0 already, or if no voxels
        are dark enough to be background.

    Raises:
        CaseError: If the border of the grid is not near 0, or the largest part cannot be a brain around the tumour.
    """
    _check_border(images, darkness)
    bright = np.max([np.minimum(np.abs(image) / _top(image), CLIP) for image in images.values()], axis=0)
    cut = _level(bright[bright > 0], darkness)
    if cut is None:
        return None
    largest_part = _largest(bright > cut)
    brain = largest_part | (label > 0)
    if (bright > 0)[~brain].sum() <= TOLERATED * (~brain).sum():
        return None
    tumour = largest_part[label > 0].mean() if label.any() else 1.0
    if largest_part.mean() > MOST_BRAIN or tumour < LEAST_TUMOUR:
        raise CaseError(
            f"Expected a brain around its tumour in a dark background, but the bright part fills "
            f"{largest_part.mean():.0%} of "
            f"the grid and {tumour:.0%} of the tumour. Set the background to 0, or say generator.background=keep."
        )
    return {name: np.where(brain, image, 0) for name, image in images.items()}


def _check_border(images: Mapping[str, NDArray[np.floating]], darkness: float) -> None:
    for name, image in images.items():
        rim = np.concatenate([np.take(image, (0, -1), axis).ravel() for axis in range(image.ndim)])
        level = float(np.median(rim))
        if abs(level) > darkness * _top(image):
            raise CaseError(
                f"Expected background near 0, but {name} is {level:.3g} at the border. Shift the images so that "
                "background is 0, or say generator.background=keep if they have none."
            )


def _level(bright: NDArray[np.floating], darkness: float) -> float | None:
    """Return the brightness above which nothing is background noise; None if there is no dark part.

    Args:
        bright: Brightness of all voxels that are not exactly 0, in (0, CLIP].
        darkness: Largest mean of the dark part [share of the mean of the bright part].
    """
    counts, edges = np.histogram(bright, bins=200, range=(0, CLIP))
    middle = (edges[1:] + edges[:-1]) / 2
    n, total = np.cumsum(counts), np.cumsum(counts * middle)
    low = total / np.maximum(n, 1)
    high = (total[-1] - total) / np.maximum(n[-1] - n, 1)
    best = int(np.argmax(n * (n[-1] - n) * (high - low) ** 2))
    if n[best] == 0 or low[best] > darkness * high[best]:
        return None
    dark = bright[bright <= edges[best + 1]]
    return float(min(dark.mean() + 4 * dark.std(), edges[best + 1]))  # some of the dark parts of a brain is kept


def _top(image: NDArray[np.floating]) -> float:
    values = np.abs(image[image != 0])
    return float(np.quantile(values, 0.99)) if values.size else 1.0


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected part of a mask, holes filled."""
    parts, n = components(mask)
    if n == 0:
        return mask
    filled: NDArray[np.bool_] = binary_fill_holes(parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])))
    return filled
