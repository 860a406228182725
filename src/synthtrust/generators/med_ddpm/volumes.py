"""The training examples of the diffusion: image, condition, the timestep to noise them up to, and the noise."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.generators.brain.box import Size
from synthtrust.generators.brain.mean_brain import Typical
from synthtrust.generators.brain.volumes import Pairs


class Volumes(Pairs):
    """Pairs with their noise: ``noise`` ``(M, *patch)`` float32, and the timestep ``t``; else as ``Pairs``.

    With a typical brain, parts lie around voxels of the brain, images are standardised and 0 outside of it, and the
    condition is followed by the average brain, as `with_average` gives it.

    Args:
        folder: Of the prepared volumes.
        timesteps: T of the diffusion.
        n_channels, patch_size, flip, seed: As of ``Pairs``.
        typical: None where the whole box is painted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        n_channels: int,
        timesteps: int,
        patch_size: Size | None,
        flip: bool,
        seed: int,
        typical: Typical | None = None,
    ) -> None:
        super().__init__(folder, n_channels=n_channels, patch_size=patch_size, flip=flip, seed=seed)
        self.timesteps, self.typical = timesteps, typical

    def corner(self, case: int, rng: np.random.Generator) -> list[int]:
        """Draw where a part begins; one of brains has a random voxel of the brain in its middle, if there is room."""
        if self.typical is None:
            return super().corner(case, rng)
        brain = np.flatnonzero(self.channels[case])
        middle = np.unravel_index(brain[rng.integers(len(brain))], self.channels.shape[1:])
        sides = zip(middle, self.channels.shape[1:], self.patch_size, strict=True)
        return [int(np.clip(at - want // 2, 0, have - want)) for at, have, want in sides]

    def as_seen(
        self, image: NDArray[np.float32], condition: NDArray[np.float32], box: tuple[slice, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Standardise the image within the brain, and follow the condition by the average brain."""
        if self.typical is None:
            return image, condition
        inside = condition.any(0)
        return self.typical.standardised(image) * inside, with_average(condition, self.typical.average[:, *box])

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Draw timestep and noise."""
        return {
            "t": torch.tensor(int(rng.integers(self.timesteps))),
            "noise": torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)),
        }


def with_average(condition: NDArray[np.float32], average: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a condition ``(K, ...)`` followed by the average brain ``(M, ...)``, which is 0 outside of the brain.

    The average says where in the brain a part lies: a label map alone does not tell the ventricles from the cortex.
    """
    return np.concatenate([condition, average * condition.any(0)])
