"""The training: a network learns to tell velocities of images of every class, and is resumed where it was killed."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from synthtrust.checkpoints import AtomicCheckpointIO
from synthtrust.generators.class_diffusion.frame import fold
from synthtrust.generators.med_ddpm.diffusion import Diffusion
from synthtrust.generators.med_ddpm.training import FACTS, GPU_WORKERS, LAST, WARM_UP, KeepLast, WriteLoss, read_last
from synthtrust.generators.painting.fitting import quiet
from synthtrust.generators.painting.volumes import Draws

RISE = 0.05  # share of the training in which the learning rate rises


@dataclass(frozen=True)
class Schedule:
    """How a training goes; the fields of the same names of the generator say what they are."""

    pack: int
    mirror: int | None
    class_dropout: float
    lr: float
    max_steps: int
    batch_size: int
    ema_decay: float
    grad_clip: float | None
    precision: str
    seed: int


def train(
    network: nn.Module,
    diffusion: Diffusion,
    seen: "Batches",
    plan: Schedule,
    home: Path,
    facts: dict,
    loggers: Sequence[Logger] = (),
) -> None:
    """Train a network; leave ``home/last.ckpt`` and ``home/loss.csv``.

    A training that was interrupted goes on from ``home/last.ckpt``, with the batches it would have seen.

    Args:
        network: Tells the velocity in folded images; trained in place.
        diffusion: Its schedule.
        seen: The training images.
        plan: How long, and with what.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values and tensors.
        loggers: Are told the losses.

    Raises:
        ValueError: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    last = home / LAST
    with quiet():
        trainer = Trainer(
            accelerator="auto",
            devices=1,
            precision=plan.precision,  # type: ignore[arg-type]
            max_steps=plan.max_steps,
            max_epochs=-1,
            gradient_clip_val=plan.grad_clip,
            logger=False,
            callbacks=[KeepLast(home), WriteLoss(home, loggers)],
            enable_checkpointing=False,
            enable_model_summary=False,
            plugins=[AtomicCheckpointIO(), LightningEnvironment()],
            default_root_dir=home,
        )
        module = VelocityLearner(network, diffusion, seen, plan, facts)
        trainer.fit(module, ckpt_path=last if last.exists() else None)
    if (step := read_last(home)["global_step"]) != plan.max_steps:
        raise RuntimeError(f"Expected {plan.max_steps} training steps, but the training stopped after {step}.")


class Batches(Dataset):
    """Endless batches, numbered: the same number gives the same batch. In each round of N draws every image comes once.

    Each: ``image`` and ``noise`` ``(B, M, *size)`` float32, ``kind`` ``(B,)``, which is ``n_classes`` where the class
    is kept back, and the timesteps ``t`` ``(B,)``, spread evenly over the batch so that its loss varies less.

    Args:
        units: Images ``(N, M, *size)`` in [-1, 1].
        classes: Of the images, ``(N,)``.
        timesteps: T of the diffusion.
        plan: Size of a batch, and the rest.
    """

    def __init__(self, units: NDArray[np.float16], classes: NDArray[np.int64], timesteps: int, plan: Schedule) -> None:
        self.units, self.classes, self.timesteps, self.plan = units, classes, timesteps, plan
        self.n_classes = int(classes.max()) + 1

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        plan, n = self.plan, self.plan.batch_size
        rng = np.random.default_rng([plan.seed, 2, number])
        draws = range(number * n, (number + 1) * n)
        which = [
            _shuffled(plan.seed, draw // len(self.units), len(self.units))[draw % len(self.units)] for draw in draws
        ]
        image, kind = self.units[which].astype(np.float32), self.classes[which].copy()
        if plan.mirror is not None:
            turned = rng.random(n) < 0.5
            image[turned] = np.flip(image[turned], 2 + plan.mirror)
        kind[rng.random(n) < plan.class_dropout] = self.n_classes
        t = ((rng.random() + np.arange(n) / n) % 1 * self.timesteps).astype(np.int64)
        noise = rng.standard_normal(image.shape, np.float32)
        arrays = {"image": image, "noise": noise, "kind": kind, "t": t}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


@lru_cache(maxsize=4)
def _shuffled(seed: int, round_: int, n: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 1, round_]).permutation(n)


class VelocityLearner(LightningModule):
    """Learns the velocity by its mean squared error, and averages its own weights.

    The velocity ``sqrt(signal) * noise - sqrt(1 - signal) * image`` is as hard to tell at every timestep, which suits
    few sampling steps; Salimans and Ho, Progressive Distillation for Fast Sampling of Diffusion Models, 2022, Sec. 4.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, diffusion: Diffusion, seen: Batches, plan: Schedule, facts: dict) -> None:
        super().__init__()
        self.network, self.average = network, copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.diffusion, self.seen, self.plan, self.facts = diffusion, seen, plan, facts

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        image, noise = (fold(batch[key], self.plan.pack) for key in ("image", "noise"))
        told = self.network(self.diffusion.noised(image, batch["t"], noise), batch["t"], class_labels=batch["kind"])
        share = self.diffusion.noise_share(batch["t"], image)
        loss = nn.functional.mse_loss(told.float(), (1 - share**2).sqrt() * noise - share * image)
        if not torch.isfinite(loss):
            raise ValueError(_diverged(f"a loss of {loss.item()}", self.trainer.global_step + 1))
        self.log("loss", loss, prog_bar=True)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take a step, and let the average follow."""
        super().optimizer_step(*args, **kwargs)
        self.updates += 1
        n = int(self.updates)
        decay = min(self.plan.ema_decay, n / (WARM_UP + n))
        for kept, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(now.detach(), 1 - decay)

    def configure_optimizers(self) -> Any:
        """Adam; its rate rises linearly, then falls to 0 along a cosine."""
        adam = torch.optim.Adam(self.network.parameters(), lr=self.plan.lr)
        end = self.plan.max_steps
        rate = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: rate_at(step, end))
        return {"optimizer": adam, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def train_dataloader(self) -> DataLoader:
        """All batches of the training, those that a resumed training has seen left out."""
        left = Draws(self.plan.max_steps, 1, 0, 1, done=lambda: self.trainer.global_step)
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        return DataLoader(
            self.seen, batch_size=None, sampler=left, num_workers=GPU_WORKERS if on_gpu else 0, pin_memory=on_gpu
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put our own facts beside the weights, which have to be finite: a ruined network takes nobody's place."""
        if not all(torch.isfinite(weight).all() for weight in self.network.parameters()):
            raise ValueError(_diverged("weights that are not", self.trainer.global_step))
        checkpoint[FACTS] = self.facts


def _diverged(what: str, step: int) -> str:
    return (
        f"Expected finite losses and weights, but got {what} at step {step} of the generator's training. Lower "
        "generator.lr, set generator.grad_clip=1, or use generator.precision=32-true."
    )


def rate_at(step: int, end: int) -> float:
    """Return the share of the learning rate at a step from 0 to ``end``.

    >>> [round(rate_at(step, 100), 2) for step in (0, 4, 50, 100)]
    [0.2, 1.0, 0.5, 0.0]
    """
    return min(1.0, (step + 1) / max(1.0, RISE * end)) * 0.5 * (1 + math.cos(math.pi * min(step / end, 1)))
