"""Plane images with a texture of their own for each patient, and sets painted for them, for the audits of privacy."""

import numpy as np
from scipy.ndimage import gaussian_filter

from helpers.synthetic_sets import PaintedRun, plane_twins
from synthtrust.cases.manifest import write_manifest

N_TRAIN, N_HOLDOUT = 50, 60
SIDE = 24


def texture(rng, shape=(SIDE, SIDE)):
    """One image of a patient: a field of its own on a slow slope that all share."""
    field = gaussian_filter(rng.normal(size=shape), 1.0)
    return 120 + 25 * (field / field.std() + np.linspace(-1, 1, shape[-1])) + 0.01


def painted(folder, real, images, training_ids="train", **facts):
    """Write one synthetic image for each real case."""
    ids = [case.id for case in real.cases[:N_TRAIN]] if training_ids == "train" else training_ids
    write_manifest(folder, plane_twins(folder, real, images), {}, training_ids=ids, **facts)
    return PaintedRun(real, folder, N_TRAIN)
