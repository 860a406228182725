"""Trackers that cost nothing: what fails in one of them is warned of once, and the run goes on without it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

log = logging.getLogger(__name__)


class Tracker(Logger):
    """A logger behind a guard: its first error ends it, and nothing else.

    Whatever is asked of it later is answered with None. What the run itself needs, its curves as CSV, is no tracker.

    Args:
        make: Makes the logger, which may fail, too.
        name: The name of the tracker, for the warning.
    """

    def __init__(self, make: Callable[[], Any], name: str) -> None:
        super().__init__()
        self._label = name
        self._logger: Any = None
        self._logger = self._try(make)

    @property
    def behind(self) -> Any:
        """The logger itself, None once it has failed."""
        return self._logger

    def ask(self, action: Callable[[Any], Any]) -> Any:
        """Return what the logger answers, or None."""
        return None if self._logger is None else self._try(lambda: action(self._logger))

    def _try(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except Exception as error:  # whatever a tracker's code, its disk and its network do
            self._logger = None
            log.warning(
                "The tracker %s failed and is left out from here on; the run goes on. %s: %s",
                self._label, type(error).__name__, " ".join(str(error).split()),
            )  # fmt: skip
            return None

    @property
    def name(self) -> str | None:
        """That of the logger."""
        return self.ask(lambda logger: logger.name)

    @property
    def version(self) -> int | str | None:
        """That of the logger."""
        return self.ask(lambda logger: logger.version)

    @property
    def root_dir(self) -> str | None:
        """That of the logger."""
        return self.ask(lambda logger: logger.root_dir)

    @property
    def log_dir(self) -> str | None:
        """That of the logger."""
        return self.ask(lambda logger: logger.log_dir)

    @property
    def save_dir(self) -> str | None:
        """That of the logger."""
        return self.ask(lambda logger: logger.save_dir)

    @property
    def experiment(self) -> Any:
        """What the logger writes to; None once it has failed."""
        return self.ask(lambda logger: logger.experiment)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Hand on metrics."""
        self.ask(lambda logger: logger.log_metrics(metrics, step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Hand on hyper-parameters."""
        self.ask(lambda logger: logger.log_hyperparams(params, *args, **kwargs))

    def log_graph(self, *args: Any, **kwargs: Any) -> None:
        """Hand on a graph."""
        self.ask(lambda logger: logger.log_graph(*args, **kwargs))

    def save(self) -> None:
        """Let the logger save."""
        self.ask(lambda logger: logger.save())

    def finalize(self, status: str) -> None:
        """Let the logger come to its end."""
        self.ask(lambda logger: logger.finalize(status))

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Tell the logger of a checkpoint."""
        self.ask(lambda logger: logger.after_save_checkpoint(checkpoint_callback))


def guarded(nodes: Sequence[Mapping[str, Any]], make: Callable[[Any], Any]) -> list[Logger]:
    """Return the loggers of a run, each but that of its CSV curves behind a guard.

    Args:
        nodes: Configs of loggers.
        make: Makes a logger of its config.
    """
    trackers = [Tracker(partial(make, node), str(node["_target_"]).rpartition(".")[2]) for node in nodes]
    return [tracker.behind if isinstance(tracker.behind, CSVLogger) else tracker for tracker in trackers]


def tell(logger: Any, action: Callable[[Any], Any]) -> Any:
    """Do something with a logger that only it can do, behind its guard if it has one."""
    return logger.ask(action) if isinstance(logger, Tracker) else action(logger)


def is_wandb(logger: Any) -> bool:
    """Return whether a logger is wandb's, and has not failed."""
    return isinstance(logger.behind if isinstance(logger, Tracker) else logger, WandbLogger)
