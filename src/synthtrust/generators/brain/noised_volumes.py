"""The training examples of a diffusion of brains: image, condition, timestep, and noise."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synthtrust.generators.brain.box import Size
from synthtrust.generators.brain.volumes import Pairs


class NoisedVolumes(Pairs):
    """Pairs with the further entries ``noise``, ``(M, *patch)`` float32, and ``t``, the timestep.

    Args:
        folder: The folder of the prepared volumes.
        timesteps: T of the diffusion.
        n_channels, patch_size, flip, seed: See ``Pairs``.
    """

    def __init__(
        self, folder: Path, *, n_channels: int, timesteps: int, patch_size: Size | None, flip: bool, seed: int
    ) -> None:
        super().__init__(folder, n_channels=n_channels, patch_size=patch_size, flip=flip, seed=seed)
        self.timesteps = timesteps

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Draw timestep and noise."""
        return {
            "t": torch.tensor(int(rng.integers(self.timesteps))),
            "noise": torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)),
        }
