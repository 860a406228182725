"""Watching a training: losses and samples on the way, for the experiment loggers and as pictures on disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray
from torch import nn

from synthtrust.cases import Case
from synthtrust.generators.brain.picture import draw_beside
from synthtrust.trackers import is_wandb, tell

SAMPLES = "samples"
"""Folder of the pictures, in that of the checkpoints."""
STEP = "generator/step"
"""The axis of what is logged: a run's own steps begin anew after its generator is trained."""

Paint = Callable[[Any], Mapping[str, NDArray[np.floating]]]
"""Paints on the label of the watched case with a network; modality name -> image ``(H, W, D)``."""


class ShowSamples(Callback):
    """Paints one training case with the averaged network from time to time, and draws it beside the real one.

    The picture goes to ``samples/step_000500.png`` and to loggers that take images. It shows a real patient. Painting
    has its randomness to itself, the same each time: the training goes on as if nobody had looked.

    Args:
        every: So many steps.
        case: A training case.
        paint: Paints on its label.
        home: Folder of the checkpoints.
        loggers: The loggers of the run.
    """

    def __init__(self, every: int, case: Case, paint: Paint, home: Path, loggers: Sequence[Logger]) -> None:
        self.every, self.case, self.paint, self.home, self.loggers = every, case, paint, home, loggers
        self.shown = -1

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Paint when it is time."""
        step = trainer.global_step
        if not step or step % self.every or step == self.shown or not trainer.is_global_zero:
            return
        self.shown = step  # several batches may make one step
        path = self.home / SAMPLES / f"step_{step:06d}.png"
        network: nn.Module = pl_module.average  # type: ignore[assignment]
        before = network.training
        painted = self.paint(network.eval())
        network.train(before)
        draw_beside(self.case, painted, f"step {step}, case {self.case.id}", path)
        log_picture(self.loggers, step, path)


def begin(loggers: Sequence[Logger]) -> None:
    """Give what a generator logs an axis of its own, before the first loss: the steps of the run come after."""
    for logger in loggers:
        if is_wandb(logger):
            tell(logger, lambda wandb: wandb.experiment.define_metric(STEP))
            tell(logger, lambda wandb: wandb.experiment.define_metric("generator/*", step_metric=STEP))


def log_losses(loggers: Sequence[Logger], step: int, losses: Mapping[str, float]) -> None:
    """Hand losses of a generator's training to loggers, as ``generator/<name>`` over the generator's own steps."""
    named = {f"generator/{name}": value for name, value in losses.items()}
    for logger in loggers:
        if is_wandb(logger):
            logger.log_metrics(named | {STEP: step})  # wandb's own step only grows: the run's would be lost
        else:
            logger.log_metrics(named, step)


def log_picture(loggers: Sequence[Logger], step: int, path: Path) -> None:
    """Hand a picture to the loggers that take images."""
    for logger in loggers:
        if is_wandb(logger):
            tell(logger, lambda wandb: wandb.log_image("generator/sample", [str(path)], caption=[f"step {step}"]))
