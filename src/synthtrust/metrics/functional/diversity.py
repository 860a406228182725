"""The diversity of a set of images: the Vendi score of their features, and the MS-SSIM of pairs of images."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its usual name

from synthtrust.metrics.functional.kernel_distance import median_bandwidth
from synthtrust.metrics.functional.nearest_distance import features
from synthtrust.metrics.functional.ssim import TRUNCATE, similarity
from synthtrust.refusals import Refusal

SCALES = (0.2, 0.3, 0.5)
"""Weights of the three scales; the usual five need more than 160 voxels along each axis."""
SIGMA = 0.5
KERNEL = 2 * int(TRUNCATE * SIGMA + 0.5) + 1
SMALLEST = KERNEL * 2 ** (len(SCALES) - 1)
"""Fewest voxels along an axis (20): those of the Gaussian (5) at the coarsest scale."""


def vendi(rows: Tensor, bandwidth: float | None = None) -> float:
    r"""Return the effective number of different rows, :math:`\exp(-\sum_i \lambda_i \log \lambda_i)`.

    The :math:`\lambda_i` are the eigenvalues of the kernel matrix :math:`\exp(-|x-y|^2/(2s^2)) / n`. The score ranges
    from 1 (all rows equal) to n (all far apart). It grows with n, so compare sets of equal size, with one bandwidth.

    Source: Friedman and Dieng, "The Vendi Score" (2023).

    Args:
        rows: Features ``(n, d)``.
        bandwidth: s; by default the median distance of these rows. Use that of the real set for the synthetic one, too.

    Raises:
        Refusal: If a feature is NaN or infinite, or no bandwidth is given and the rows do not differ.

    >>> round(vendi(torch.tensor([[0.0], [0.0], [50.0], [50.0]]), bandwidth=1.0), 4)  # two kinds of rows
    2.0
    """
    x = features(rows)
    kernel = torch.exp(-(torch.cdist(x, x) ** 2) / (2 * (bandwidth or median_bandwidth(x)) ** 2))
    share = torch.linalg.eigvalsh(kernel / len(x)).clamp(min=0)
    return float(torch.exp(torch.special.entr(share).sum()))


def ms_ssim_pairs(
    images: Tensor,
    data_range: float,
    *,
    n_pairs: int = 200,
    seed: int = 0,
) -> Tensor:
    """Return the multi-scale SSIM of random pairs of images in a set; a low mean shows a diverse set.

    There are three scales with a Gaussian of 0.5 voxels, so that images may have as few as 20 voxels along an axis.
    Compare the mean with that of the real set at the same ``data_range``; by itself it has no meaning.

    Args:
        images: ``(N, C, H, W)`` or ``(N, C, D, H, W)``.
        data_range: Range of intensities in the real training set; the range of the batch, which libraries take by
            default, would give another value for every batch.
        n_pairs: Number of pairs, drawn without repetition; all if there are fewer.
        seed: Seed of the draw.

    Returns:
        One value for each pair, from 0 to 1.

    Raises:
        Refusal: If an axis has fewer than 20 voxels, there is no pair, a voxel is not finite, or the range is not
            positive.

    >>> image = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    >>> ms_ssim_pairs(image.repeat(3, 1, 1, 1), data_range=1.0)  # three equal images
    tensor([1., 1., 1.])
    """
    if images.ndim not in (4, 5) or min(images.shape[2:]) < SMALLEST or not images.isfinite().all():
        raise Refusal(
            f"Expected finite images (N, C, *spatial) with at least {SMALLEST} voxels along each axis, but got "
            f"{tuple(images.shape)}."
        )
    if not data_range > 0:
        raise Refusal(f"Expected a positive data_range, the range of the real training images, but got {data_range}.")
    first, second = np.triu_indices(len(images), k=1)
    if not len(first):
        raise Refusal(f"Expected at least two images, but got {len(images)}.")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(first))[:n_pairs])
    scales = [images.as_subclass(Tensor).double().cpu()]
    pool = F.avg_pool3d if images.ndim == 5 else F.avg_pool2d
    while len(scales) < len(SCALES):
        scales.append(pool(scales[-1], 2))
    ready = [scale.numpy() for scale in scales]
    values = [_ms_ssim([scale[i] for scale in ready], [scale[j] for scale in ready], data_range)
              for i, j in zip(first[drawn], second[drawn])]  # fmt: skip
    return torch.tensor(values, dtype=torch.float32)


def _ms_ssim(first: Sequence[NDArray], second: Sequence[NDArray], data_range: float) -> float:
    """Return the product over scales of images ``(C, *spatial)`` at each scale; factors below 0 count as 0."""
    similarities = [
        np.mean([similarity(a, b, data_range, SIGMA) for a, b in zip(x, y)], axis=0) for x, y in zip(first, second)
    ]  # (similarity, contrast and structure) of each scale
    factors = [*(contrast for _, contrast in similarities[:-1]), similarities[-1][0]]
    return float(np.prod(np.maximum(factors, 0) ** np.array(SCALES)))
