"""Stand-ins of brain cohorts for benchmarks, at full size and at 2 mm, and how a user of MONAI would load them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from monai.transforms import (
    ConcatItemsd,
    CropForegroundd,
    DeleteItemsd,
    EnsureChannelFirstd,
    Lambdad,
    LoadImaged,
    NormalizeIntensityd,
    Orientationd,
    RandCropByLabelClassesd,
    RandFlipd,
    RandScaleIntensityd,
    RandShiftIntensityd,
)

from synthtrust.cases import Cohort, read_brats
from synthtrust.testing import save_nifti
from synthtrust.testing.tiny import draw_tiny

MODALITIES = ("flair", "t1ce", "t1", "t2")
BOTH = ("image", "label")
GRIDS = {"full size": ((240, 240, 155), (144, 176, 140)), "2 mm": ((96, 96, 96), (72, 88, 70))}
"""Grid of the files, and of the brain within it [voxels]."""


def brains(folder: Path, size: str, count: int) -> Cohort:
    """Write cases in the layout of BraTS, their brains in the middle of a grid of zeros, and read them.

    Args:
        folder: Where to write.
        size: A key of `GRIDS`.
        count: How many cases.
    """
    grid, brain = GRIDS[size]
    low = [(side - inner) // 2 for side, inner in zip(grid, brain, strict=True)]
    box = tuple(slice(start, start + inner) for start, inner in zip(low, brain, strict=True))
    for n in range(count):
        rng = np.random.default_rng((0, n))
        label, images = draw_tiny(brain, MODALITIES, rng)
        name = f"BraTS2021_{n:05d}"
        for role, voxels in {**images, "seg": np.where(label == 3, 4, label).astype(np.int16)}.items():
            volume = np.zeros(grid, np.int16)
            volume[box] = voxels
            save_nifti(folder / name / f"{name}_{role}.nii.gz", volume, np.diag([-1.0, -1, 1, 1]))
    return read_brats(folder, modalities=MODALITIES, release="2021")


def files_of(cohort: Cohort) -> list[dict[str, str]]:
    """Return the files of each case as MONAI's datasets take them."""
    return [
        {**{name: str(path) for name, path in case.images.items()}, "label": str(case.label_map)}
        for case in cohort.cases
    ]


def loading() -> list:
    """Return MONAI transforms that load a case as the cache has it: cropped to the brain, and z-scored there."""
    every = (*MODALITIES, "label")
    return [
        LoadImaged(every),
        EnsureChannelFirstd(every),
        Orientationd(every, axcodes="RAS", labels=None),
        ConcatItemsd(MODALITIES, "image"),
        DeleteItemsd(MODALITIES),
        Lambdad("label", lambda label: torch.where(label == 4, 3, label)),
        CropForegroundd(BOTH, "image", allow_smaller=True),
        NormalizeIntensityd("image", nonzero=True, channel_wise=True),
    ]


def augmenting() -> list:
    """Return the augmentation of the configs."""
    flips = [RandFlipd(BOTH, prob=0.5, spatial_axis=axis) for axis in range(3)]
    scale = RandScaleIntensityd("image", factors=0.1, prob=1.0)
    return [*flips, scale, RandShiftIntensityd("image", offsets=0.1, prob=1.0)]


def cropping(side: int) -> list:
    """Return MONAI transforms that draw a patch: three in four on a label, every label equally likely."""
    return [RandCropByLabelClassesd(BOTH, "label", [side] * 3, ratios=[1, 1, 1, 1], num_classes=4, num_samples=1)]


def share_labelled(items: Sequence[dict[str, torch.Tensor]]) -> float:
    """Return the share of patches that show a label."""
    return float(np.mean([bool((item["label"] > 0).any()) for item in items]))
