"""The training: a network learns to tell the noise, and is resumed where a killed process left it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from synthtrust.generators.brain.box import Size, pack
from synthtrust.generators.brain.statistics import Survey
from synthtrust.generators.brain.volumes import Draws
from synthtrust.generators.diffusion.schedule import Diffusion
from synthtrust.generators.med_ddpm.volumes import Volumes
from synthtrust.generators.training.learner import Learner
from synthtrust.generators.training.loop import WriteLoss, train_to_end


@dataclass(frozen=True)
class Schedule:
    """How a training goes; the fields of the same names of the generator say what they are."""

    pack: int
    patch_size: Size | None
    flip: bool
    lr: float
    anneal: bool
    max_steps: int
    batch_size: int
    accumulate: int
    ema_decay: float
    grad_clip: float | None
    precision: str
    devices: int | str
    seed: int


def train(
    network: nn.Module,
    diffusion: Diffusion,
    known: Survey,
    plan: Schedule,
    home: Path,
    facts: dict,
    loggers: Sequence[Logger] = (),
    callbacks: Sequence[Callback] = (),
) -> None:
    """Train a network on the volumes prepared in ``home/volumes``; leave ``home/last.ckpt`` and ``home/loss.csv``.

    A training that was interrupted goes on from ``home/last.ckpt``, with the examples it would have seen.

    Args:
        network: Tells the noise in packed images; trained in place.
        diffusion: Its schedule.
        known: What was seen of the training cases; with a typical brain, brains alone are painted.
        plan: How long, and with what.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values.
        loggers: Are told the losses; with several devices nobody is, since no logger follows into their processes.
        callbacks: More to be done on the way.

    Raises:
        ValueError: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    several = plan.devices not in (1, "1")
    train_to_end(
        NoiseLearner(network, diffusion, known, plan, home, facts),
        home,
        plan.max_steps,
        precision=plan.precision,
        callbacks=[WriteLoss(home, () if several else loggers), *callbacks],
        devices=plan.devices,
        accumulate=plan.accumulate,
        grad_clip=plan.grad_clip,
    )


class NoiseLearner(Learner):
    """Learns to tell the noise by its mean absolute error (L1, as published), and averages its own weights.

    With brains alone, it is the velocity of their principal components, by its squared error: the guess is then the
    mean of what is possible, which is what a sampler expects. The background is neither seen nor judged.
    """

    def __init__(
        self, network: nn.Module, diffusion: Diffusion, known: Survey, plan: Schedule, home: Path, facts: dict
    ) -> None:
        super().__init__(network, plan.ema_decay, home, facts)
        self.diffusion, self.known, self.plan = diffusion, known, plan

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch of examples."""
        image, condition, noise = (pack(batch[key], self.plan.pack) for key in ("image", "condition", "noise"))
        t = batch["t"]
        typical = self.known.typical
        if typical is None:
            told = self.network(torch.cat([self.diffusion.noised(image, t, noise), condition], 1), t)
            return self.checked(nn.functional.l1_loss(told.float(), noise))
        inside = pack(batch["condition"][:, : self.known.n_channels].sum(1, keepdim=True), self.plan.pack).amax(1, True)
        image = typical.in_components(image)
        told = self.network(torch.cat([self.diffusion.noised(image, t, noise) * inside, condition], 1), t)
        error = (told - self.diffusion.velocity(image, t, noise)) ** 2 * inside
        return self.checked(error.sum() / (inside.sum() * error.shape[1]))

    def configure_optimizers(self) -> Any:
        """Adam, at a constant rate as published, or annealed."""
        adam = torch.optim.Adam(self.network.parameters(), lr=self.plan.lr)
        return self.annealed(adam, self.plan.max_steps) if self.plan.anneal else adam

    def train_dataloader(self) -> DataLoader:
        """All examples of the training, those that a resumed training has seen left out."""
        plan = self.plan
        examples = Volumes(
            self.home / "volumes",
            n_channels=self.known.n_channels,
            timesteps=self.diffusion.timesteps,
            patch_size=plan.patch_size,
            flip=plan.flip,
            seed=plan.seed,
            typical=self.known.typical,
        )
        draws = Draws(
            plan.max_steps * plan.accumulate,
            plan.batch_size,
            self.trainer.global_rank,
            self.trainer.world_size,
            done=lambda: self.trainer.global_step * plan.accumulate,
        )
        return self.loader(examples, draws, plan.batch_size)
