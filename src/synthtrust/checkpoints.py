"""Checkpoints that are whole or not there, on any file system."""

import errno
import zlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from lightning import Trainer
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from synthtrust.conventions import FACTS
from synthtrust.files import DAY, aside, remove_leftovers
from synthtrust.refusals import Refusal

DAMAGE = (
    UnpicklingError, EOFError, BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError, LookupError,
    TypeError, AttributeError, OverflowError,
)  # fmt: skip
"""What readers of archives and of PyTorch raise at bytes that are not theirs."""


def load_checkpoint(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a checkpoint of weights and plain values; code that is in it is not run.

    Raises:
        Refusal: If it holds something else, or is damaged.
    """
    try:
        with ZipFile(path) as archive:  # it has a checksum of each of its parts, which PyTorch does not ask
            if (part := archive.testzip()) is not None:
                raise BadZipFile(f"{part} has changed since it was written")
        checkpoint: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
        if not isinstance(checkpoint, dict):
            raise UnpicklingError(f"it holds a {type(checkpoint).__name__}")
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # PyTorch's word for a file that is cut short
            raise
        raise _refusal(path, error) from error
    except DAMAGE as error:
        raise _refusal(path, error) from error
    return checkpoint


def _refusal(path: str | Path, error: Exception) -> Refusal:
    return Refusal(
        f"Expected weights and plain values in {path}, but it is damaged or holds something else, which was not "
        f"executed ({type(error).__name__}). Get it from a copy; or remove its folder, and {FACTS} beside that, and "
        "give the command that made it again."
    )


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames.

    Lightning's own writer goes through the temporary directory; when that is another file system, its rename becomes
    a copy onto the target, and a job killed in the middle leaves a truncated checkpoint where a good one was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; ``storage_options`` are not used."""
        remove_leftovers(Path(path).parent, Path(path).name, older_than=DAY)
        try:
            with aside(path) as temporary, temporary.open("wb") as file:
                torch.save(checkpoint, file)
        except RuntimeError as error:  # of PyTorch's writer, which hides why a byte could not be written
            raise _of_the_system(error, Path(path)) or error from error

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = True) -> dict[str, Any]:
        """Read a checkpoint as ``load_checkpoint`` does; anything but weights and plain values is refused."""
        return load_checkpoint(path, map_location)


def _of_the_system(error: BaseException, path: Path) -> OSError | None:
    """Return the error of the operating system that another error came from, None if there is none."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, OSError):
        link = link.__context__
    return None if link is None else OSError(link.errno, link.strerror, str(path))


class BestCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint, also of a run whose folder was moved before it is resumed, and always the newest.

    Lightning forgets the best score when the folder has another path, and the next validation, however poor, then
    overwrites the best checkpoint. And it writes ``last.ckpt`` only beside a checkpoint that is better than those
    before it: a run that is cut short long after its best validation would lose all steps since.
    """

    def _save_topk_checkpoint(self, trainer: Trainer, monitor_candidates: dict[str, Tensor]) -> None:
        """Save a checkpoint that is better than those before it, and let ``last.ckpt`` follow in any case."""
        super()._save_topk_checkpoint(trainer, monitor_candidates)
        self._last_global_step_saved = trainer.global_step  # what Lightning asks before it writes last.ckpt

    @property
    def state_key(self) -> str:
        """That of Lightning's own, so that runs begun with it are resumed."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state, its paths where the folder lies now."""
        super().load_state_dict(_moved(state_dict, str(state_dict.get("dirpath", "")), str(self.dirpath)))


def _moved(state: Any, old: str, new: str) -> Any:
    """Return a state with the paths below one folder below another."""
    if isinstance(state, dict):
        return {_moved(key, old, new): _moved(value, old, new) for key, value in state.items()}
    if isinstance(state, str) and old and (state == old or Path(old) in Path(state).parents):
        return new + state[len(old) :]
    return state
