"""Small asymmetric heads with a lesion, whose orientation shows, and ways to turn them."""

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt

from synthtrust.cases.checks.orientation import LabelledVolume

SHAPE = (20, 24, 18)
LABELS = [1, 2]


def head(rng):
    """Draw a head with two eyes of unlike size, in front, and a dark stripe behind; a bright lesion lies anywhere."""
    shift = rng.normal(0, 0.03, 3)
    x, y, z = (grid - d for grid, d in zip(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"), shift))
    inside = x**2 / 0.8 + y**2 / 0.9 + z**2 / 0.7 < 1
    image = np.where(inside, 100 + rng.normal(0, 5, SHAPE), 0)
    image[(x - 0.4) ** 2 + (y - 0.4) ** 2 + (z - 0.3) ** 2 < 0.12] += 150
    image[(x + 0.4) ** 2 + (y - 0.4) ** 2 + (z - 0.3) ** 2 < 0.02] += 150
    image[inside & (y < -0.6)] -= 40
    label = np.zeros(SHAPE, np.uint8)
    a, b, c = rng.uniform(-0.45, 0.45, 3)
    distance = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2
    label[inside & (distance < 0.07)] = 1
    label[inside & (distance < 0.03)] = 2
    image[label == 1] += 60
    image[label == 2] -= 30
    return LabelledVolume({"t1": image.astype(np.float32)}, label)


def turned(case, code, *, images=True, label=True):
    """Turn the images of a case, its label map, or both, as far as the grids then still agree."""

    def turn(volume):
        return np.ascontiguousarray(apply_orientation(volume, axcodes2ornt(tuple(code))))

    new = {name: turn(image) if images else image for name, image in case.images.items()}
    return LabelledVolume(new, turn(case.label) if label else case.label)
