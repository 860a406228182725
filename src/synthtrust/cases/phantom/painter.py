"""The painter of the phantoms: a brain with a tumour out of a seed, without a patient.

One case goes ``lesion -> anatomy -> tissue shares -> tumour label -> images``, each step one function below.
Space is measured in half fields of view [hfov]: x, y, z in [-1, 1] towards right, anterior, superior.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter, map_coordinates

from synthtrust.cases.cohort import BRATS_LABELS
from synthtrust.cases.phantom.smooth_noise import FINER, smooth_noise
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]
Shape = tuple[int, int, int]

PHANTOM_VERSION = 2
"""To be raised with every change that changes a voxel: it is part of the recipe."""

SMALLEST_SIDE = 16  # below, a tumour has no room for three nested labels
FEWEST_VOXELS = 4  # of each label in each case

Tissue = IntEnum("Tissue", "CSF GREY WHITE NUCLEI HYPERINTENSITY VESSEL NCR ED ET", start=0)
NOTHING = len(Tissue)  # outside the brain

# What each tissue looks like [scanner units], after textbook contrasts at 3 T. Hyperintensities of age (bright in FLAIR
# like oedema) and vessels (bright after contrast agent like enhancing tumour) are there to mislead a threshold.
CONTRASTS: Mapping[str, Mapping[str, float]] = {
    "flair": dict(CSF=140, GREY=570, WHITE=440, NUCLEI=540, HYPERINTENSITY=800, VESSEL=330, NCR=450, ED=870, ET=730),
    "t1ce": dict(CSF=210, GREY=490, WHITE=740, NUCLEI=580, HYPERINTENSITY=590, VESSEL=1000, NCR=330, ED=520, ET=1100),
    "t1": dict(CSF=210, GREY=480, WHITE=740, NUCLEI=570, HYPERINTENSITY=590, VESSEL=430, NCR=340, ED=520, ET=490),
    "t2": dict(CSF=1000, GREY=620, WHITE=420, NUCLEI=560, HYPERINTENSITY=700, VESSEL=300, NCR=860, ED=790, ET=650),
}

# Grey nuclei of one hemisphere: centre and half-axes [hfov], x counted from the midline.
NUCLEI: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "caudate": ((0.19, 0.26, 0.06), (0.08, 0.19, 0.15)),
    "lentiform": ((0.33, 0.10, -0.06), (0.10, 0.25, 0.16)),
    "thalamus": ((0.14, -0.14, -0.02), (0.11, 0.19, 0.14)),
}


@dataclass(frozen=True)
class Lesion:
    """What is decided about a tumour before anything is painted."""

    centre: Array
    """(3,) [hfov]."""
    axes: Array
    """(3, 3): maps an offset from the centre to one whose length is 1 on the ellipsoid of the core."""
    radius: float
    """The radius of the core [hfov]."""
    necrosis: float
    """Radius of the necrosis, in radii of the core."""
    oedema: float
    """Radius of the oedema, in radii of the core."""
    enhancement: float
    """How much contrast agent it takes up, in (0, 1]."""


def paint(seed: int, index: int, shape: Shape) -> tuple[NDArray[np.uint8], Array, dict[str, NDArray[np.int16]]]:
    """Return label ``(H, W, D)``, tissue shares ``(T, H, W, D)`` and images in all contrasts of case ``index``.

    The shares of the tissues sum to 1 inside the brain and to 0 outside, where every image is exactly 0; inside, every
    image is at least 1.
    """
    of_lesion, of_anatomy, of_tumour, *of_images = np.random.default_rng([seed, index]).spawn(3 + len(CONTRASTS))
    lesion = draw_lesion(of_lesion)
    healthy = shares(anatomy(of_anatomy, lesion, shape))
    label = grow(of_tumour, lesion, healthy)
    tissue = invade(of_tumour, healthy, label)
    images = {
        name: image(rng, tissue, name, lesion.enhancement) for name, rng in zip(CONTRASTS, of_images, strict=True)
    }
    return label, tissue, images


def draw_lesion(rng: np.random.Generator) -> Lesion:
    """Decide where a tumour sits (off the midline, above the tentorium), its size, its tilt and its composition."""
    centre = rng.uniform([0.27, -0.5, -0.12], [0.45, 0.45, 0.42]) * [rng.choice([-1, 1]), 1, 1]
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    radius = rng.uniform(0.13, 0.27)
    stretch = np.exp(rng.normal(0, 0.2, size=3))
    necrosis = rng.choice([rng.uniform(0.1, 0.35), rng.uniform(0.5, 0.85)], p=[0.2, 0.8])  # some have next to none
    axes = rotation / (radius * stretch)
    return Lesion(centre, axes, radius, necrosis, rng.uniform(1.35, 2.2), rng.uniform(0.35, 1.0))


def anatomy(
    rng: np.random.Generator, lesion: Lesion | None, shape: Shape, slab: tuple[float, float] = (-1, 1)
) -> NDArray[np.uint8]:
    """Return one tissue per voxel on the finer grid, ``NOTHING`` outside: the brain before the tumour is put in.

    ``slab`` is what the grid covers from inferior to superior [hfov]. Without a lesion nothing is pushed aside.
    """
    fine = tuple(FINER * side for side in shape)
    outer = _space(rng, fine, slab)
    inner = outer if lesion is None else _pushed(outer, lesion)
    tissue = np.full(fine, NOTHING, dtype=np.uint8)
    _paint_hindbrain(tissue, outer)
    _paint_cerebrum(tissue, outer, inner, rng)
    _paint_depths(tissue, inner, rng)
    return tissue


def shares(tissue: NDArray[np.uint8]) -> Array:
    """Return how much of each voxel each tissue takes, ``(T, H, W, D)``: the mean over its finer voxels."""
    corners = [tissue[i::FINER, j::FINER, k::FINER] for i, j, k in np.ndindex(FINER, FINER, FINER)]
    parts = np.stack([np.mean([corner == kind for corner in corners], axis=0) for kind in Tissue])  # (T, H, W, D)
    return _normalised(parts, parts.sum(axis=0) > 0.5)


def grow(rng: np.random.Generator, lesion: Lesion, healthy: Array) -> NDArray[np.uint8]:
    """Return the label map: necrosis inside enhancing tumour inside oedema, each with an outline of its own.

    Every neighbour across a face of NCR is NCR or ET, and every such neighbour of those is tumour. Oedema runs along
    white matter, slows down in grey and at the midline, and spares CSF; the core and its rim replace whatever they
    meet. A tumour too small for the grid grows until each label has ``FEWEST_VOXELS``.

    Raises:
        Refusal: If it never does.
    """
    shape = healthy.shape[1:]
    offset = np.stack([axis - c for axis, c in zip(np.broadcast_arrays(*_axes(shape)), lesion.centre, strict=True)])
    distance = np.linalg.norm(np.tensordot(lesion.axes, offset, axes=1), axis=0)  # 1 on the core's ellipsoid
    bumps = [smooth_noise(rng, shape, width=1.9 / lesion.radius) for _ in BRATS_LABELS]
    grey = healthy[[Tissue.GREY, Tissue.NUCLEI]].sum(axis=0)
    brain = healthy.any(axis=0)
    room = brain & (healthy[Tissue.CSF] < 0.5)
    beyond = np.clip(-(offset[0] + lesion.centre[0]) * np.sign(lesion.centre[0]) / 0.15, 0, 1)  # the midline
    for growth in 1.1 ** np.arange(80):
        size = growth**0.2  # necrosis first: a small one must not blow up the whole
        oedema = distance / (lesion.oedema * size) + 0.24 * bumps[0] + 0.4 * grey + 0.5 * beyond
        lump = distance / size + 0.26 * bumps[1]
        whole = (room & (oedema < 1)) | (brain & (lump < 1.2))
        core = binary_erosion(whole) & (lump < 1)
        necrosis = binary_erosion(core) & (distance / (lesion.necrosis * growth) + 0.28 * bumps[2] < 1)
        label = np.select([necrosis, core, whole], [BRATS_LABELS[n] for n in ("NCR", "ET", "ED")]).astype(np.uint8)
        if np.bincount(label.ravel(), minlength=4)[1:].min() >= FEWEST_VOXELS:
            return label
    raise Refusal(f"Expected room for a tumour in the brain, but got shape {shape}. Choose longer sides.")


def invade(rng: np.random.Generator, healthy: Array, label: NDArray[np.uint8]) -> Array:
    """Return the tissue shares with the tumour in them; oedema only soaks its tissue, more here and less there."""
    brain = healthy.any(axis=0)
    soaked = np.clip(0.72 + 0.2 * smooth_noise(rng, label.shape, width=9), 0.35, 1)
    tumour = np.zeros_like(healthy)
    for name, value in BRATS_LABELS.items():
        tumour[Tissue[name]] = (label == value) * (soaked if name == "ED" else 1.0)
    mixed = healthy * (1 - tumour.sum(axis=0)) + tumour
    blurred = np.stack([gaussian_filter(part, sigma=0.45) for part in mixed])  # [voxels], the point spread of the scan
    return _normalised(blurred, brain)


def image(rng: np.random.Generator, tissue: Array, modality: str, enhancement: float = 1.0) -> NDArray[np.int16]:
    """Scan the tissue: ``gain * bias * |signal + noise|`` with Rician noise, shape ``(H, W, D)`` [scanner units]."""
    shape = tissue.shape[1:]
    level = dict(CONTRASTS[modality])
    if modality == "t1ce":
        level["ET"] = CONTRASTS["t1"]["ET"] + enhancement * (level["ET"] - CONTRASTS["t1"]["ET"])
    signal = np.tensordot([level[kind.name] for kind in Tissue], tissue, axes=1)
    signal *= 1 + 0.04 * smooth_noise(rng, shape, width=12)  # no tissue is the same everywhere
    signal *= np.exp(0.10 * smooth_noise(rng, shape, width=1.2))  # the coil's bias field
    real, imaginary = (gaussian_filter(rng.normal(0, 45, shape), sigma=0.5) for _ in range(2))
    scanned = rng.uniform(0.8, 1.25) * np.hypot(signal + real, imaginary)
    return np.where(tissue.any(axis=0), np.maximum(np.rint(scanned), 1), 0).astype(np.int16)


def _paint_hindbrain(tissue: NDArray[np.uint8], space: Array) -> None:
    """Cerebellum with its leaves and vermis, and brainstem."""
    x, y, z = space
    depth = 0.3 * (1 - _radius(space, (0, -0.47, -0.60), (0.54, 0.40, 0.27)))
    leaves = np.sin(38 * (z + 0.35 * y))
    tissue[depth > 0] = Tissue.GREY
    tissue[(depth > 0) & (depth < 0.1) & (leaves > 0.75)] = Tissue.CSF
    tissue[(depth > 0.07 + 0.03 * leaves) & (abs(x) > 0.06)] = Tissue.WHITE
    tissue[_radius(space, (0, -0.12, -0.62), (0.16, 0.17, 0.36)) < 1] = Tissue.WHITE
    tissue[_radius(space, (0, -0.30, -0.58), (0.08, 0.07, 0.10)) < 1] = Tissue.CSF  # fourth ventricle


def _paint_cerebrum(tissue: NDArray[np.uint8], outer: Array, inner: Array, rng: np.random.Generator) -> None:
    """Two hemispheres with a folded cortex.

    With ``e`` the depth below the hull and ``s`` the distance from the nearest sulcus, a sheet that reaches a depth
    ``D``, the distance from the surface of the brain is ``min(e, sqrt(s^2 + max(0, e - D)^2))``. Near 0 it is CSF, then
    a ribbon of cortex, then white matter. The sheets are the zeros of a noise of one wavelength, looked up mainly by
    direction, so that they stand on the hull; the fissures are sheets with a place of their own.
    """
    shape = tissue.shape
    x, y, z = outer
    across = x / (1 - 0.10 * y)  # narrower in front
    up = np.where(z > -0.1, (z + 0.1) / 0.95, (z + 0.1) / (0.50 + 0.12 * np.abs(x)))  # temporal lobes hang lower
    hull = (np.abs(across / 0.86) ** 2.3 + np.abs(y / 0.94) ** 2.3 + np.abs(up) ** 2.3) ** (1 / 2.3)
    sulcus = _folds(rng, outer, shape)
    depth = 0.85 * (1 - hull) - 0.035 * np.exp(-((sulcus / 0.03) ** 2))
    reach = 0.24 + 0.06 * smooth_noise(rng, shape, width=4)
    surface = np.minimum(depth, np.hypot(sulcus, np.maximum(0, depth - reach)))
    x, y, z = inner
    callosum = np.maximum(0, 1 - _radius(inner, (0, -0.03, -0.12), (1, 0.50, 0.42)))
    surface = np.minimum(surface, np.hypot(x, 0.5 * callosum))  # fissure between the hemispheres
    insula = np.hypot(z + 0.14 - 0.25 * y, np.maximum(0, 0.50 - np.abs(x)) + np.maximum(0, np.abs(y - 0.05) - 0.35))
    surface = np.minimum(surface, insula)  # Sylvian fissure
    inside = depth > 0
    tissue[(depth > -0.035) & (tissue != NOTHING)] = Tissue.CSF  # under the tentorium
    ribbon = 0.082 + 0.012 * smooth_noise(rng, shape, width=5)
    tissue[inside] = np.select([surface < 0.018, surface < ribbon], [Tissue.CSF, Tissue.GREY], Tissue.WHITE)[inside]
    vessel = (surface < 0.03) & (smooth_noise(rng, shape, width=26) > 1.9)
    sinus = (np.abs(x) < 0.035) & (depth < 0.07) & (z > 0) & (y < 0.6)
    tissue[inside & (vessel | sinus)] = Tissue.VESSEL


def _paint_depths(tissue: NDArray[np.uint8], space: Array, rng: np.random.Generator) -> None:
    """Grey nuclei, ventricles with their choroid plexus, and the hyperintensities around them that come with age."""
    x, y, z = space
    hemisphere = np.stack([np.abs(x), y, z])
    inside = tissue != NOTHING
    white = tissue == Tissue.WHITE
    for centre, half in NUCLEI.values():
        tissue[white & (_radius(hemisphere, centre, half) < 1)] = Tissue.NUCLEI
    size = rng.uniform(0.75, 1.35)
    outwards = (
        0.09 + 0.20 * np.clip(0.12 - y, 0, 1) ** 1.2 + 0.10 * np.clip(y - 0.15, 0, 1)
    )  # apart behind and in front
    arch = 0.14 - 0.65 * (y + 0.02) ** 2
    thick = 0.075 * size * np.sqrt(np.clip(1 - ((y + 0.05) / 0.50) ** 2, 1e-4, 1))
    ventricle = np.hypot((np.abs(x) - outwards) / thick, (z - arch) / (1.5 * thick))
    third = _radius(space, (0, -0.08, -0.06), (0.025 * size, 0.17, 0.13))
    close = white & (ventricle < rng.uniform(1.3, 2.3)) & (np.abs(y + 0.05) < 0.55)
    tissue[close & (smooth_noise(rng, tissue.shape, width=9) > 0.3)] = Tissue.HYPERINTENSITY
    spots = smooth_noise(rng, tissue.shape, width=16) > rng.uniform(2.3, 3.2)
    tissue[white & spots] = Tissue.HYPERINTENSITY
    cavity = inside & ((ventricle < 1) | (third < 1))
    cavity |= inside & (_radius(space, (0, 0.13, -0.46), (0.17, 0.13, 0.10)) < 1)  # cistern above the sella
    tissue[cavity] = Tissue.CSF
    tissue[cavity & (ventricle < 0.5) & (np.abs(y + 0.3) < 0.1)] = Tissue.VESSEL  # choroid plexus


def _folds(rng: np.random.Generator, space: Array, shape: Sequence[int]) -> Array:
    """Return the distance from the nearest sulcus [hfov], to first order: ``|f| / |grad f|`` of a noise ``f``."""
    noise = smooth_noise(rng, shape, centre=12, width=2.4)
    length = np.linalg.norm(space, axis=0) + 1e-6
    onto = space / length * (0.62 + 0.15 * length)  # [hfov]
    where = [(1 - sign * p) / 2 * n - 0.5 for p, n, sign in zip(onto, shape, (1, 1, -1), strict=True)]  # [voxels]
    folded = map_coordinates(noise, where, order=1, mode="nearest")
    steep = np.linalg.norm(np.gradient(folded, *(2 / n for n in shape)), axis=0)
    return np.abs(folded) / (steep + 1e-3)


def _space(rng: np.random.Generator, shape: Sequence[int], slab: tuple[float, float]) -> Array:
    """Return x, y, z in the space of the average brain, ``(3, H, W, D)``: own size, tilt and smooth deformation."""
    axes = np.stack(np.broadcast_arrays(*_axes(shape)))
    axes[2] = sum(slab) / 2 + (slab[1] - slab[0]) / 2 * axes[2]
    tilt = np.eye(3) + rng.normal(0, 0.035, (3, 3))
    size = rng.uniform(0.93, 1.0)
    warp = np.stack([smooth_noise(rng, shape, width=2.2) for _ in axes])
    return np.tensordot(tilt / size, axes, axes=1) + 0.022 * warp


def _pushed(space: Array, lesion: Lesion) -> Array:
    """Return the coordinates with the mass effect of a lesion: what lies near it is pushed away from its centre."""
    offset = space - lesion.centre[:, None, None, None]
    near = np.exp(-(offset**2).sum(axis=0) / (2 * (1.7 * lesion.radius) ** 2))
    return space - 0.3 * near * offset


def _axes(shape: Sequence[int]) -> Iterator[Array]:
    """Give x, y, z at the voxel centres, each along its own axis; the first two fall, since SRI24 counts that way."""
    for axis, (side, sign) in enumerate(zip(shape, (-1, -1, 1), strict=True)):
        line = sign * ((2 * np.arange(side) + 1) / side - 1)
        yield line.reshape([-1 if axis == other else 1 for other in range(3)])


def _radius(space: Array, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Array:
    """Return how far each point is from the centre, 1 on the ellipsoid with these half-axes."""
    return np.sqrt(sum(((p - c) / h) ** 2 for p, c, h in zip(space, centre, half, strict=True)))


def _normalised(parts: Array, where: NDArray[np.bool_] | np.bool_) -> Array:
    """Return shares that sum to 1 where asked and to 0 elsewhere."""
    total = np.where(where, parts.sum(axis=0), 1)
    return np.where(where, parts / total, 0)
