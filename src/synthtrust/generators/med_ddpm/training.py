"""The training of Med-DDPM: a network learns to predict the noise."""

import torch
from torch import Tensor, nn

from synthtrust.generators.brain.diffusion_learner import DiffusionLearner
from synthtrust.generators.brain.diffusion_painter import DiffusionPainter


class NoiseLearner(DiffusionLearner[DiffusionPainter]):
    """Learns to predict the noise by its mean absolute error (L1, as published), and averages its own weights."""

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch of examples."""
        image, condition, noise = self.packed(batch)
        t = batch["t"]
        prediction = self.network(torch.cat([self.diffusion.noised(image, t, noise), condition], 1), t)
        return self.checked(nn.functional.l1_loss(prediction.float(), noise))
