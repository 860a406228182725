"""What a training on a processor frees stays with the process, from its first step on."""

from typing import Any

from lightning import Callback, Trainer

from synthtrust.allocation import keep_freed_memory


class KeepFreedMemory(Callback):
    """Calls `keep_freed_memory` after the first step, when it is known how much memory a step takes."""

    def __init__(self) -> None:
        self.is_decided = False

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Decide once; tensors on another device come from an allocator of PyTorch, which keeps them by itself."""
        if not self.is_decided:
            self.is_decided = True
            if trainer.strategy.root_device.type == "cpu":
                keep_freed_memory()
