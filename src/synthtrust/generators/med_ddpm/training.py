"""The training: a network learns to tell the noise, and is resumed where a killed process left it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from synthtrust.checkpoints import AtomicCheckpointIO
from synthtrust.generators.med_ddpm.diffusion import Diffusion
from synthtrust.generators.med_ddpm.volumes import Volumes
from synthtrust.generators.painting.fitting import quiet
from synthtrust.generators.painting.grid import Size, pack
from synthtrust.generators.painting.volumes import Draws
from synthtrust.generators.painting.watching import begin, log_losses

LAST = "last.ckpt"
LOSS = "loss.csv"
FACTS = "synthtrust"
"""Key of a checkpoint under which our own facts lie."""
SAVES = 20  # checkpoints in a training, but
STEPS = 500  # no more than so many steps between two
LEAST_NOISE = 0.2  # caps the weight of nearly clean examples, which else rule a small batch
WARM_UP = 10  # of the average: at first it follows the network more closely
GPU_WORKERS = 4  # processes that prepare examples beside a GPU; beside a CPU they would only take cores away


@dataclass(frozen=True)
class Schedule:
    """How a training goes; the fields of the same names of the generator say what they are."""

    pack: int
    target: str
    patch_size: Size | None
    flip: bool
    lr: float
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
    n_channels: int,
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
        n_channels: Of the condition.
        plan: How long, and with what.
        home: Folder of the checkpoint.
        facts: Kept in the checkpoint; plain values.
        loggers: Are told the losses; with several devices nobody is, since no logger follows into their processes.
        callbacks: More to be done on the way.

    Raises:
        ValueError: If a loss is not finite, or the weights that were to be saved; the checkpoint before stays.
        RuntimeError: If the training stopped before its last step.
    """
    module = NoiseLearner(network, diffusion, n_channels, plan, home, facts)
    several = plan.devices not in (1, "1")
    write_loss = WriteLoss(home, () if several else loggers)
    last = home / LAST
    with quiet():
        trainer = Trainer(
            accelerator="auto",
            devices=plan.devices,
            strategy="ddp_spawn"
            if several
            else "auto",  # the caller holds the lock of the set: no second caller may come
            precision=plan.precision,  # type: ignore[arg-type]
            max_steps=plan.max_steps,
            max_epochs=-1,
            accumulate_grad_batches=plan.accumulate,
            gradient_clip_val=plan.grad_clip,
            logger=False,
            callbacks=[KeepLast(home), write_loss, *callbacks],
            enable_checkpointing=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=[
                AtomicCheckpointIO(),
                LightningEnvironment(),
            ],  # not a scheduler's: one of its ranks paints, the others wait
            default_root_dir=home,
        )
        trainer.fit(module, ckpt_path=last if last.exists() else None)
    if (step := read_last(home)["global_step"]) != plan.max_steps:
        raise RuntimeError(f"Expected {plan.max_steps} training steps, but the training stopped after {step}.")


def read_last(home: Path) -> dict[str, Any]:
    """Read the last checkpoint of a training, safely; empty if there is none."""
    path = home / LAST
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True) if path.exists() else {}
    return checkpoint


def averaged(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """Return the averaged weights of the network in a checkpoint."""
    mark = "average."
    return {key.removeprefix(mark): value for key, value in checkpoint["state_dict"].items() if key.startswith(mark)}


class NoiseLearner(LightningModule):
    """Learns to tell the noise by its mean absolute error (L1, as published), and averages its own weights.

    A network that tells the image instead has its error divided by the noise that hid it.
    """

    updates: Tensor

    def __init__(
        self, network: nn.Module, diffusion: Diffusion, n_channels: int, plan: Schedule, home: Path, facts: dict
    ) -> None:
        super().__init__()
        self.network, self.average = network, copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.diffusion, self.n_channels, self.plan, self.home, self.facts = diffusion, n_channels, plan, home, facts

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch of examples."""
        image, condition, noise = (pack(batch[key], self.plan.pack) for key in ("image", "condition", "noise"))
        noised = self.diffusion.noised(image, batch["t"], noise)
        told = self.network(torch.cat([noised, condition], 1), batch["t"])
        if self.plan.target == "noise":
            loss = nn.functional.l1_loss(told.float(), noise)
        else:
            share = self.diffusion.noise_share(batch["t"], image).clamp(min=LEAST_NOISE)
            loss = ((told.float() - image).abs() / share).mean()
        if not torch.isfinite(loss):
            raise ValueError(self._diverged(f"a loss of {loss.item()}", self.trainer.global_step + 1))
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

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam at a constant rate, as published."""
        return torch.optim.Adam(self.network.parameters(), lr=self.plan.lr)

    def train_dataloader(self) -> DataLoader:
        """All examples of the training, those that a resumed training has seen left out."""
        plan = self.plan
        examples = Volumes(
            self.home / "volumes",
            n_channels=self.n_channels,
            timesteps=self.diffusion.timesteps,
            patch_size=plan.patch_size,
            flip=plan.flip,
            seed=plan.seed,
        )
        draws = Draws(
            plan.max_steps * plan.accumulate,
            plan.batch_size,
            self.trainer.global_rank,
            self.trainer.world_size,
            done=lambda: self.trainer.global_step * plan.accumulate,
        )
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        return DataLoader(
            examples,
            batch_size=plan.batch_size,
            sampler=draws,
            num_workers=GPU_WORKERS if on_gpu else 0,
            pin_memory=on_gpu,
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put our own facts beside the weights, which have to be finite: a ruined network takes nobody's place."""
        if not all(torch.isfinite(weight).all() for weight in self.network.parameters()):
            raise ValueError(self._diverged("weights that are not", self.trainer.global_step))
        checkpoint[FACTS] = self.facts

    def _diverged(self, what: str, step: int) -> str:
        last = read_last(self.home)
        kept = f"{LAST} of step {last['global_step']} stays as it was" if last else "nothing was saved before"
        return (
            f"Expected finite losses and weights, but got {what} at step {step} of the generator's training; "
            f"{kept}. Lower generator.lr, set generator.grad_clip=1, or use "
            "generator.precision=32-true."
        )


class KeepLast(Callback):
    """Saves the newest state from time to time, and the last one."""

    def __init__(self, home: Path) -> None:
        self.home, self.saved = home, -1

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Save after every so many steps."""
        step, end = trainer.global_step, trainer.max_steps
        due = step % max(1, min(STEPS, end // SAVES)) == 0 or step == end
        if step and due and step != self.saved:  # several batches may make one step
            self.saved = step
            trainer.save_checkpoint(self.home / LAST)


class WriteLoss(Callback):
    """Appends the loss of every step to a table: step, loss (mean over the batches of the step, of the first rank).

    Loggers are told the same.
    """

    def __init__(self, home: Path, loggers: Sequence[Logger] = ()) -> None:
        self.home, self.loggers = home, loggers
        self.losses: list[float] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or cut off what comes after the checkpoint."""
        if trainer.is_global_zero:
            path = self.home / LOSS
            lines = path.read_text().splitlines()[1:] if path.exists() else []
            kept = [line for line in lines if int(line.partition(",")[0]) <= trainer.global_step]
            path.write_text("\n".join(["step,loss", *kept]) + "\n")
            begin(self.loggers)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *args: Any) -> None:
        """Write a line when a step is complete."""
        self.losses.append(float(outputs["loss"]))
        if len(self.losses) < trainer.accumulate_grad_batches:
            return
        loss = sum(self.losses) / len(self.losses)
        self.losses.clear()
        if trainer.is_global_zero:
            with (self.home / LOSS).open("a") as file:
                file.write(f"{trainer.global_step},{loss:.6f}\n")
            log_losses(self.loggers, trainer.global_step, {"loss": loss})
