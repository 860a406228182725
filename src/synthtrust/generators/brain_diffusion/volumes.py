"""The training examples of BrainDiffusion: standardised brains, with the average brain beside their labels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthtrust.generators.brain.box import Size
from synthtrust.generators.brain.noised_volumes import NoisedVolumes
from synthtrust.generators.brain_diffusion.pca import BrainPCA


class BrainVolumes(NoisedVolumes):
    """Volumes with their noise, whose images are standardised and 0 outside of the brain.

    Random parts lie around voxels of the brain, and the condition is followed by the average brain, as `with_average`
    gives it.

    Args:
        folder: The folder of the prepared volumes.
        pca: Standardises the images, and has the average brain.
        n_channels, timesteps, patch_size, flip, seed: See ``NoisedVolumes``.
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
        pca: BrainPCA,
    ) -> None:
        super().__init__(
            folder, n_channels=n_channels, timesteps=timesteps, patch_size=patch_size, flip=flip, seed=seed
        )
        self.pca = pca

    def corner(self, case: int, rng: np.random.Generator) -> list[int]:
        """Draw where a part begins, so that a random voxel of the brain is in its middle if possible."""
        brain = np.flatnonzero(self.channels[case])
        middle = np.unravel_index(brain[rng.integers(len(brain))], self.channels.shape[1:])
        sides = zip(middle, self.channels.shape[1:], self.patch_size, strict=True)
        return [int(np.clip(at - want // 2, 0, have - want)) for at, have, want in sides]

    def as_seen(
        self, image: NDArray[np.float32], condition: NDArray[np.float32], box: tuple[slice, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Standardise the image within the brain, and follow the condition by the average brain."""
        brain = condition.any(0)
        return self.pca.standardised(image) * brain, with_average(condition, self.pca.average[:, *box])


def with_average(condition: NDArray[np.float32], average: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a condition ``(K, ...)`` followed by the average brain ``(M, ...)``, which is 0 outside of the brain.

    The average shows where in the brain a part lies: a label map alone does not distinguish ventricles and cortex.
    """
    return np.concatenate([condition, average * condition.any(0)])
