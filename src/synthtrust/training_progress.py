"""Progress of Lightning's Trainer: the steps of a training with their time left, and the cases that are scored."""

from contextlib import ExitStack
from typing import Any

from lightning import Callback, LightningModule, Trainer

from synthtrust.progress import moved, stage
from synthtrust.stages import Stage

READ_EVERY = 10
"""Steps between two readings of the loss."""


class ShowProgress(Callback):
    """Reports a training and a test as stages of the work, on the first rank.

    Args:
        title: What is trained.
        repeats: Whether every run of a sweep has such a training, and it takes most of a run's time.
    """

    def __init__(self, title: str = "Training", *, repeats: bool = False) -> None:
        self.title, self.repeats = title, repeats
        self.shown: Stage | None = None
        self.open: ExitStack | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the stage, at the step from which the training is resumed."""
        total = trainer.max_steps if trainer.max_steps > 0 else None
        self._begin(trainer, self.title, total, trainer.global_step, repeats=self.repeats)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Count a step; the latest loss and score are read from time to time, since reading them waits for the GPU."""
        if self.shown is None:
            return
        due = trainer.global_step % READ_EVERY == 0 or not self.shown.note
        metrics = trainer.progress_bar_metrics if due else {}
        note = ", ".join(f"{name} {value:.3g}" for name, value in metrics.items() if isinstance(value, float))
        moved(self.shown, trainer.global_step, note if due else None)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the stage."""
        self._end()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count the test cases."""
        self._begin(trainer, "Scoring test cases", sum(trainer.num_test_batches))

    def on_test_batch_end(self, *args: Any) -> None:
        """Count a batch of test cases."""
        if self.shown is not None:
            moved(self.shown, self.shown.done + 1)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the stage."""
        self._end()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the stage of a training that was cut short."""
        self._end()

    def _begin(
        self, trainer: Trainer, title: str, total: float | None, done: float = 0, *, repeats: bool = False
    ) -> None:
        self._end()
        if trainer.is_global_zero:
            self.open = ExitStack()
            self.shown = self.open.enter_context(stage(title, total, done=done, repeats=repeats))

    def _end(self) -> None:
        if self.open is not None:
            self.open.close()
        self.open = self.shown = None
