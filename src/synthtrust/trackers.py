"""Experiment trackers that cannot end a run: the first error of one causes a warning, and ends the tracker."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from synthtrust.conventions import be_patient

log = logging.getLogger(__name__)


class Tracker(Logger):
    """A wrapper around a logger; the first error of the logger disables it, and does not end the run.

    After that every call does nothing and returns None. The CSV logger of a run's curves is not wrapped, since the run
    needs what it writes.

    Args:
        make: Makes the logger; an error in it counts as well.
        name: The name of the tracker, for the warning.
        offline: Makes the logger that keeps everything on this machine, in the place of one that failed; None if there
            is none.
    """

    def __init__(self, make: Callable[[], Any], name: str, offline: Callable[[], Any] | None = None) -> None:
        super().__init__()
        self._label, self._offline = name, offline
        self._logger: Any = None
        self._logger = self._try(make)

    @property
    def behind(self) -> Any:
        """The logger itself; None once it has failed."""
        return self._logger

    def ask(self, action: Callable[[Any], Any]) -> Any:
        """Return the result of an action on the logger; None if it fails or has failed before."""
        if self._logger is None:
            return None
        result = self._try(lambda: action(self._logger))
        if self._logger is None and self._offline is not None:
            make, self._offline = self._offline, None
            self._logger = self._try(make)
            return self.ask(action)
        return result

    def _try(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except Exception as error:  # the tracker's code, its disk or its network may fail in any way
            self._logger = None
            follows = "is left out from now on" if self._offline is None else "is kept offline from now on"
            log.warning(
                "The tracker %s failed and %s; the run goes on. %s: %s",
                self._label, follows, type(error).__name__, " ".join(str(error).split()),
            )  # fmt: skip
            return None

    @property
    def name(self) -> str | None:
        """The name of the logger."""
        return self.ask(lambda logger: logger.name)

    @property
    def version(self) -> int | str | None:
        """The version of the logger."""
        return self.ask(lambda logger: logger.version)

    @property
    def root_dir(self) -> str | None:
        """The root folder of the logger."""
        return self.ask(lambda logger: logger.root_dir)

    @property
    def log_dir(self) -> str | None:
        """The folder of the logger's version."""
        return self.ask(lambda logger: logger.log_dir)

    @property
    def save_dir(self) -> str | None:
        """The folder in which the logger saves."""
        return self.ask(lambda logger: logger.save_dir)

    @property
    def experiment(self) -> Any:
        """The experiment object of the logger; None once it has failed."""
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
        """Let the logger finish."""
        self.ask(lambda logger: logger.finalize(status))

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Tell the logger of a checkpoint."""
        self.ask(lambda logger: logger.after_save_checkpoint(checkpoint_callback))


def guarded(nodes: Sequence[Mapping[str, Any]], make: Callable[[Any], Any]) -> list[Logger]:
    """Return the loggers of a run, each wrapped in a ``Tracker`` except the CSV logger.

    Args:
        nodes: The configs of the loggers.
        make: Makes a logger from its config.
    """
    be_patient()
    trackers = [
        Tracker(partial(make, node), str(node["_target_"]).rpartition(".")[2], _offline(node, make)) for node in nodes
    ]
    return [tracker.behind if isinstance(tracker.behind, CSVLogger) else tracker for tracker in trackers]


def _offline(node: Mapping[str, Any], make: Callable[[Any], Any]) -> Callable[[], Any] | None:
    """Return what makes the offline logger in the place of wandb's online one; None for any other."""
    online = str(node["_target_"]).endswith(".WandbLogger") and node.get("mode", "online") == "online"
    return partial(_make_offline, node, make) if online else None


def _make_offline(node: Mapping[str, Any], make: Callable[[Any], Any]) -> Any:
    """Make the offline logger, once the service of wandb has forgotten the run that it could not begin."""
    if (wandb := sys.modules.get("wandb")) is not None:
        wandb.teardown()
    return make({**node, "mode": "offline"})


def tell(logger: Any, action: Callable[[Any], Any]) -> Any:
    """Return the result of an action on a logger itself, guarded if it is wrapped in a ``Tracker``."""
    return logger.ask(action) if isinstance(logger, Tracker) else action(logger)


def is_wandb(logger: Any) -> bool:
    """Return whether a logger is that of wandb, and has not failed."""
    return isinstance(logger.behind if isinstance(logger, Tracker) else logger, WandbLogger)
