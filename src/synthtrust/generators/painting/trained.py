"""What generators share whose ``fit`` trains a network: a folder to go on in, loggers, and the plan of the training."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self, TypeVar

from lightning.pytorch.loggers import Logger

from synthtrust.generators.base import Generator
from synthtrust.generators.painting.ranges import check_ranges

S = TypeVar("S")


class TrainedGenerator(Generator):
    """A generator that keeps its checkpoint in a folder and shows its training to loggers, where it is given them."""

    channels: tuple[int, ...]
    """Feature maps per level of the network; every further level halves the resolution."""
    pack: int
    """Voxels per side that are folded into channels."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), list):  # as a config has them
                setattr(self, field.name, tuple(value))
        check_ranges(self)
        self._home: Path | None = None
        self._loggers: Sequence[Logger] = ()

    def work_in(self, folder: str | Path) -> Self:
        """Keep checkpoint and losses in a folder, so that a ``fit`` that was killed goes on; else nothing is kept."""
        self._home = Path(folder)
        return self

    def show_to(self, loggers: Sequence[Logger]) -> Self:
        """Let experiment loggers see the losses of a ``fit``, and samples where there are any."""
        self._loggers = tuple(loggers)
        return self

    def _plan(self, schedule: type[S]) -> S:
        """Return a schedule, a dataclass whose fields have the names of hyper-parameters."""
        names: Any = fields(schedule)  # type: ignore[arg-type]
        return schedule(**{field.name: getattr(self, field.name) for field in names})

    @property
    def _multiple(self) -> int:
        """What the sides of a painted box are multiples of [voxels]."""
        return int(self.pack * 2 ** (len(self.channels) - 1))
