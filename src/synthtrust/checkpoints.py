"""Checkpoints that are whole or not there, on any file system."""

from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from synthtrust.files import aside


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames.

    Lightning's own writer goes through the temporary directory; when that is another file system, its rename becomes
    a copy onto the target, and a job killed in the middle leaves a truncated checkpoint where a good one was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint; ``storage_options`` are not used."""
        with aside(path) as temporary:
            torch.save(checkpoint, temporary)
