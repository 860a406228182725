"""Batches of images with their classes or findings: drawn to train on, or each case once to be scored."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from synthtrust.cases import Case, Source
from synthtrust.data.image_cache import ImageTable
from synthtrust.data.samplers import CaseCycle

Augment = Callable[[Tensor, Sequence[np.random.Generator]], Tensor]
"""Batch of images ``(B, C, *size)`` and a source of randomness for each -> augmented images."""


class ImageCases(Dataset):
    """Images in batches, gathered from their tables in one go.

    An item is a batch, asked for by the indices of its cases: ``image`` float32 ``(B, C, *size)``, ``label`` int64, the
    class ``(B,)`` or 0 and 1 for each finding ``(B, K)``, ``case`` int64 ``(B,)`` (its number in the split; a twin has
    the number of its real case) and ``synthetic`` bool ``(B,)``.

    Args:
        cases: Real cases and twins; a case may appear more than once.
        tables: Where the images of each source lie.
        numbers: Case id -> its number in the split.
    """

    def __init__(self, cases: Sequence[Case], tables: Mapping[Source, ImageTable], numbers: Mapping[str, int]) -> None:
        self.cases, self.tables = list(cases), dict(tables)
        self.label = np.array([case.target for case in cases], dtype=np.int64)
        self.number = np.array([numbers[case.id] for case in cases], dtype=np.int64)
        self.synthetic = np.array([case.source is Source.SYNTHETIC for case in cases])
        self.row = np.array([self.tables[case.source].row[case.id] for case in cases])

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        chosen = np.asarray(indices)
        return {
            "image": torch.from_numpy(self._images(chosen)),
            "label": torch.from_numpy(self.label[chosen]),
            "case": torch.from_numpy(self.number[chosen]),
            "synthetic": torch.from_numpy(self.synthetic[chosen]),
        }

    def _images(self, indices: NDArray[np.intp]) -> NDArray[np.float32]:
        some = next(iter(self.tables.values())).images
        images = np.empty((len(indices), *some.shape[1:]), dtype=np.float32)
        for source, table in self.tables.items():
            of_it = self.synthetic[indices] == (source is Source.SYNTHETIC)
            images[of_it] = table.images[self.row[indices[of_it]]]
        return images


class ImageDraws(ImageCases):
    """Endless training batches, numbered by draw.

    Draw ``g`` shows the image whose turn it is (``CaseCycle``), augmented by the seed and ``g`` alone. So a run
    that is resumed, sharded or loaded by more workers trains on the same images.

    Args:
        cases: The drawn training set; a case may appear more than once.
        tables: Where the images of each source lie.
        augment: Changes a batch at random; None leaves it as it is.
        seed: Seed of the draws.
    """

    def __init__(
        self, cases: Sequence[Case], tables: Mapping[Source, ImageTable], augment: Augment | None = None, seed: int = 0
    ) -> None:
        super().__init__(cases, tables, {case.id: 0 for case in cases})
        self.augment, self.seed, self.cycle = augment, seed, CaseCycle(len(cases), seed)

    def __getitem__(self, draws: Sequence[int]) -> dict[str, Tensor]:
        batch = super().__getitem__([self.cycle[draw] for draw in draws])
        image = batch["image"]
        if self.augment is not None:
            image = self.augment(image, [np.random.default_rng([self.seed, draw]) for draw in draws])
        return {"image": image, "label": batch["label"]}
