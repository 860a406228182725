"""The principal components of brains: units in which brains have mean 0 and standard deviation 1."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.generators.brain.box import space_to_depth
from synthtrust.generators.brain.mean_brain import average_brain
from synthtrust.generators.brain.volumes import load_prepared
from synthtrust.ties import signed

LEAST_STD = 1e-3  # of a modality that is the same everywhere, and least variance of a component


@dataclass(frozen=True)
class BrainPCA:
    """The principal components of packed brains, and the average brain of the training cases.

    A brain is a small part of the range [-1, 1] and of its box, most of which is air at -1. Noise that hides a brain
    hides its background first, and a network that learns both learns the background.
    """

    mean: NDArray[np.float32]
    """Mean within the brains, ``(M,)``, in [-1, 1]."""
    std: NDArray[np.float32]
    """Standard deviation within the brains, ``(M,)``."""
    average: NDArray[np.float32]
    """Average brain, its labels left out, ``(M, *size)``, in standard deviations from the mean; 0 where none is."""
    components: NDArray[np.float32]
    """Principal components of packed voxels, ``(C, C)``, one a column."""
    variances: NDArray[np.float32]
    """Variances of the components, the largest first, ``(C,)``."""
    clip: NDArray[np.float32]
    """Largest absolute value of each component, ``(C,)``."""

    def standardised(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an image ``(M, ...)`` of [-1, 1] in standard deviations from the mean.

        >>> pca = BrainPCA(*np.float32([[0.5], [0.25]]), *[np.zeros(0, np.float32)] * 4)
        >>> pca.standardised(np.ones((1, 1, 1, 1), np.float32)).item()
        2.0
        >>> pca.restored(np.full((1, 1, 1, 1), 2, np.float32)).item()
        1.0
        """
        standardised: NDArray[np.float32] = (image - self._each(self.mean)) / self._each(self.std)
        return standardised

    def restored(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo ``standardised``."""
        restored: NDArray[np.float32] = image * self._each(self.std) + self._each(self.mean)
        return restored

    def in_components(self, packed: Tensor) -> Tensor:
        """Return packed standardised images ``(B, C, ...)`` in principal components; noise stays what it is."""
        return torch.einsum("ck,bc...->bk...", torch.from_numpy(self.components).to(packed), packed)

    def from_components(self, packed: Tensor) -> Tensor:
        """Undo ``in_components``."""
        return torch.einsum("ck,bk...->bc...", torch.from_numpy(self.components).to(packed), packed)

    def plain(self) -> dict[str, Any]:
        """Return values that a checkpoint may hold and load safely."""
        return {name: torch.from_numpy(value) for name, value in vars(self).items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Undo ``plain``."""
        return cls(**{name: value.numpy() for name, value in plain.items()})

    @staticmethod
    def _each(value: NDArray[np.float32]) -> NDArray[np.float32]:
        return value[:, None, None, None]


def fit_pca(folder: Path, n_channels: int, factor: int, *, flip: bool) -> BrainPCA:
    """Measure prepared volumes, one at a time.

    Args:
        folder: The folder of the prepared volumes.
        n_channels: The number of channels of the condition, the brain's last.
        factor: Voxels per side that are packed.
        flip: Average each volume with its mirror image.
    """
    average, nothing = average_brain(folder, n_channels, flip=flip).numpy(), np.empty(0, np.float32)
    pca = BrainPCA(*_mean_and_std(folder), average, nothing, nothing, nothing)
    components, variances = _principal_components(_packed(folder, pca, factor))
    clip = np.max([np.abs(components.T @ voxels).max(1, initial=0) for voxels in _packed(folder, pca, factor)], 0)
    return replace(
        pca,
        average=np.where((average > -1).any(0), pca.standardised(average), np.float32(0)),
        components=components.astype(np.float32),
        variances=np.maximum(variances, LEAST_STD).astype(np.float32),
        clip=clip.astype(np.float32),
    )


def _mean_and_std(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation within brains, ``(M,)`` each."""
    images, channels = load_prepared(folder)
    n, total, squares = 0, np.zeros(images.shape[1]), np.zeros(images.shape[1])
    for image, channel in zip(images, channels):
        inside = image[:, channel > 0].astype(np.float64)
        n, total, squares = n + inside.shape[1], total + inside.sum(1), squares + (inside**2).sum(1)
    mean = total / n
    std = np.sqrt(np.maximum(squares / n - mean**2, LEAST_STD**2))
    return mean.astype(np.float32), std.astype(np.float32)


def _packed(folder: Path, pca: BrainPCA, factor: int) -> Iterator[NDArray[np.float64]]:
    """Yield the packed voxels of each volume that hold brain alone, standardised, ``(C, voxels)``."""
    for image, channel in zip(*load_prepared(folder)):
        folded = space_to_depth(torch.from_numpy(pca.standardised(image.astype(np.float32)))[None], factor)[0]
        brain = space_to_depth(torch.from_numpy((channel > 0).astype(np.float32))[None, None], factor)[0].amin(0)
        yield folded[:, brain > 0].double().numpy()


def _principal_components(
    volumes: Iterable[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the principal components of points ``(C, n)``, one a column, and their variances, the largest first."""
    products: NDArray[np.float64] = np.zeros(())
    n = 0
    for points in volumes:
        products, n = products + points @ points.T, n + points.shape[1]
    variances, components = np.linalg.eigh(products / max(n, 1))
    return signed(components.T[::-1]).T, variances[::-1]
