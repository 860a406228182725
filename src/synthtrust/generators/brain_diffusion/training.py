"""The training of BrainDiffusion: a network learns to predict the velocity within the brain."""

import torch
from torch import Tensor

from synthtrust.generators.brain.box import space_to_depth
from synthtrust.generators.brain.diffusion_learner import DiffusionLearner
from synthtrust.generators.brain.diffusion_painter import DiffusionPainter
from synthtrust.generators.brain_diffusion.pca import BrainPCA
from synthtrust.generators.brain_diffusion.volumes import BrainVolumes


class PCAPainter(DiffusionPainter):
    """A generator that paints the principal components of brains, which its ``pca_`` has."""

    pca_: BrainPCA


class VelocityLearner(DiffusionLearner[PCAPainter]):
    """Learns to predict the velocity of principal components by its squared error, and averages its own weights.

    The prediction is then the mean of what is possible, which is what a sampler expects. Only the brain is noised,
    seen and judged; its background is neither.
    """

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch of examples."""
        generator = self.generator
        image, condition, noise = (
            space_to_depth(batch[key], generator.patch_fold) for key in ("image", "condition", "noise")
        )
        t, n_labels = batch["t"], generator.statistics_.n_channels
        brain = space_to_depth(batch["condition"][:, :n_labels].sum(1, keepdim=True), generator.patch_fold).amax(
            1, True
        )
        image = generator.pca_.in_components(image)
        noisy = self.diffusion.noised(image, t, noise) * brain
        prediction = self.network(torch.cat([noisy, condition], 1), t)
        error = (prediction - self.diffusion.velocity(image, t, noise)) ** 2 * brain
        return self.checked(error.sum() / (brain.sum() * error.shape[1]))

    def examples(self) -> BrainVolumes:
        """Return brains, or parts of them, standardised, with their noise and the average brain."""
        generator = self.generator
        return BrainVolumes(
            self.folder / "volumes",
            n_channels=generator.statistics_.n_channels,
            timesteps=generator.timesteps,
            patch_size=generator.patch_size,
            flip=generator.flip,
            seed=generator.seed,
            pca=generator.pca_,
        )
