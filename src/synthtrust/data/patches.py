"""Volumes as a network sees them: patches numbered by draw to train on, whole cases to be scored."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from synthtrust.cases import Source
from synthtrust.data.cache import Prepared
from synthtrust.data.fused import Drawn, fused
from synthtrust.data.samplers import CaseCycle

ROOM = 2**30
"""Bytes of cases that a process keeps mapped between its patches."""


class MappedCases:
    """The channels and label maps of cases, to be read only; they stay mapped while they fit into some bytes.

    To map a case for one patch and to touch its pages takes as long as all the rest. Pages of a map are those of the
    file, which the system takes back where memory is short, but they count as the process's: hence the limit. The cases
    that come first stay: each comes once in a round, and the latest ones would be gone before their next turn.

    Args:
        room: The bytes.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room, self.taken = room, 0
        self.kept: dict[Path, tuple[NDArray[np.float16], NDArray[np.uint8]]] = {}

    def __getitem__(self, case: Prepared) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Return the channels ``(C, H, W, D)`` and the label map ``(H, W, D)`` of a case."""
        if (arrays := self.kept.get(case.folder)) is None:
            arrays = case.image(), case.label()
            if self.taken + (size := sum(array.nbytes for array in arrays)) <= self.room:
                self.kept[case.folder] = arrays
                self.taken += size
        return arrays

    def __reduce__(self) -> tuple[type["MappedCases"], tuple[int]]:
        """Send no voxels to another process, which maps cases of its own."""
        return MappedCases, (self.room,)


class Patches(Dataset):
    """Endless random patches of a training set, numbered by draw.

    Draw ``g`` shows the case whose turn it is (``CaseCycle``); where the patch lies and how it is augmented depends on
    the seed and on ``g`` alone. So a run that is resumed, sharded or loaded by more workers trains on the same patches.

    Each item: ``image`` float32 ``(C, *patch_size)`` in z-scores, ``label`` uint8 ``(1, *patch_size)``.

    Args:
        cases: The drawn training set; a case may appear more than once.
        patch_size: Side lengths [voxels]; smaller cases are padded with zeros.
        foreground: Share of patches centred on a labelled voxel, with every label equally likely.
        augment: MONAI dictionary transforms for keys ``image`` and ``label``; where ``fused`` knows all of them, they
            are applied in one pass, else one after the other.
        seed: Seed of the draws.
    """

    def __init__(
        self,
        cases: Sequence[Prepared],
        patch_size: Sequence[int],
        foreground: float = 0.75,
        augment: Sequence[Callable] = (),
        seed: int = 0,
    ) -> None:
        self.cases, self.patch_size, self.foreground, self.seed = list(cases), tuple(patch_size), foreground, seed
        self.augment, self.fused = Compose(list(augment)), fused(augment)
        self.cycle, self.mapped = CaseCycle(len(self.cases), seed), MappedCases()

    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        case = self.cases[self.cycle[draw]]
        rng = np.random.default_rng([self.seed, draw])
        whole, whole_label = self.mapped[case]
        box = self._box(case, whole_label.shape, rng)
        image, label = _cut(whole, box), _cut(whole_label[None], box)[0]
        if self.fused is not None:
            drawn = self.fused.draw(rng)
            return {"image": drawn.image(image), "label": drawn.label(label)[None]}
        item: dict[str, Any] = {"image": Drawn().image(image), "label": Drawn().label(label)[None]}
        self.augment.set_random_state(seed=int(rng.integers(2**31)))
        item = self.augment(item)
        return {"image": plain(item["image"]).float(), "label": plain(item["label"]).to(torch.uint8)}

    def _box(self, case: Prepared, shape: Sequence[int], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Start and stop of the patch along each axis; it may reach over the edge of a smaller case."""
        points = case.points_by_label
        starts = [int(rng.integers(max(side - length, 0) + 1)) for side, length in zip(shape, self.patch_size)]
        if points and rng.random() < self.foreground:
            chosen = points[rng.integers(len(points))]
            centre = chosen[rng.integers(len(chosen))].tolist()
            starts = [
                min(max(middle - length // 2, 0), max(side - length, 0))
                for middle, side, length in zip(centre, shape, self.patch_size)
            ]
        starts = [  # a case smaller than the patch lies in its middle
            start if side >= length else (side - length) // 2
            for start, side, length in zip(starts, shape, self.patch_size)
        ]
        return [(start, start + length) for start, length in zip(starts, self.patch_size)]


class WholeCases(Dataset):
    """Preprocessed cases in one piece.

    Each item: ``image`` float32 ``(C, H, W, D)``, ``label`` uint8 ``(H, W, D)``, ``case`` int (its number in the
    split; a twin has the number of its real case), ``synthetic`` bool, ``spacing`` float64 ``(3,)`` (sides of a voxel
    [mm]) and ``extent`` float (diagonal of the whole volume [mm]).
    """

    def __init__(self, cases: Sequence[Prepared], numbers: Mapping[str, int]) -> None:
        self.cases, self.numbers = list(cases), numbers

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor | float | bool]:
        prepared = self.cases[index]
        return {
            "image": Drawn().image(prepared.image()),
            "label": Drawn().label(prepared.label()),
            "case": self.numbers[prepared.case.id],
            "synthetic": prepared.case.source is Source.SYNTHETIC,
            "spacing": torch.tensor(prepared.facts["spacing"], dtype=torch.float64),
            "extent": prepared.extent_mm,
        }


def _cut(volume: NDArray, box: Sequence[tuple[int, int]]) -> NDArray:
    """Cut a box out of ``(C, H, W, D)``, with zeros where it reaches over the edge; where it does not, as a view."""
    inside = [slice(max(start, 0), min(stop, side)) for (start, stop), side in zip(box, volume.shape[1:])]
    patch = volume[:, *inside]
    missing = [(max(-start, 0), max(stop - side, 0)) for (start, stop), side in zip(box, volume.shape[1:])]
    return np.pad(patch, [(0, 0), *missing]) if any(sum(pair) for pair in missing) else patch


def plain(tensor: Tensor) -> Tensor:
    """Return a tensor without MONAI's metadata, which makes every later operation slower and metrics stumble."""
    return tensor.as_tensor() if hasattr(tensor, "as_tensor") else tensor
