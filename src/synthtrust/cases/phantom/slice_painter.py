"""The painter of the phantom slices: one axial FLAIR slice out of a seed, with a small tumour or without."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases.phantom.painter import Array, Lesion, Tissue, anatomy, draw_lesion, image, shares
from synthtrust.cases.phantom.smooth_noise import smooth_noise

SLICES_VERSION = 1
"""To be raised with every change that changes a pixel: it is part of the recipe."""

LEVELS = (-0.05, 0.32)  # [hfov], from the nuclei to above the ventricles
THICKNESS = 0.04  # [hfov]
WINDOW = 1200  # [scanner units] that become white
RADII = (0.07, 0.16)  # of the core [hfov]: much smaller than in the volumes, where a network is to find each voxel
DENSITY = (0.4, 0.9)  # share of the tissue that is replaced: next to some hyperintensities of age a tumour is faint


def paint_slice(seed: int, index: int, side: int, *, tumour: bool) -> NDArray[np.uint8]:
    """Return slice ``index``, shape ``(side, side)``, as one looks at it: anterior above, the right side at the left.

    It is exactly 0 outside the brain and at least 1 inside. With and without a tumour, everything else is drawn alike:
    neither the level, nor the scale, nor the hyperintensities of age tell which it is.
    """
    of_lesion, of_anatomy, of_tumour, of_image = np.random.default_rng([seed, index]).spawn(4)
    level = of_lesion.uniform(*LEVELS)
    lesion = draw_lesion(of_lesion)
    stretch = of_lesion.uniform(*RADII) / lesion.radius
    lesion = replace(
        lesion,
        centre=np.array([*lesion.centre[:2], level]),
        axes=lesion.axes / stretch,
        radius=lesion.radius * stretch,
    )
    slab = (level - THICKNESS / 2, level + THICKNESS / 2)
    tissue = shares(anatomy(of_anatomy, lesion if tumour else None, (side, side, 1), slab))
    if tumour:
        tissue = _infiltrate(of_tumour, tissue, lesion)
    scan = image(of_image, tissue, "flair")[:, :, 0].T
    return np.clip(np.rint(scan * (255 / WINDOW)), scan > 0, 255).astype(np.uint8)


def _infiltrate(rng: np.random.Generator, healthy: Array, lesion: Lesion) -> Array:
    """Return the tissue shares ``(T, H, W, 1)`` with the tumour in them: a core inside its oedema, both spare CSF."""
    side = healthy.shape[1]
    line = 1 - (2 * np.arange(side) + 1) / side  # [hfov], falls towards left and posterior
    offset = np.stack(np.broadcast_arrays(line[:, None, None], line[None, :, None], lesion.centre[2]))  # (3, H, W, 1)
    offset = offset - lesion.centre[:, None, None, None]
    distance = np.linalg.norm(np.tensordot(lesion.axes, offset, axes=1), axis=0)  # 1 on the ellipsoid of the core
    distance = distance + 0.25 * smooth_noise(rng, distance.shape, width=1.9 / lesion.radius)
    density = rng.uniform(*DENSITY) * (1 - healthy[Tissue.CSF]) * healthy.any(axis=0)
    core = density * np.clip(1.5 - distance, 0, 1)  # an edge as wide as a radius
    oedema = np.maximum(0, density * np.clip(lesion.oedema + 0.5 - distance, 0, 1) - core)
    mixed = healthy * (1 - core - oedema)
    mixed[Tissue.ET] += core
    mixed[Tissue.ED] += oedema
    return mixed
