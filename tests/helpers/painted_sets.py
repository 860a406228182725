"""Plane images whose faults are known, and how the fidelity audit asks for them quickly."""

import numpy as np
from scipy.ndimage import gaussian_filter

from helpers.synthetic_sets import PaintedRun, plane_twins
from synthtrust.audits.spaces import LowResolution, RandomConvolutions, RegionTexture
from synthtrust.cases.manifest import write_manifest

N = 60


SPACES = {
    "random convolutions": RandomConvolutions(grid=28, channels=8),
    "region texture": RegionTexture(),
    "low resolution": LowResolution(grid=4),
}


QUICK = {"shift": 1.5, "repeats": 4, "n_draws": 20, "n_boot": 100, "n_permutations": 499, "n_ms_ssim": 8, "threads": 1}


def texture(rng):
    """One plane image of a patient: a smooth field with a scale and a slope of its own, in eight bits."""
    field = gaussian_filter(rng.normal(size=(28, 28)), rng.uniform(0.8, 1.6))
    slope = np.linspace(-1, 1, 28) * rng.normal(0, 0.5)
    return 128 + 20 * (field / field.std() + slope[:, None])


def painted(folder, real, images, training_ids):
    twins = plane_twins(folder, real, images)
    write_manifest(folder, twins, {"generator": folder.name}, training_ids=training_ids)
    return PaintedRun(real, folder, N)
