"""Whole cases, to be scored: each exactly once in the table, whatever the number of ranks."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from synthtrust.cases import Source
from synthtrust.data.cache import Prepared


class WholeCases(Dataset):
    """Preprocessed cases in one piece.

    Each item: ``image`` float32 ``(C, H, W, D)``, ``label`` int64 ``(H, W, D)``, ``case`` int (its number in the
    split; a twin has the number of its real case) and ``synthetic`` bool.
    """

    def __init__(self, cases: Sequence[Prepared], numbers: Mapping[str, int]) -> None:
        self.cases, self.numbers = list(cases), numbers

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor | int | bool]:
        prepared = self.cases[index]
        return {
            "image": torch.from_numpy(prepared.image().astype(np.float32)),
            "label": torch.from_numpy(prepared.label().astype(np.int64)),
            "case": self.numbers[prepared.case.id],
            "synthetic": prepared.case.source is Source.SYNTHETIC,
        }


class ShardSampler(Sampler[int]):
    """Deals items out over ranks, each to one rank; ranks may differ by one item.

    Only a rank that would get none repeats another's item: Lightning lets a rank without batches skip the end of the
    epoch, where the others would wait for it. The scores are gathered by case, so a repeated one counts once.
    """

    def __init__(self, n: int, rank: int = 0, world_size: int = 1) -> None:
        self.mine = range(rank, n, world_size) or range(rank % n, rank % n + 1)

    def __iter__(self) -> Iterator[int]:
        return iter(self.mine)

    def __len__(self) -> int:
        return len(self.mine)
