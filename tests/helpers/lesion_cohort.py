"""A cohort of volumes with lesions of 5 to 5,000 voxels, small ones dark and large ones bright."""

import numpy as np
from scipy.ndimage import gaussian_filter

from synthtrust.testing.tiny import STEMS, save_nifti

SMALL = 200
"""Voxels up to which a lesion is dark: a network that sees no small one learns nothing of them. Where all are bright, a
network that knows large ones finds small ones as well, and there is nothing to lose."""
SHAPE = (40, 28, 28)


def lesion_cohort(folder, count, *, seed=0, small=SMALL):
    """Write cases with one lesion of each of two labels, in halves of the volume, named as BraTS 2021 names its cases.

    Args:
        folder: Where to write.
        count: Number of cases.
        seed: Seed of everything that is drawn.
        small: Voxels up to which a lesion is dark; 0 for lesions that are all bright.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        label = np.zeros(SHAPE, np.uint8)
        texture = gaussian_filter(rng.normal(size=SHAPE), 1.0)
        image = 1000 + 50 * texture / texture.std() + 20 * rng.normal(size=SHAPE)
        for value, first in ((1, 0), (2, SHAPE[0] // 2)):
            n_voxels = round(np.exp(rng.uniform(np.log(5), np.log(5000))))
            lesion = _blob(rng, n_voxels, first)
            label[lesion] = value
            image[lesion] += (-1 if n_voxels <= small else 1) * (700 if value == 1 else 300)
        stem = STEMS["2021"].format(number)
        save_nifti(folder / stem / f"{stem}_flair.nii.gz", np.maximum(image, 1).astype(np.int16))
        save_nifti(folder / stem / f"{stem}_seg.nii.gz", label)


def _blob(rng, n_voxels, first):
    """Return a mask of so many voxels about a centre in one half of the volume."""
    half = SHAPE[0] // 2
    sides = np.array([half, *SHAPE[1:]])
    centre = np.array([first, 0, 0]) + sides / 2 + rng.uniform(-0.1, 0.1, 3) * sides
    axes = np.indices(SHAPE).astype(float)
    distance = sum(((axis - middle) * scale) ** 2 for axis, middle, scale in
                   zip(axes, centre, rng.uniform(0.85, 1.15, 3), strict=True))  # fmt: skip
    distance[:first] = distance[first + half :] = np.inf
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[np.argsort(distance, axis=None, kind="stable")[:n_voxels]] = True
    return mask
