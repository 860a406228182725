"""The task network's own features: what a segmenter or classifier that learned from patients sees in an image."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.data import cache, image_cache
from synthtrust.refusals import Refusal
from synthtrust.runs import Run, find_runs, trained_model

STRIDE = 32
"""What the sides of a volume are padded to a multiple of: five levels, each of half the resolution."""


@dataclass
class TaskNetwork:
    """Mean and spread of the feature maps of a trained run at its narrowest layer, where the encoder ends.

    The run has to have learned from patients alone (alpha 1), on the split of the runs that are audited: one that saw
    twins would have learned to look past what is wrong with them.
    """

    run: str
    """Folder of the run."""
    layer: str = ""
    """Name of another layer of its network, as ``named_modules`` has it."""
    trusted: bool = False
    """Whether code that the run's config names may be run, whatever it is."""
    lock: AbstractContextManager = field(default_factory=Lock, init=False, repr=False, compare=False)
    """One network looks at one image at a time: its hooks would mix up several."""
    raw: ClassVar[bool] = True
    """It is handed images as files have them, and prepares them as its training did."""

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return mean and standard deviation of each feature map, ``(2 * K,)``.

        Args:
            image: ``(C, *spatial)`` [intensity units].
            label: Not looked at.
            labels: Not looked at.
            spacing: Not looked at.
        """
        with self.lock, torch.inference_mode():
            maps = self._maps(self._prepare(image)[None].to(next(self._net.parameters()).device))
        flat = maps[0].flatten(1).float().cpu()  # (K, places)
        return torch.cat([flat.mean(1), flat.std(1, correction=0)])

    @cached_property
    def _run(self) -> Run:
        (run, *others) = find_runs(Path(self.run), trusted=self.trusted)
        if others or not run.mix.is_trtr:
            actual = f"{1 + len(others)} runs" if others else f"alpha {run.mix.alpha:g} of the mode {run.mix.mode}"
            raise Refusal(f"Expected one run that learned from patients alone (alpha 1), but {self.run} has {actual}.")
        return run

    @cached_property
    def _net(self) -> nn.Module:
        net: nn.Module = trained_model(self._run, self._run.cohort, self._size).net
        return net

    @property
    def _size(self) -> Sequence[int]:
        return self._run.facts()["image_size"] if self._run.task != "segmentation" else ()

    def _prepare(self, image: Tensor) -> Tensor:
        """Bring an image to what the run's network was trained on, by the preprocessing of its training."""
        array = image.numpy().astype(np.float32)  # a copy: preprocessing works in place
        if self._run.task != "segmentation":
            modalities = self._run.cohort.modalities
            return torch.from_numpy(image_cache.preprocess(array, modalities, self._size, "an image"))
        names = [f"channel {n} of a volume" for n in range(len(array))]
        crop = torch.from_numpy(cache.preprocess(array, None, names)[0])
        return F.pad(crop, [p for side in reversed(crop.shape[1:]) for p in (0, -side % STRIDE)])

    def _maps(self, image: Tensor) -> Tensor:
        """Return the feature maps ``(1, K, *spatial)`` of the layer, or of the last one with the fewest places."""
        outputs: dict[str, Tensor] = {}
        modules = dict(self._net.named_modules())
        if self.layer and self.layer not in modules:
            raise Refusal(f"Expected a layer of the network of {self.run}, but got {self.layer!r}: {list(modules)}.")
        layers = [self.layer] if self.layer else [name for name, part in modules.items() if not list(part.children())]
        hooks = [modules[name].register_forward_hook(_keep(outputs, name)) for name in layers]
        try:
            self._net(image)
        finally:
            for hook in hooks:
                hook.remove()
        maps = [out for out in outputs.values() if out.ndim == image.ndim]
        fewest = min(out[0, 0].numel() for out in maps)
        return [out for out in maps if out[0, 0].numel() == fewest][-1]


def _keep(outputs: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, given: Any, out: Any) -> None:
        if isinstance(out, Tensor):
            outputs[name] = out

    return hook
