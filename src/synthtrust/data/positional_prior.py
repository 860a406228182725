"""The trivial predictor of a segmenter: labels by position alone, learned from the label maps of the training cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthtrust.data.cache import Prepared
from synthtrust.metrics.functional import dice_from_counts
from synthtrust.refusals import Refusal

GRID = (48, 48, 48)
"""Positions are told apart so finely, from one end of the foreground of a case to the other."""
MOST_CASES = 200
"""Training cases that the prior is made of; more do not sharpen it."""
MOST_TO_CHOOSE = 40
"""Training cases on which the thresholds are chosen."""
THRESHOLDS = np.linspace(0.05, 0.95, 19)
"""Shares of the largest probability of a region, from which on a voxel is predicted."""


@dataclass(frozen=True)
class PositionalPrior:
    """How often each region lies at each position, and from which probability on it is predicted there.

    It looks at no image. A network has learned something only if it does better than this. Positions are relative to
    the box of the foreground, in RAS orientation, so that cases of any size are laid upon each other.
    """

    probability: Tensor
    """``(K, *GRID)``, from 0 to 1."""
    thresholds: tuple[float, ...]
    """One for each of the K regions; infinite where predicting nothing is best."""
    regions: Mapping[str, tuple[int, ...]]
    """Region name -> the labels that it is made of."""
    empty: Literal["brats", "nan"]
    """What a region scores that is empty in reference and prediction, see `case_dice`."""

    @classmethod
    def fit(
        cls, cases: Sequence[Prepared], regions: Mapping[str, Sequence[int]], empty: Literal["brats", "nan"]
    ) -> "PositionalPrior":
        """Learn it from the label maps of training cases: the thresholds with the largest mean Dice on them.

        Args:
            cases: Training cases, of which at most MOST_CASES are read, evenly spread.
            regions: Region name -> the labels that it is made of.
            empty: What a region scores that is empty in reference and prediction.

        Raises:
            Refusal: If there is no training case.
        """
        if not cases:
            raise Refusal("Expected training cases for a prior of positions, but got none.")
        named = {name: tuple(labels) for name, labels in regions.items()}
        chosen = _spread(cases, MOST_CASES)
        probability = torch.zeros((len(named), *GRID))
        for case in chosen:
            masks = torch.from_numpy(_masks(case, named).astype(np.float32))
            probability += functional.adaptive_avg_pool3d(masks[None], GRID)[0] / len(chosen)
        unset = cls(probability, (float("inf"),) * len(named), named, empty)
        steps = probability.flatten(1).amax(1)[:, None] * torch.from_numpy(THRESHOLDS).float()  # (K, T)
        scores = np.stack([unset._dice_at(case, steps) for case in _spread(chosen, MOST_TO_CHOOSE)])  # (N, K, T + 1)
        n_scored = np.isfinite(scores).sum(axis=0)
        mean = np.divide(np.nansum(scores, axis=0), n_scored, out=np.full(n_scored.shape, -1.0), where=n_scored > 0)
        candidates = torch.cat([steps, torch.full((len(named), 1), torch.inf)], dim=1)
        thresholds = tuple(float(candidates[k, t]) for k, t in enumerate(mean.argmax(axis=1)))
        return cls(probability, thresholds, named, empty)

    def dice(self, case: Prepared) -> NDArray[np.float64]:
        """Return the Dice of each region of one case, ``(K,)``, as a network's prediction would be scored."""
        steps = torch.tensor(self.thresholds)[:, None]
        return self._dice_at(case, steps)[:, 0]

    def _dice_at(self, case: Prepared, steps: Tensor) -> NDArray[np.float64]:
        """Return the Dice at several thresholds ``(K, T)``, and of predicting nothing, ``(K, T + 1)``."""
        masks = torch.from_numpy(_masks(case, self.regions))
        size = tuple(masks.shape[1:])
        rows = []
        for mask, probability, thresholds in zip(masks, self.probability, steps, strict=True):
            there = functional.interpolate(probability[None, None], size, mode="trilinear")[0, 0]
            above = torch.bucketize(there.flatten(), thresholds.contiguous(), right=True)  # thresholds that it reaches
            n = len(thresholds) + 1
            reached = torch.bincount(above, minlength=n).flip(0).cumsum(0).flip(0)[1:]
            both = torch.bincount(above[mask.flatten()], minlength=n).flip(0).cumsum(0).flip(0)[1:]
            zero = torch.zeros(1, dtype=torch.int64)
            reached, both = torch.cat([reached, zero]), torch.cat([both, zero])
            reference = mask.sum().expand(n)
            rows.append(dice_from_counts(both, reached, reference, empty=self.empty).double().numpy())
        return np.stack(rows)


def _spread(cases: Sequence[Prepared], most: int) -> list[Prepared]:
    """Return at most so many cases, evenly spread over all."""
    return [cases[i] for i in np.unique(np.linspace(0, len(cases) - 1, min(most, len(cases))).round().astype(int))]


def _masks(case: Prepared, regions: Mapping[str, tuple[int, ...]]) -> NDArray[np.bool_]:
    """Return the voxels of each region, ``(K, H, W, D)``."""
    label = np.asarray(case.label())
    return np.stack([np.isin(label, labels) for labels in regions.values()])
