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
        generator, t = self.generator, batch["t"]
        image, condition, noise = self.packed(batch)
        within = batch["condition"][:, : generator.statistics_.n_channels].sum(1, keepdim=True)
        brain = space_to_depth(within, generator.patch_fold).amax(1, keepdim=True)
        image = generator.pca_.in_components(image)
        noisy = self.diffusion.noised(image, t, noise) * brain
        prediction = self.network(torch.cat([noisy, condition], 1), t)
        error = (prediction - self.diffusion.velocity(image, t, noise)) ** 2 * brain
        return self.checked(error.sum() / (brain.sum() * error.shape[1]))

    def examples(self) -> BrainVolumes:
        """Return brains, or parts of them, standardised, with their noise and the average brain."""
        return BrainVolumes(self.folder / "volumes", pca=self.generator.pca_, **self.examples_options())
