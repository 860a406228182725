"""Images in, features out, with no weights to download: what fidelity is measured in.

No embedding is agreed on for medical images, so at least two are reported: `RandomConvFeatures` and `voxel_features`
see the whole image, `region_features` the texture inside each labelled region (the one for twins, which share the
outline by construction). `ReferencePca` then brings them to so few numbers as the patients can carry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.refusals import Refusal
from synthtrust.ties import signed

Array = NDArray[np.float64]

BINS = 32
"""Bins of the histogram for entropy and uniformity, and grey levels for co-occurrence, over the region's own range."""
GREYS = 8
LAGS = (1, 2, 4)
"""Distances between co-occurring voxels [voxels]."""
PER_MODALITY = 39
PER_SHAPE = 7


class RandomConvFeatures(nn.Module):
    """Mean and spread of fixed random convolutions at three scales, ``(N, C, *spatial)`` to ``(N, num_features)``.

    Each image is standardised by itself, modality by modality. The weights depend on the seed alone and are never
    trained; torchmetrics' FID and KID take the module as their feature network (it has ``num_features``).

    >>> net = RandomConvFeatures(in_channels=1, spatial_dims=2, channels=4)
    >>> net(torch.rand(3, 1, 16, 16)).shape, net.num_features
    (torch.Size([3, 24]), 24)
    """

    def __init__(self, in_channels: int = 1, spatial_dims: int = 3, channels: int = 16, seed: int = 0) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise Refusal(f"Expected 2 or 3 spatial dimensions, but got {spatial_dims}.")
        generator = torch.Generator().manual_seed(seed)  # the global generator stays as it is
        conv = nn.Conv3d if spatial_dims == 3 else nn.Conv2d
        self.stages = nn.ModuleList(
            nn.utils.skip_init(conv, a, b, kernel_size=3, padding=1, bias=False)
            for a, b in pairwise([in_channels, channels, channels, channels])
        )
        for parameter in self.parameters():
            fan_in = parameter[0].numel()
            parameter.data = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.requires_grad_(False)
        self.num_features = 2 * channels * len(self.stages)
        self.spatial_dims = spatial_dims

    def forward(self, images: Tensor) -> Tensor:
        """Return the features.

        Raises:
            Refusal: If the images have another number of axes than asked for, fewer than 8 voxels along one, or hold
                NaN or infinity.
        """
        spatial = tuple(range(2, images.ndim))
        if images.ndim != self.spatial_dims + 2 or min(images.shape[2:]) < 8 or not images.isfinite().all():
            raise Refusal(
                f"Expected finite images (N, C, *spatial) with {self.spatial_dims} spatial dimensions of at least 8 "
                f"voxels, but got {tuple(images.shape)}."
            )
        x = images.as_subclass(Tensor).double()  # before the mean is out, float32 cannot hold 1.7 million + 0.1
        x = x - x.mean(dim=spatial, keepdim=True)
        x = (x / x.std(dim=spatial, keepdim=True).clamp(min=1e-12)).float()
        pool = F.avg_pool3d if self.spatial_dims == 3 else F.avg_pool2d
        statistics = []
        for stage in self.stages:
            x = torch.relu(stage(x))
            statistics += [x.mean(dim=spatial), x.std(dim=spatial)]
            x = pool(x, 2)
        return torch.cat(statistics, dim=1)


def voxel_features(images: Tensor, grid: int = 8) -> Tensor:
    """Return low-resolution voxels, standardised image by image, ``(N, C * grid^d)``: the plainest features.

    Raises:
        Refusal: If the shape is not ``(N, C, *spatial)``, or a voxel is not finite.

    >>> voxel_features(torch.arange(16.0).reshape(1, 1, 4, 4), grid=2)
    tensor([[-1.0502, -0.6301,  0.6301,  1.0502]])
    """
    if images.ndim not in (4, 5) or not images.isfinite().all():
        raise Refusal(f"Expected finite images (N, C, *spatial), but got shape {tuple(images.shape)}.")
    x = images.as_subclass(Tensor).double()
    x = x - x.mean(dim=tuple(range(2, x.ndim)), keepdim=True)
    small = (F.adaptive_avg_pool3d if x.ndim == 5 else F.adaptive_avg_pool2d)(x, grid).flatten(2)  # (N, C, g^d)
    return (small / small.std(dim=2, keepdim=True).clamp(min=1e-12)).flatten(1).float()


def region_features(
    image: Tensor, label: Tensor, labels: Sequence[int], spacing: Sequence[float] | None = None
) -> Tensor:
    """Return intensity, texture and shape of each region as one row: 39 numbers a modality and 7 a region.

    Of each modality in each region: mean, standard deviation, skewness, kurtosis, smallest, largest, five percentiles,
    interquartile range, median absolute deviation, entropy and uniformity of the histogram; mean, spread, median and
    95th percentile of the gradient; mean size and spread of the Laplacian; the spread of what is left by Gaussians of
    0.5, 1, 2 voxels; and for pairs 1, 2 and 4 voxels apart, over all axes: contrast, homogeneity, energy,
    entropy of the grey-level co-occurrence, and correlation (the last without grey levels).
    Of each region: log volume, log surface, share of its bounding box, and how far it reaches and is spread.

    In the spirit of the Frechet radiomic distance (Konz et al.), not its feature set, and no radiomics standard.

    Args:
        image: One image ``(C, *spatial)``, in 2-D or 3-D.
        label: Its label map ``(*spatial)``.
        labels: K labels, in the order of the result.
        spacing: The spacing of the voxels along each axis [mm]; 1 by default.

    Returns:
        ``(K * (39 * C + 7),)``, float64. NaN for a region with fewer than 8 voxels in this case: `ReferencePca` fills
        it with the reference's mean.

    Raises:
        Refusal: If the shapes do not fit or the image holds NaN or infinity.

    >>> rng = torch.Generator().manual_seed(0)
    >>> row = region_features(torch.rand(2, 9, 8, 7, generator=rng), torch.ones(9, 8, 7, dtype=torch.int64), [1, 2])
    >>> row.shape, bool(row[:85].isfinite().all()), bool(row[85:].isnan().all())  # label 2 is not there
    (torch.Size([170]), True, True)
    """
    if image.ndim not in (3, 4) or image.shape[1:] != label.shape or not image.isfinite().all():
        raise Refusal(
            f"Expected a finite image (C, *spatial) on its label map, but got {tuple(image.shape)} and "
            f"{tuple(label.shape)}."
        )
    x = image.as_subclass(Tensor).double().cpu().numpy()
    regions = label.as_subclass(Tensor).cpu().numpy()
    step = np.ones(regions.ndim) if spacing is None else np.asarray(spacing, dtype=np.float64)
    rows = []
    maps = [_maps(modality, step) for modality in x]
    for value in labels:
        mask = regions == value
        if mask.sum() < 8:
            rows.append(np.full(PER_MODALITY * len(x) + PER_SHAPE, np.nan))
            continue
        textures = [_texture(modality, derived, mask) for modality, derived in zip(x, maps)]
        rows.append(np.concatenate([*textures, _shape(mask, step)]))
    return torch.from_numpy(np.concatenate(rows))


@dataclass
class ReferencePca:
    """Standardise features and keep their main directions, each with variance 1, all learned from reference rows alone.

    Without that variance the cubic kernel of KID would see the first direction alone.

    Fit it on real patients that are on neither side of the comparison; then bring every set through the same
    `transform`. Missing features (NaN: a region that a case lacks) count as the reference's mean, and features
    that do not vary in the reference are dropped.

    >>> reference = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    >>> pca = ReferencePca().fit(reference)
    >>> pca.transform(reference).shape, pca.n_reference_  # 50 patients carry 10 features, 6 are there
    (torch.Size([50, 6]), 50)
    """

    most: int = 32
    """Features to keep at most."""
    rows_per_feature: int = 5
    """Reference rows wanted for each feature kept."""
    reach: float = 5.0
    """Standard deviations of the reference beyond which a feature counts as that far: one odd image would else decide,
    since the kernel of KID is cubic (one radiograph of 300 moved it from 0 to -88)."""

    def fit(self, reference: Tensor) -> Self:
        """Learn from reference rows ``(n, d)``.

        Raises:
            Refusal: If there are too few rows to carry one feature, or none varies.
        """
        x = reference.detach().double().cpu()
        n_kept = min(self.most, len(x) // self.rows_per_feature)
        if x.ndim != 2 or n_kept < 1:
            raise Refusal(f"Expected at least {self.rows_per_feature} reference rows (n, d), but got {tuple(x.shape)}.")
        mean = x.nanmean(dim=0)
        filled = torch.where(x.isnan(), mean, x)
        spread = filled.std(dim=0)
        self.kept_ = (spread > 1e-9 * (1 + mean.abs())) & mean.isfinite()
        if not self.kept_.any():
            raise Refusal(f"Expected features that vary among {len(x)} reference rows, but got none.")
        self.mean_, self.spread_ = mean[self.kept_], spread[self.kept_]
        standard = self._standard(filled[:, self.kept_])
        _, strength, directions = torch.linalg.svd(standard, full_matrices=False)
        strong = strength > 1e-9 * strength[0]
        scale = len(x) ** 0.5 / strength[strong, None]  # each coordinate has variance 1 in the reference
        self.directions_ = (torch.from_numpy(signed(directions.numpy()))[strong] * scale)[:n_kept]  # (k, d')
        self.n_reference_ = len(x)
        return self

    def transform(self, rows: Tensor) -> Tensor:
        """Return the coordinates ``(n, k)`` of rows ``(n, d)``, float64, in standard units of the reference.

        Raises:
            Refusal: If the rows have another number of features than the reference, or hold infinity.
        """
        x = rows.detach().double().cpu()
        if x.ndim != 2 or x.shape[1] != len(self.kept_) or x.isinf().any():
            raise Refusal(f"Expected finite rows (n, {len(self.kept_)}), but got {tuple(x.shape)}.")
        x = x[:, self.kept_]
        return self._standard(torch.where(x.isnan(), self.mean_, x)) @ self.directions_.T

    def _standard(self, filled: Tensor) -> Tensor:
        return ((filled - self.mean_) / self.spread_).clamp(-self.reach, self.reach)


def _maps(image: Array, spacing: Array) -> list[Array]:
    """Return gradient magnitude, Laplacian and what three Gaussians leave, on the grid of the image."""
    slopes = [np.gradient(image, step, axis=axis) for axis, step in enumerate(spacing)]
    gradient = np.sqrt(sum(slope**2 for slope in slopes))
    return [gradient, ndimage.laplace(image), *(image - ndimage.gaussian_filter(image, s) for s in (0.5, 1.0, 2.0))]


def _texture(image: Array, maps: list[Array], mask: NDArray[np.bool_]) -> Array:
    """Return the 39 features of one modality in one region."""
    x = image[mask]
    mean, spread = x.mean(), x.std()
    standard = (x - mean) / spread if spread > 0 else np.zeros_like(x)
    p5, p25, p50, p75, p95 = np.percentile(x, [5, 25, 50, 75, 95])
    share = np.histogram(x, bins=BINS)[0] / len(x)
    first = [mean, spread, (standard**3).mean(), (standard**4).mean(), x.min(), x.max(), p5, p25, p50, p75, p95]
    first += [p75 - p25, np.median(np.abs(x - p50)), _entropy(share), (share**2).sum()]
    gradient, laplacian, *residuals = (derived[mask] for derived in maps)
    edges = [gradient.mean(), gradient.std(), np.median(gradient), np.percentile(gradient, 95)]
    edges += [np.abs(laplacian).mean(), laplacian.std()]
    pairs = [number for lag in LAGS for number in _co_occurrence(image, mask, lag)]
    return np.array([*first, *edges, *(residual.std() for residual in residuals), *pairs])


def _co_occurrence(image: Array, mask: NDArray[np.bool_], lag: int) -> list[float]:
    """Return contrast, homogeneity, energy, entropy and correlation of voxels ``lag`` apart along any axis."""
    first, second = [], []
    for axis in range(image.ndim):
        near, far = (np.moveaxis(image, axis, 0)[cut] for cut in (slice(None, -lag), slice(lag, None)))
        both = np.moveaxis(mask, axis, 0)[:-lag] & np.moveaxis(mask, axis, 0)[lag:]
        first.append(near[both])
        second.append(far[both])
    a, b = np.concatenate(first), np.concatenate(second)
    low, high = image[mask].min(), image[mask].max()
    if len(a) < 2 or high == low:
        return [0.0, 1.0, 1.0, 0.0, 0.0]  # what equal voxels have
    i, j = (((x - low) / (high - low) * GREYS).astype(int).clip(0, GREYS - 1) for x in (a, b))
    share = np.bincount(i * GREYS + j, minlength=GREYS**2) / len(a)
    difference = np.abs(np.subtract.outer(np.arange(GREYS), np.arange(GREYS))).ravel()
    correlation = float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
    contrast, homogeneity = (share * difference**2).sum(), (share / (1 + difference)).sum()
    return [float(contrast), float(homogeneity), float((share**2).sum()), _entropy(share), correlation]


def _shape(mask: NDArray[np.bool_], spacing: Array) -> Array:
    """Return log volume, log surface, share of the bounding box, reach along the longest axis, and spread (3)."""
    voxel = float(np.prod(spacing))
    padded = np.pad(mask, 1)
    faces = [np.diff(padded.astype(np.int8), axis=axis) != 0 for axis in range(mask.ndim)]
    surface = sum(float(face.sum()) * voxel / step for face, step in zip(faces, spacing))
    points = np.argwhere(mask) * spacing
    reach = np.ptp(points, axis=0) + spacing
    spread = np.sort(np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(min=0)))[::-1]  # along its own axes
    spread = np.append(spread, np.zeros(3 - len(spread)))
    volume = float(mask.sum()) * voxel
    return np.array([np.log(volume), np.log(surface), volume / float(np.prod(reach)), reach.max(), *spread])


def _entropy(share: Array) -> float:
    """Return the entropy of a histogram [bits]."""
    filled = share[share > 0]
    return float(-(filled * np.log2(filled)).sum())
