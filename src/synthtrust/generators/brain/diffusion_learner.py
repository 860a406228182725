"""What the trainings of the brain diffusions share: the optimizer, and the examples in their order."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from synthtrust.generators.brain.box import space_to_depth
from synthtrust.generators.brain.diffusion_painter import DiffusionPainter
from synthtrust.generators.brain.noised_volumes import NoisedVolumes
from synthtrust.generators.training.draws import TrainingSampler
from synthtrust.generators.training.learner import Learner

G = TypeVar("G", bound=DiffusionPainter)


class DiffusionLearner(Learner, Generic[G]):
    """Trains the network of a diffusion on volumes with their noise; a subclass brings the loss, ``training_step``.

    Args:
        network: Sees noisy packed volumes, their condition and timesteps; trained in place.
        generator: Holds the hyper-parameters and the statistics of the training cases.
        folder: The folder of the checkpoint, with the prepared volumes in ``volumes``.
        metadata: Kept in the checkpoint; plain values and tensors.
    """

    def __init__(self, network: nn.Module, generator: G, folder: Path, metadata: dict[str, Any]) -> None:
        super().__init__(network, generator.ema_decay, folder, metadata)
        self.generator, self.diffusion = generator, generator.diffusion

    def examples(self) -> NoisedVolumes:
        """Return volumes, or random parts of them, with their noise."""
        return NoisedVolumes(self.folder / "volumes", **self.examples_options())

    def examples_options(self) -> dict[str, Any]:
        """Return the options of ``NoisedVolumes``, as the generator has them."""
        generator = self.generator
        return {
            "n_channels": generator.statistics_.n_channels,
            "timesteps": generator.timesteps,
            "patch_size": generator.patch_size,
            "flip": generator.flip,
            "seed": generator.seed,
        }

    def packed(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return image, condition and noise of a batch as the network sees them: packed, each ``(B, C, ...)``."""
        image, condition, noise = (
            space_to_depth(batch[key], self.generator.patch_fold) for key in ("image", "condition", "noise")
        )
        return image, condition, noise

    def configure_optimizers(self) -> Any:
        """Return Adam, at a constant rate or annealed."""
        adam = torch.optim.Adam(self.network.parameters(), lr=self.generator.lr)
        return self.annealed(adam, self.generator.max_steps) if self.generator.anneal else adam

    def train_dataloader(self) -> DataLoader:
        """Return all examples of the training but those that a resumed training has seen."""
        generator = self.generator
        draws = TrainingSampler(
            generator.max_steps * generator.accumulate,
            generator.batch_size,
            self.trainer.global_rank,
            self.trainer.world_size,
            done=lambda: self.trainer.global_step * generator.accumulate,
        )
        return self.loader(self.examples(), draws, generator.batch_size)
