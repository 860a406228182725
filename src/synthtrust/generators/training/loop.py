"""A training inside a fit: run to its end, resumed where a killed process left it, its losses written down."""

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.loggers import Logger
from torch import Tensor

from synthtrust.checkpoints import AtomicCheckpointIO, load_checkpoint
from synthtrust.generators.training.callbacks import SAMPLES, begin, log_losses
from synthtrust.generators.training.fit_environment import quiet
from synthtrust.training_memory import KeepFreedMemory
from synthtrust.training_progress import ShowProgress

LAST = "last.ckpt"
LOSS = "loss.csv"
STEPS_KEPT = "steps"
"""Folder of the weights at steps on the way, in that of the checkpoint."""
FACTS = "synthtrust"
"""Key of a checkpoint under which our own facts lie."""
AVERAGE = "average."
"""Prefix of the averaged weights in a checkpoint."""
SAVES = 20  # checkpoints in a training, but
STEPS = 500  # no more than so many steps between two
GPU_WORKERS = 4  # processes at most that prepare examples beside a GPU; beside a CPU they would only take cores away


def train_to_end(
    module: LightningModule,
    home: Path,
    max_steps: int,
    *,
    precision: str,
    callbacks: Sequence[Callback],
    devices: int | str = 1,
    accumulate: int = 1,
    grad_clip: float | None = None,
) -> None:
    """Train a module, from ``home/last.ckpt`` on if that is there; leave ``home/last.ckpt`` and ``home/loss.csv``.

    Args:
        module: Deals out the examples that are left by itself.
        home: Folder of the checkpoint.
        max_steps: The number of steps of the optimizer, those of an interrupted training included.
        precision: The precision of Lightning's Trainer.
        callbacks: What is done on the way; saving the newest state is.
        devices: Several are processes on this machine.
        accumulate: Batches per step.
        grad_clip: Largest norm of the gradient.

    Raises:
        RuntimeError: If the training stopped before its last step.
    """
    last = home / LAST
    several = devices not in (1, "1")
    with quiet():
        trainer = Trainer(
            accelerator="auto",
            devices=devices,
            strategy="ddp_spawn" if several else "auto",  # the caller holds the lock of the set: no second may come
            precision=precision,  # type: ignore[arg-type]
            max_steps=max_steps,
            max_epochs=-1,
            accumulate_grad_batches=accumulate,
            gradient_clip_val=grad_clip,
            logger=False,
            callbacks=[
                KeepLast(home),
                ShowProgress(f"Training {type(module).__name__}"),
                KeepFreedMemory(),
                *callbacks,
            ],
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            use_distributed_sampler=False,
            plugins=[AtomicCheckpointIO(), LightningEnvironment()],  # not a scheduler's: one of its ranks paints
            default_root_dir=home,
        )
        trainer.fit(module, ckpt_path=last if last.exists() else None)
    if (step := read_last(home)["global_step"]) != max_steps:
        raise RuntimeError(f"Expected {max_steps} training steps, but the training stopped after {step}.")


def read_last(home: Path) -> dict[str, Any]:
    """Read the last checkpoint of a training, safely; empty if there is none."""
    path = home / LAST
    return load_checkpoint(path, "cpu") if path.exists() else {}


def resumed(home: Path, key: str, max_steps: int) -> dict[str, Any]:
    """Return the last checkpoint of this very training; what another one left in the folder is removed.

    Args:
        home: Folder of the checkpoint; is made if it is not there.
        key: What the training learns from, see `training_key`.
        max_steps: The number of steps of the training; a checkpoint beyond belongs to a longer one.

    Returns:
        The checkpoint, empty if the training has to begin.
    """
    home.mkdir(parents=True, exist_ok=True)
    last = read_last(home)
    if not last or (last[FACTS]["key"] == key and last["global_step"] <= max_steps):
        return last
    for name in (LAST, LOSS):
        (home / name).unlink(missing_ok=True)
    for folder in (SAMPLES, STEPS_KEPT):
        shutil.rmtree(home / folder, ignore_errors=True)
    return {}


def read_kept(home: Path, step: int, key: str) -> dict[str, Any]:
    """Read the weights that this very training had at a step, which `KeepSteps` kept; empty if they are not there.

    They are there before the training has come to its end, and stay if it never does.

    Args:
        home: Folder of the checkpoint.
        step: The step.
        key: What the training learns from, see `training_key`.
    """
    path = _kept(home, step)
    kept: dict[str, Any] = load_checkpoint(path, "cpu") if path.exists() else {}
    return kept if kept and kept[FACTS]["key"] == key else {}


def _kept(home: Path, step: int) -> Path:
    return home / STEPS_KEPT / f"step_{step:06d}.ckpt"


def averaged(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """Return the averaged weights of the network in a checkpoint."""
    weights = checkpoint["state_dict"].items()
    return {key.removeprefix(AVERAGE): value for key, value in weights if key.startswith(AVERAGE)}


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


class KeepSteps(Callback):
    """Keeps the averaged weights that the training has at some steps, for `read_kept`.

    Args:
        home: Folder of the checkpoint.
        steps: The steps.
    """

    def __init__(self, home: Path, steps: Collection[int]) -> None:
        self.home, self.steps, self.kept = home, {*steps}, -1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Keep the weights when it is time."""
        step = trainer.global_step
        if step not in self.steps or step == self.kept or not trainer.is_global_zero:
            return
        self.kept = step  # several batches may make one step
        weights = {name: value for name, value in pl_module.state_dict().items() if name.startswith(AVERAGE)}
        checkpoint: dict[str, Any] = {"state_dict": weights, "global_step": step}
        pl_module.on_save_checkpoint(checkpoint)
        AtomicCheckpointIO().save_checkpoint(checkpoint, _kept(self.home, step))


class WriteLoss(Callback):
    """Appends the losses of every step to a table: step, parts (means over the batches of the step, of the first rank).

    Loggers are told the same.

    Args:
        home: Folder of the table.
        loggers: The loggers of the run.
        parts: What of a training step's result is written, in the order of the columns.
    """

    def __init__(self, home: Path, loggers: Sequence[Logger] = (), parts: Sequence[str] = ("loss",)) -> None:
        self.home, self.loggers, self.parts = home, loggers, parts
        self.batches: list[list[float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or cut off what comes after the checkpoint."""
        if trainer.is_global_zero:
            path = self.home / LOSS
            lines = path.read_text().splitlines()[1:] if path.exists() else []
            kept = [line for line in lines if int(line.partition(",")[0]) <= trainer.global_step]
            path.write_text("\n".join([",".join(["step", *self.parts]), *kept]) + "\n")
            begin(self.loggers)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *args: Any) -> None:
        """Write a line when a step is complete."""
        self.batches.append([float(outputs[part]) for part in self.parts])
        if len(self.batches) < trainer.accumulate_grad_batches:
            return
        means = [sum(losses) / len(losses) for losses in zip(*self.batches, strict=True)]
        self.batches.clear()
        if trainer.is_global_zero:
            with (self.home / LOSS).open("a") as file:
                file.write(",".join([str(trainer.global_step), *(f"{mean:.6f}" for mean in means)]) + "\n")
            log_losses(self.loggers, trainer.global_step, dict(zip(self.parts, means, strict=True)))
