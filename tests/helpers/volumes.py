"""Simple volumes that several tests draw."""

import numpy as np


def ball(shape, radius, centre=0.0):
    """Return a mask of a ball; radius and centre are in coordinates from -1 to 1 along each axis."""
    position = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij"), axis=-1)
    return np.linalg.norm(position - centre, axis=-1) < radius
