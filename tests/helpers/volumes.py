"""Simple volumes that several tests draw."""

import numpy as np
from scipy.ndimage import gaussian_filter


def ball(shape, radius, centre=0.0):
    """Return a mask of a ball; radius and centre are in coordinates from -1 to 1 along each axis."""
    position = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"), axis=-1)
    return np.linalg.norm(position - centre, axis=-1) < radius


def blob(seed, side=20):
    """Return a label map of two regions with a shape of its own."""
    rng = np.random.default_rng(seed)
    distance = np.sqrt(((np.indices((side,) * 3) - side / 2) ** 2).sum(axis=0))
    field = gaussian_filter(rng.normal(size=(side,) * 3), 2.5)
    inside = distance + 2 * field / field.std() < side / 3.5
    return np.where(inside, 1 + (np.indices(inside.shape)[0] > side / 2), 0).astype(np.uint8)
