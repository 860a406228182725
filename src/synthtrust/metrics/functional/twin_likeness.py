"""The difference of a twin from the real image on the same mask: SSIM, and the intensities region by region.

These measures are descriptive, and more similar is not better: a perfect copy has SSIM 1 and every distance 0. A twin
that resembles its source more than twins of unseen masks do is a leak, see `twin_leak`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from synthtrust.metrics.functional.ssim import TRUNCATE, similarity
from synthtrust.refusals import Refusal

SIGMA = 1.5
KERNEL = 2 * int(TRUNCATE * SIGMA + 0.5) + 1
"""Fewest voxels along an axis (11)."""


@dataclass(frozen=True)
class RegionDistances:
    """Differences of a twin from its source by modality and region, ``(C, K)``; NaN where the region is empty."""

    mean_difference: NDArray[np.float64]
    """Mean of the twin minus mean of the real image [intensity units]."""
    sd_difference: NDArray[np.float64]
    """Standard deviation of the twin minus that of the real image, ``ddof=0`` [intensity units]."""
    ks: NDArray[np.float64]
    """Kolmogorov-Smirnov distance of the intensities, from 0 to 1."""
    wasserstein: NDArray[np.float64]
    """Wasserstein-1 distance of the intensities [intensity units]."""
    n_voxels: NDArray[np.int64]
    """Number of voxels of each region, ``(K,)``."""


def twin_ssim(real: Tensor, twin: Tensor, data_range: float) -> float:
    """Return the structural similarity of a twin and its source, averaged over modalities.

    Args:
        real: Image ``(C, H, W)`` or ``(C, D, H, W)``.
        twin: Image of the same shape.
        data_range: Range of intensities in the real training images, fixed for a study.

    Raises:
        Refusal: If the shapes differ, an axis has fewer than 11 voxels, a voxel is not finite, or the range is not
            positive.

    >>> import torch
    >>> image = torch.arange(144.0).reshape(1, 12, 12)
    >>> round(twin_ssim(image, image, data_range=144.0), 4)
    1.0
    """
    if real.shape != twin.shape or real.ndim not in (3, 4) or min(real.shape[1:]) < KERNEL:
        raise Refusal(
            f"Expected two images (C, *spatial) of one shape with at least {KERNEL} voxels along each axis, but got "
            f"{tuple(real.shape)} and {tuple(twin.shape)}."
        )
    if not (data_range > 0 and real.isfinite().all() and twin.isfinite().all()):
        raise Refusal(f"Expected finite images and a positive data_range, but got {data_range} or NaN voxels.")
    pairs = zip(*(x.as_subclass(Tensor).double().cpu().numpy() for x in (twin, real)))
    return float(np.mean([similarity(painted, true, data_range, SIGMA)[0] for painted, true in pairs]))


def region_distances(real: Tensor, twin: Tensor, label: Tensor, labels: Sequence[int]) -> RegionDistances:
    """Compare the intensities of a twin and its source inside each region.

    Args:
        real: Image ``(C, *spatial)``.
        twin: Image of the same shape, in the same intensity unit.
        label: Label map ``(*spatial)`` of both.
        labels: The K labels of the regions.

    Raises:
        Refusal: If the shapes differ or an image holds NaN or infinity in a region.

    >>> import torch
    >>> label = torch.tensor([[0, 0, 1, 1]])
    >>> real, twin = torch.tensor([[[0.0, 1.0, 4.0, 6.0]]]), torch.tensor([[[0.0, 1.0, 7.0, 9.0]]])
    >>> distances = region_distances(real, twin, label, [0, 1])
    >>> distances.mean_difference.tolist(), distances.ks.tolist(), distances.wasserstein.tolist()
    ([[0.0, 3.0]], [[0.0, 1.0]], [[0.0, 3.0]])
    """
    if real.shape != twin.shape or real.shape[1:] != label.shape:
        raise Refusal(
            f"Expected two images (C, *spatial) on one label map, but got {tuple(real.shape)}, {tuple(twin.shape)} and "
            f"{tuple(label.shape)}."
        )
    a, b = (x.as_subclass(Tensor).double().cpu().numpy() for x in (real, twin))
    regions = label.as_subclass(Tensor).cpu().numpy()
    masks = [regions == value for value in labels]
    likeness = np.full((4, len(a), len(labels)), np.nan)
    for k, mask in enumerate(masks):
        for c in range(len(a) if mask.any() else 0):
            x, y = a[c][mask], b[c][mask]
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                raise Refusal(f"Expected finite intensities, but got NaN or infinity in region {labels[k]}.")
            ks = stats.ks_2samp(x, y, method="asymp").statistic  # its p would count voxels as patients
            likeness[:, c, k] = y.mean() - x.mean(), y.std() - x.std(), ks, stats.wasserstein_distance(x, y)
    return RegionDistances(
        likeness[0], likeness[1], likeness[2], likeness[3], np.array([int(mask.sum()) for mask in masks])
    )
