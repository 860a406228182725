"""The training of Med-DDPM: a network learns to predict the noise."""

import torch
from torch import Tensor, nn

from synthtrust.generators.brain.box import space_to_depth
from synthtrust.generators.brain.diffusion_learner import DiffusionLearner
from synthtrust.generators.brain.diffusion_painter import DiffusionPainter
from synthtrust.generators.brain.noised_volumes import NoisedVolumes


class NoiseLearner(DiffusionLearner[DiffusionPainter]):
    """Learns to predict the noise by its mean absolute error (L1, as published), and averages its own weights."""

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch of examples."""
        image, condition, noise = (
            space_to_depth(batch[key], self.generator.patch_fold) for key in ("image", "condition", "noise")
        )
        t = batch["t"]
        prediction = self.network(torch.cat([self.diffusion.noised(image, t, noise), condition], 1), t)
        return self.checked(nn.functional.l1_loss(prediction.float(), noise))

    def examples(self) -> NoisedVolumes:
        """Return volumes, or random parts of them, with their noise."""
        generator = self.generator
        return NoisedVolumes(
            self.folder / "volumes",
            n_channels=generator.statistics_.n_channels,
            timesteps=generator.timesteps,
            patch_size=generator.patch_size,
            flip=generator.flip,
            seed=generator.seed,
        )
