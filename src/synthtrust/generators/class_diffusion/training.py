"""The training: a network learns to predict velocities of images of all classes, and goes on where it was killed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from synthtrust.generators.class_diffusion.intensity_range import pixel_unshuffle
from synthtrust.generators.diffusion.schedule import Diffusion
from synthtrust.generators.training.draws import TrainingSampler, case_of_draw
from synthtrust.generators.training.learner import Learner
from synthtrust.generators.training.loop import KeepSteps, WriteLoss, train_to_end

if TYPE_CHECKING:
    from synthtrust.generators.class_diffusion.generator import ClassDiffusion


def train(
    network: nn.Module,
    diffusion: Diffusion,
    seen: "Batches",
    generator: "ClassDiffusion",
    home: Path,
    facts: dict,
    loggers: Sequence[Logger] = (),
) -> None:
    """Train a network; leave ``home/last.ckpt``, ``home/loss.csv``, and the weights at steps that are to be kept.

    A training that was interrupted goes on from ``home/last.ckpt``, with the batches it would have seen.

    Args:
        network: Predicts the velocity of folded images; trained in place.
        diffusion: The noise schedule.
        seen: The training images.
        generator: Holds the hyper-parameters.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values and tensors.
        loggers: Receive the losses.

    Raises:
        Refusal: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    train_to_end(
        VelocityLearner(network, diffusion, seen, generator, home, facts),
        home,
        generator.max_steps,
        precision=generator.precision_,
        callbacks=[WriteLoss(home, loggers), KeepSteps(home, generator.keep_steps or ())],
        grad_clip=generator.grad_clip,
    )


class Batches(Dataset):
    """Endless numbered batches: the same number gives the same batch. In each round of N draws every image comes once.

    A batch has ``image`` and ``noise``, ``(B, M, *size)`` float32; ``kind``, the conditions of the images (``nothing``
    for a share of them); and the timesteps ``t``, ``(B,)``, evenly spread so that the loss varies less.

    Args:
        units: Images ``(N, M, *size)`` in [-1, 1].
        kinds: The conditions of the images, ``(N, ...)``, see `Conditions`.
        nothing: The value for no condition, ``(...)``.
        timesteps: T of the diffusion.
        generator: Holds the hyper-parameters.
    """

    def __init__(
        self, units: NDArray[np.float16], kinds: NDArray, nothing: NDArray, timesteps: int, generator: "ClassDiffusion"
    ) -> None:
        self.units, self.kinds, self.nothing, self.timesteps = units, kinds, nothing, timesteps
        self.generator = generator

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        generator, n = self.generator, self.generator.batch_size
        rng = np.random.default_rng([generator.seed, 2, number])
        draws = range(number * n, (number + 1) * n)
        which = [case_of_draw(draw, len(self.units), generator.seed) for draw in draws]
        image, kind = self.units[which].astype(np.float32), self.kinds[which].copy()
        if generator.flip_axis is not None:
            turned = rng.random(n) < 0.5
            image[turned] = np.flip(image[turned], 2 + generator.flip_axis)
        kind[rng.random(n) < generator.class_dropout] = self.nothing
        t = ((rng.random() + np.arange(n) / n) % 1 * self.timesteps).astype(np.int64)
        noise = rng.standard_normal(image.shape, np.float32)
        arrays = {"image": image, "noise": noise, "kind": kind, "t": t}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


class VelocityLearner(Learner):
    """Learns the velocity by its mean squared error, and averages its own weights.

    The velocity ``sqrt(signal) * noise - sqrt(1 - signal) * image`` is about as hard to predict at every timestep,
    which suits few sampling steps; Salimans and Ho, Progressive Distillation for Fast Sampling of Diffusion Models,
    2022, Sec. 4.
    """

    def __init__(
        self,
        network: nn.Module,
        diffusion: Diffusion,
        seen: Batches,
        generator: "ClassDiffusion",
        home: Path,
        facts: dict,
    ) -> None:
        super().__init__(network, generator.ema_decay, home, facts)
        self.diffusion, self.seen, self.generator = diffusion, seen, generator

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        image, noise = (pixel_unshuffle(batch[key], self.generator.patch_fold) for key in ("image", "noise"))
        prediction = self.network(
            self.diffusion.noised(image, batch["t"], noise), batch["t"], class_labels=batch["kind"]
        )
        velocity = self.diffusion.velocity(image, batch["t"], noise)
        return self.checked(nn.functional.mse_loss(prediction.float(), velocity))

    def configure_optimizers(self) -> Any:
        """Return Adam, whose rate rises linearly, then falls to 0 along a cosine."""
        adam = torch.optim.Adam(self.network.parameters(), lr=self.generator.lr)
        return self.annealed(adam, self.generator.max_steps)

    def train_dataloader(self) -> DataLoader:
        """Return all batches of the training but those that a resumed training has seen."""
        left = TrainingSampler(self.generator.max_steps, 1, 0, 1, done=lambda: self.trainer.global_step)
        return self.loader(self.seen, left, None)
