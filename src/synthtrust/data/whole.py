"""Whole cases, to be scored."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

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
