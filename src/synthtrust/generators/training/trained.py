"""What generators share whose ``fit`` trains a network: a folder to go on in, loggers, and precision."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Self

from lightning.pytorch.loggers import Logger

from synthtrust.generators.base import Generator
from synthtrust.generators.training.device import own_device
from synthtrust.generators.training.loop import FACTS
from synthtrust.generators.training.ranges import check_ranges
from synthtrust.machine import AUTO, quick_precision

log = logging.getLogger(__name__)


class TrainedGenerator(Generator):
    """A generator that keeps its checkpoint in a folder and shows its training to loggers, where it is given them."""

    channels: tuple[int, ...]
    """Feature maps per level of the network; every further level halves the resolution."""
    patch_fold: int
    """Voxels per side that are folded into channels."""
    precision: Literal["auto", "32-true", "bf16-mixed"]
    """The precision of training and painting; ``auto`` for what is quick on the machine where the training is begun."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):  # as a config has them
                setattr(self, field.name, tuple(value))
        check_ranges(self)
        self._home: Path | None = None
        self._loggers: Sequence[Logger] = ()
        self._begun_in = ""

    def __getstate__(self) -> dict[str, Any]:
        """Leave the loggers behind when the generator goes into another process."""
        return vars(self) | {"_loggers": ()}

    def work_in(self, folder: str | Path) -> Self:
        """Keep checkpoint and losses in a folder, so that a ``fit`` that was killed goes on; else nothing is kept."""
        self._home = Path(folder)
        return self

    def show_to(self, loggers: Sequence[Logger]) -> Self:
        """Let experiment loggers see the losses of a ``fit``, and samples where there are any."""
        self._loggers = tuple(loggers)
        return self

    @property
    def precision_(self) -> str:
        """The precision in use: the one that was asked for, or for ``auto`` that of the checkpoint or of the machine.

        It is no part of the recipe: a set that one machine painted is found on another, whatever that would choose.
        """
        if self.precision != AUTO:
            return self.precision
        return self._begun_in or quick_precision(own_device().type)

    def _go_on_in(self, checkpoint: Mapping[str, Any]) -> None:
        """Keep to the precision that a training was begun in, so that a set is painted in one."""
        self._begun_in = checkpoint.get(FACTS, {}).get("precision", "")
        quick = quick_precision(own_device().type)
        if self.precision == AUTO and self._begun_in not in ("", quick):
            log.warning(
                "%s goes on in %s, as it was begun; this machine would choose %s, which is quicker on it.",
                type(self).__qualname__, self._begun_in, quick,
            )  # fmt: skip

    @property
    def _multiple(self) -> int:
        """What the sides of a painted box are multiples of [voxels]."""
        return int(self.patch_fold * 2 ** (len(self.channels) - 1))
