"""How alike the cases of one set are to one another: MS-SSIM of every pair, synthetic beside real."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.fidelity.measures import NAN, Resampling, Row, row
from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import load, standardised
from synthtrust.cases import Case
from synthtrust.cases.resizing import resize
from synthtrust.metrics.functional.diversity import SMALLEST, ms_ssim_pairs


def similarity_rows(
    synthetic_set: SyntheticSet,
    real: Sequence[Case],
    synthetic: Sequence[Case],
    resampling: Resampling,
    n_ms_ssim: int,
    grid: int = 32,
) -> list[Row]:
    """Mean MS-SSIM between pairs of synthetic cases, beside that between pairs of real ones; lower is more diverse.

    Each image has mean 0 and standard deviation 1, so that one range (that of a real image, in standard deviations)
    serves all. Limits are quantiles over resampled cases.
    """
    n = min(n_ms_ssim, len(real), len(synthetic))
    if n < 4 or grid < SMALLEST:
        return []
    real_images, synthetic_images = (
        torch.stack([_on_nodes(load(case, synthetic_set.modalities)[0], grid) for case in cases[:n]])
        for cases in (real, synthetic)
    )
    range_of_real = float(real_images.amax() - real_images.amin())
    real_mean, real_low, real_high = _resampled(_pair_matrix(real_images, range_of_real), resampling)
    value, low, high = _resampled(_pair_matrix(synthetic_images, range_of_real), resampling)
    note = f"{n} cases on each side, on {grid} nodes along each axis."
    return [
        row(
            synthetic_set.name, "images", "MS-SSIM between cases", value, ci_low=low, ci_high=high, floor=real_mean,
            floor_low=real_low, floor_high=real_high, ratio=value / real_mean, n_real=n, n_synthetic=n, note=note,
        )
    ]  # fmt: skip


def _pair_matrix(images: Tensor, data_range: float) -> NDArray[np.float64]:
    """Return the MS-SSIM of every pair ``(n, n)``, NaN on the diagonal."""
    n = len(images)
    pairs = np.full((n, n), NAN)
    pairs[np.triu_indices(n, k=1)] = ms_ssim_pairs(images, data_range, n_pairs=n * n).numpy()
    return np.fmax(pairs, pairs.T)


def _resampled(pairs: NDArray[np.float64], resampling: Resampling) -> tuple[float, float, float]:
    """Return the mean over pairs with limits over resampled cases.

    A case drawn twice makes no pair with itself, and a draw that holds one case alone is left out.
    """
    rng = np.random.default_rng(resampling.seed)
    n = len(pairs)
    drawn = rng.integers(0, n, (resampling.n_boot, n))
    with_pairs = drawn[(drawn != drawn[:, :1]).any(axis=1)]
    means = [np.nanmean(pairs[np.ix_(index, index)]) for index in with_pairs]  # the diagonal is NaN
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.nanmean(pairs)), float(low), float(high)


def _on_nodes(image: Tensor, grid: int) -> Tensor:
    """Standardise an image, then bring it to ``grid`` nodes along each axis."""
    return resize(standardised(image), [grid] * (image.ndim - 1))
