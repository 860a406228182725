"""Feature spaces without any download, and a wrapper for any local network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from synthtrust.cases.resizing import resize
from synthtrust.metrics.embeddings import RandomConvFeatures, region_features, voxel_features

MARGIN = 4
"""Voxels kept around the labelled regions, as far as co-occurrence and gradients reach."""


class Space(Protocol):
    """The signature of a feature space: any such callable serves, from any package.

    One with an attribute ``raw`` that is true is handed the intensities of the files instead of standardised ones. KID
    of all features is taken as well of one with an attribute ``published`` that is true.
    """

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return the features ``(d,)`` of an image ``(C, *spatial)``; d is the same for every image of a cohort.

        Args:
            image: Each modality with mean 0 and standard deviation 1 over the voxels that are not 0, which stay 0.
            label: Its label map ``(*spatial)``, or None where the whole image has one class.
            labels: Values to look at in the label map.
            spacing: The spacing of the voxels [mm].
        """


@dataclass
class RandomConvolutions:
    """Statistics of fixed random filters at three scales, of the whole image on a working grid."""

    grid: int = 32
    """Nodes along each axis; the image is stretched to it."""
    channels: int = 16
    seed: int = 0

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return ``6 * channels`` features."""
        net = _network(len(image), image.ndim - 1, self.channels, self.seed)
        return net(resize(image.float(), [self.grid] * (image.ndim - 1))[None])[0]


@dataclass
class LowResolution:
    """The image itself, at low resolution: layout and shading, blind to texture."""

    grid: int = 8
    """Nodes along each axis."""

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return ``C * grid^d`` features."""
        return voxel_features(image[None], self.grid)[0]


@dataclass
class RegionTexture:
    """Intensity, texture and shape of each labelled region in full resolution; of the whole image where it has a class.

    The radiomic space: the one for twins, which share their outlines with real cases by construction.
    """

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return ``K * (39 * C + 7)`` features, NaN for a region that the case lacks."""
        if label is None:
            return region_features(image, torch.ones(image.shape[1:], dtype=torch.uint8), [1], spacing)
        is_labelled = torch.isin(label, torch.tensor(list(labels), dtype=label.dtype))
        if not is_labelled.any():
            return region_features(image, label, labels, spacing)
        box = tuple(
            slice(max(int(positions.min()) - MARGIN, 0), int(positions.max()) + MARGIN + 1)
            for positions in is_labelled.nonzero(as_tuple=True)
        )
        return region_features(image[(slice(None), *box)], label[box], labels, spacing)


@dataclass
class Network:
    """Features of any network, such as ``torch.jit.load`` of a local file.

    It must have been trained on other data, or on real training cases alone; never on test cases.
    """

    module: Callable[[Tensor], Tensor]
    """Takes ``(1, C, *spatial)``, standardised as above, and gives ``(1, d)``."""
    grid: int = 32

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return what the network gives."""
        with torch.no_grad():
            return self.module(resize(image.float(), [self.grid] * (image.ndim - 1))[None])[0].flatten()


@lru_cache(maxsize=8)
def _network(in_channels: int, spatial_dims: int, channels: int, seed: int) -> RandomConvFeatures:
    return RandomConvFeatures(in_channels, spatial_dims, channels, seed)
