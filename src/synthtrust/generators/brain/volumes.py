"""The training volumes: cases are prepared on disk, and each draw gives an image and its condition."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size, crop_or_pad
from synthtrust.generators.brain.condition import numbered, one_hot
from synthtrust.generators.brain.intensity import scale_of, to_unit
from synthtrust.generators.brain.statistics import TrainingStatistics, in_parallel, read_case
from synthtrust.generators.training.draws import case_of_draw
from synthtrust.progress import track
from synthtrust.refusals import Refusal

PREPARED = "images.npy", "channel.npy"
"""Names of the files of prepared volumes."""


@contextmanager
def prepared(
    cases: Sequence[Case],
    known: TrainingStatistics,
    folder: Path,
    *,
    intensity_percentile: float | None,
    brain_label: int | None,
) -> Iterator[None]:
    """Write the volumes that the network is trained on into a folder, and remove it when the block ends.

    There are two files, which are memory-mapped so that memory does not grow with the cohort: ``images.npy``, float16
    ``(N, M, *size)`` in [-1, 1], and ``channel.npy``, uint8 ``(N, *size)``. They show real patients, and the folder is
    that of twins to be shared, so they are removed whatever happens.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def prepare(case: Case) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        seen = read_case(case, known.modalities, brain_label)
        unit = to_unit(seen.images, scale_of(seen.images, seen.brain, intensity_percentile))
        channel = numbered(seen.label, seen.brain, known.labels)
        return crop_or_pad(unit, known.size, fill=-1).astype(np.float16), crop_or_pad(channel, known.size)

    n, m = len(cases), len(known.modalities)
    images = open_memmap(folder / PREPARED[0], "w+", np.float16, (n, m, *known.size))
    channels = open_memmap(folder / PREPARED[1], "w+", np.uint8, (n, *known.size))
    try:
        made = track(in_parallel(prepare, cases), "Preparing training volumes", total=n)
        for i, (image, channel) in enumerate(made):
            images[i], channels[i] = image, channel
        images.flush()
        channels.flush()
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_prepared(folder: Path) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Return images ``(N, M, *size)`` and channels ``(N, *size)`` of prepared volumes, memory-mapped."""
    images, channels = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in PREPARED)
    return images, channels


class Pairs(Dataset):
    """Endless pairs of image and condition, numbered by draw; the same number gives the same pair on any rank.

    In each round of N draws every case comes once. An item has ``image`` ``(M, *patch)`` and ``condition``
    ``(K, *patch)``, both float32, and whatever a subclass draws.

    Args:
        folder: The folder of the prepared volumes.
        n_channels: K, the number of channels of the condition.
        patch_size: Sides of a random part [voxels]; None for whole volumes.
        flip: Mirror half of the examples along the first axis, left and right in brains.
        seed: The seed of the draws.
    """

    def __init__(self, folder: Path, *, n_channels: int, patch_size: Size | None, flip: bool, seed: int) -> None:
        self.images, self.channels = load_prepared(folder)
        self.n_channels, self.flip, self.seed = n_channels, flip, seed
        self.patch_size = self.images.shape[2:] if patch_size is None else patch_size
        if any(have < want for have, want in zip(self.images.shape[2:], self.patch_size, strict=True)):
            raise Refusal(
                f"Expected patches within the size {self.images.shape[2:]}, but got {tuple(self.patch_size)}."
            )

    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        case = case_of_draw(draw, len(self.images), self.seed)
        rng = np.random.default_rng([self.seed, 2, draw])
        starts = self.corner(case, rng)
        box = tuple(slice(start, start + want) for start, want in zip(starts, self.patch_size))
        image = self.images[case][:, *box].astype(np.float32)
        condition = one_hot(self.channels[case][box], self.n_channels)
        image, condition = self.as_seen(image, condition, box)
        if self.flip and rng.random() < 0.5:
            image, condition = np.flip(image, 1), np.flip(condition, 1)
        return {
            "image": torch.from_numpy(image.copy()),
            "condition": torch.from_numpy(condition.copy()),
            **self.drawn(rng, image.shape),
        }

    def corner(self, case: int, rng: np.random.Generator) -> list[int]:
        """Draw the position at which a part of a case begins [voxels]."""
        return [int(rng.integers(have - want + 1)) for have, want in zip(self.images.shape[2:], self.patch_size)]

    def as_seen(
        self, image: NDArray[np.float32], condition: NDArray[np.float32], box: tuple[slice, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return image and condition of a part in the form that the network sees."""
        return image, condition

    def drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, Tensor]:
        """Return further random entries of an example whose image has the shape ``(M, *patch)``."""
        return {}
