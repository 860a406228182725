"""P4, the paired-twin test: whether a twin resembles its source more if the generator had seen that source.

A twin painted on the mask of a patient is nearer to that patient than to others even if the generator is honest, so a
search over the whole set would accuse every mask-conditional generator. Therefore twins of training masks are compared
with twins of masks whose images the generator never saw, each with its own source, once the mask's part is removed.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from synthtrust.metrics.functional.membership import require_patients
from synthtrust.metrics.functional.roc import Auc, separation_test
from synthtrust.refusals import Refusal

FEWEST_VOXELS = 8
"""Fewest voxels of a region; smaller regions tell nothing about texture, and are left out."""


def region_residual_similarity(real: Tensor, twin: Tensor, label: Tensor, labels: Sequence[int]) -> float:
    r"""Return the correlation of two images on one mask after scaling each region to mean 0 and standard deviation 1.

    It is computed over the voxels of all regions together, and averaged over modalities. No flips or shifts are tried,
    since the mask fixes the position.

    Args:
        real: Image ``(C, *spatial)``, any intensity unit.
        twin: Image of the same shape.
        label: Label map ``(*spatial)`` that both lie on.
        labels: The labels of the regions, with healthy tissue if the mask has it, but without air.

    Returns:
        A value from -1 to 1; NaN if no region has 8 voxels that vary in both images.

    Raises:
        Refusal: If the shapes differ, or an image holds NaN or infinity in the regions.

    >>> label = torch.arange(20).reshape(1, 20) // 10
    >>> real = torch.arange(20.0).reshape(1, 1, 20)
    >>> round(region_residual_similarity(real, 2 * real + 100 * label, label, [0, 1]), 4)  # only level and scale differ
    1.0
    """
    if real.shape != twin.shape or real.shape[1:] != label.shape:
        raise Refusal(
            f"Expected two images (C, *spatial) on one label map, but got {tuple(real.shape)}, {tuple(twin.shape)} and "
            f"{tuple(label.shape)}."
        )
    correlations = []
    for a, b in zip(real.as_subclass(Tensor).double(), twin.as_subclass(Tensor).double()):
        pairs = [(a[label == value], b[label == value]) for value in labels]
        if not all(x.isfinite().all() and y.isfinite().all() for x, y in pairs):
            raise Refusal("Expected finite intensities in the regions, but got NaN or infinity.")
        pairs = [(x, y) for x, y in pairs if len(x) >= FEWEST_VOXELS and x.std() > 0 and y.std() > 0]
        if pairs:
            n = sum(len(x) for x, _ in pairs)
            correlations.append(sum(float((_standard(x) * _standard(y)).sum()) for x, y in pairs) / n)
    return float(np.mean(correlations)) if correlations else float("nan")


def paired_twin_test(
    train: ArrayLike,
    holdout: ArrayLike,
    train_patients: Sequence[Hashable] | None = None,
    holdout_patients: Sequence[Hashable] | None = None,
    *,
    n_permutations: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> Auc:
    """Test whether twins of training masks resemble their sources more than twins of unseen masks do.

    The area under the curve is about .5 for an honest generator, and 1 for one that memorised all patients. With 60
    twins on each side, a generator that memorised 20 % of its patients is found in two of three tries. The test needs
    twins of unseen masks, which have to be painted on purpose.

    Args:
        train: `region_residual_similarity` of training twins with their sources, ``(m,)``.
        holdout: The same for twins of unseen masks, ``(h,)``.
        train_patients: The patient of each training twin, for patients with several.
        holdout_patients: The patient of each unseen twin.
        n_permutations: Number of permutations of the patients.
        seed: Seed of the permutations.
        level: Coverage of DeLong's interval.

    Raises:
        Refusal: If a side has fewer than 10 patients, a score is NaN, or a patient is on both sides.

    >>> auc = paired_twin_test(np.linspace(0.8, 0.9, 10), np.linspace(0.4, 0.6, 12))
    >>> auc.value, auc.p, auc.n_positive, auc.n_negative
    (1.0, 0.001, 10, 12)
    """
    n_train = len(set(train_patients)) if train_patients is not None else np.size(train)
    n_holdout = len(set(holdout_patients)) if holdout_patients is not None else np.size(holdout)
    require_patients("the paired-twin test", n_train, n_holdout)
    return separation_test(
        train, holdout, train_patients, holdout_patients, n_permutations=n_permutations, seed=seed, level=level
    )


def _standard(x: Tensor) -> Tensor:
    return (x - x.mean()) / torch.std(x, correction=0)
