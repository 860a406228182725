"""What every model shares: a network that is trained by an optimizer, and scored case by case in a table."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from lightning import LightningModule
from torch import Tensor, distributed, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from synthtrust.cases import Case, Source
from synthtrust.refusals import Refusal

Batch = dict[str, Tensor]
Table = TypeVar("Table", bound=Metric)
"""The metric with a place for what is known of every case."""


class ScoredModule(LightningModule, ABC, Generic[Table]):
    """Trains a network and keeps what it predicts of each validation case, and of each test case and its twin.

    Args:
        net: The network.
        channels: C, the number of modalities.
        optimizer: Makes an optimizer from parameters.
        scheduler: Makes a schedule from an optimizer, stepped after every optimizer step.
    """

    task: ClassVar[Literal["segmentation", "classification"]]
    """What the model is for."""
    probe_size: ClassVar[int]
    """Images in the batch that `size_problem` tries."""

    def __init__(
        self,
        net: nn.Module,
        channels: int,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        scheduler: Callable[[Optimizer], LRScheduler] | None,
    ) -> None:
        super().__init__()
        self.net, self.channels, self.optimizer, self.scheduler = net, channels, optimizer, scheduler
        self.last_loss: Tensor | None = None
        self.val_table: Table | None = None
        self.test_table: Table | None = None

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What is scored, as plain JSON values."""

    @abstractmethod
    def loss_of(self, batch: Batch) -> Tensor:
        """Return the loss of a training batch, a scalar."""

    @abstractmethod
    def make_table(self, n_cases: int) -> Table:
        """Return an empty table for so many cases."""

    @abstractmethod
    def test_values(self) -> Tensor:
        """Return what rows of real and synthetic test cases are made of, ``(2, M, ...)``; all ranks must call it."""

    @abstractmethod
    def rows_of(self, case: Case, source: str, values: Tensor) -> list[dict[str, Any]]:
        """Return the rows of one case in the table of scores."""

    @abstractmethod
    def mismatch(self, out: Any, size: Sequence[int]) -> str:
        """Return what is wrong with the network's output for `probe_size` images of a size; empty if nothing is."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        loss = self.loss_of(batch)
        self.last_loss = loss.detach()
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def on_validation_start(self) -> None:
        """Make room for every validation case.

        Raises:
            Refusal: If the loss is not finite any more: such a training never recovers, and would be scored all the
                same.
        """
        if self.last_loss is not None and not bool(torch.isfinite(self.last_loss)):  # asked here, not in every step
            raise Refusal(
                f"Expected a finite loss, but got {float(self.last_loss):g} after {self.trainer.global_step} steps. "
                "Try trainer.precision=32-true, or a smaller model.optimizer.lr."
            )
        self.val_table = self.make_table(len(self.data.val_cases)).to(self.device)

    def on_test_start(self) -> None:
        """Make room for every test case, real and synthetic."""
        self.test_table = self.make_table(self.data.n_scored).to(self.device)

    def test_rows(self, cases: Mapping[Source, Sequence[tuple[int, Case]]]) -> list[dict[str, Any]]:
        """Return the rows of every test case, see `rows_of`; all ranks must call it.

        Args:
            cases: The real and the synthetic test cases, each with its number.
        """
        values = dict(zip((Source.REAL, Source.SYNTHETIC), self.test_values(), strict=True))
        return [
            row
            for source, numbered in cases.items()
            for number, case in numbered
            for row in self.rows_of(case, source.value, values[source][number])
        ]

    def configure_optimizers(self) -> Any:
        """Hand the parameters to the optimizer of the config."""
        optimizer = self.optimizer(self.parameters())
        if self.scheduler is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler(optimizer), "interval": "step"}}

    def size_problem(self, size: Sequence[int]) -> str:
        """Return why the network cannot be trained on images of a size, without computing anything; empty if it can."""
        net = copy.deepcopy(self.net).to("meta").train()  # on this device shapes are worked out, and nothing else
        try:
            return self.mismatch(net(torch.empty((self.probe_size, self.channels, *size), device="meta")), size)
        except (RuntimeError, ValueError) as error:
            return str(error).splitlines()[0]

    @property
    def data(self) -> Any:
        """The datamodule of the Trainer."""
        return getattr(self.trainer, "datamodule")  # noqa: B009  Lightning does not declare it


def of_all_ranks(values: dict[Any, Any]) -> dict[Any, Any]:
    """Return what all ranks hold of cases; of a case that several scored the first one's. All ranks must call it."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    gathered: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, values)
    return {case: value for of_rank in reversed(gathered) for case, value in of_rank.items()}


def made(table: Table | None) -> Table:
    """Return the table that a start hook made.

    Raises:
        RuntimeError: If a step ran without its start hook.
    """
    if table is None:
        raise RuntimeError("Expected the Trainer to run this step, but it was called without one.")
    return table
