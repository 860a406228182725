"""A network that averages its own weights while it learns, and never saves a ruined state."""

import copy
import math
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from synthtrust.generators.training.loop import FACTS, GPU_WORKERS, LAST, read_last
from synthtrust.machine import cores
from synthtrust.refusals import Refusal

RISE = 0.05  # share of a training in which its learning rate rises
WARM_UP = 10  # steps of the average: at first it follows the network more closely


class Learner(LightningModule):
    """What the trainings of one network share; a subclass brings ``training_step``, optimizer and examples.

    Args:
        network: Trained in place.
        ema_decay: Decay of the average of its weights, per step.
        folder: Folder of the checkpoint.
        metadata: Kept in the checkpoint; plain values and tensors.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, ema_decay: float, folder: Path, metadata: dict[str, Any]) -> None:
        super().__init__()
        self.network, self.average = network, copy.deepcopy(network).requires_grad_(requires_grad=False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self.ema_decay, self.folder, self.metadata = ema_decay, folder, metadata

    def checked(self, loss: Tensor) -> Tensor:
        """Return a loss, which is logged.

        Raises:
            Refusal: If it is not finite.
        """
        if not torch.isfinite(loss):
            raise Refusal(self._diverged(f"a loss of {loss.item()}", self.trainer.global_step + 1))
        self.log("loss", loss, prog_bar=True)
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Take a step, and move the average of the weights."""
        super().optimizer_step(*args, **kwargs)
        self.update_ema()

    def update_ema(self) -> None:
        """Move the average of the weights; once a step, by hand where the optimizers are stepped by hand."""
        self.updates += 1
        n = int(self.updates)
        decay = min(self.ema_decay, n / (WARM_UP + n))
        for average, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
            average.lerp_(weight.detach(), 1 - decay)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the metadata beside the weights, which have to be finite: a ruined network replaces no good one."""
        if not all(torch.isfinite(weight).all() for weight in self.network.parameters()):
            raise Refusal(self._diverged("weights that are not", self.trainer.global_step))
        checkpoint[FACTS] = self.metadata

    def annealed(self, optimizer: torch.optim.Optimizer, end: int) -> Any:
        """Return an optimizer whose rate rises linearly, then falls to 0 at step ``end`` along a cosine."""
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, end))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    def loader(self, examples: Dataset, draws: Sampler[int], batch_size: int | None) -> DataLoader:
        """Return examples in the order of their numbers; ``batch_size=None`` when each is a batch."""
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        workers = min(GPU_WORKERS, cores()) if on_gpu else 0
        return DataLoader(examples, batch_size, sampler=draws, num_workers=workers, pin_memory=on_gpu)

    def _diverged(self, quantity: str, step: int) -> str:
        last = read_last(self.folder)
        kept = f"{LAST} of step {last['global_step']} stays as it was" if last else "nothing was saved before"
        return (
            f"Expected finite losses and weights, but got {quantity} at step {step} of the generator's training; "
            f"{kept}. Lower generator.lr, set generator.grad_clip=1, or use "
            "generator.precision=32-true."
        )


def rate_at(step: int, end: int) -> float:
    """Return the share of the learning rate at a step from 0 to ``end``.

    >>> [round(rate_at(step, 100), 2) for step in (0, 4, 50, 100)]
    [0.2, 1.0, 0.5, 0.0]
    """
    return min(1.0, (step + 1) / max(1.0, RISE * end)) * 0.5 * (1 + math.cos(math.pi * min(step / end, 1)))
