"""In place: whether an image lies as its label map does, and a twin as its real case, or mirrored or turned."""

from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
import pandas as pd
from nibabel.orientations import apply_orientation, axcodes2ornt
from numpy.typing import NDArray

from synthtrust.cases.geometry import CANONICAL

ALIKE = "like real image"
"""Property: correlation of a twin with its real image, both on a coarse grid; in [-1, 1]."""
EXPLAINED = "explained by label"
"""Property: share of the variance of an image, where it is not 0, that lies between the regions of its label map."""
SAME = "like real label"
"""Property: share of the voxels labelled in either label map that have one label in both."""

SIDE = 48  # voxels per axis that are looked at, at most
CELLS = 24  # per axis of the coarse grid
MARGIN = 0.05
"""How much more alike and explained together twins have to be when turned, on average over pairs that all agree, to be
refused. Measured with the generators `tissue`, `replay`, `noisy_replay`, `blur`, `mean`, `mask_swap` and `noise` on 24
hippocampi (8 orientations keep their shape) and 16 brains with tumours (48), in 2000 draws of 4 pairs each. Of twins in
place one draw was refused, of `mask_swap` on brains; of 8 pairs none. Of twins in any wrong orientation every draw of
the first four was refused in both cohorts, and of `mean` and `mask_swap` on hippocampi. What is symmetric hides its
mirror image: of brains that were mirrored between left and right none was refused of `mean` and `noise`, and 3 % of
`mask_swap`. White noise in a full field of view has no orientation, and was never refused."""
LABEL_MARGIN = 0.2  # as MARGIN, of the share of voxels that have one label
FEWEST = 3  # pairs that have to agree

CERTAIN = 5.0
"""Standard errors from which the label maps of a cohort are held to be mirrored against their images. In 1000 draws
each of 8, 16 and 32 among 120 hippocampi and among 32 brains with tumours, no cohort in place came to 3. Of the seven
ways to mirror them the one that shows least comes to 8.3 with the 120 hippocampi, and with the 32 brains as well."""
ENOUGH = 10  # cases of a cohort, below which it is not asked


def turns(shape: Sequence[int]) -> list[str]:
    """Return the orientations, other than the canonical one, that an array of this shape may be in.

    >>> turns((5, 6, 7))
    ['RAI', 'RPS', 'RPI', 'LAS', 'LAI', 'LPS', 'LPI']
    """
    codes = ("".join(code) for axes in permutations(("RL", "AP", "SI")) for code in product(*axes))
    kept = (code for code in codes if _turned(np.empty(shape, dtype=bool), code).shape == tuple(shape))
    return [code for code in kept if code != CANONICAL]


def properties_in_place(
    real: NDArray[np.float32], twin: NDArray[np.float32], labels: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Compare a twin with its real image and both with their label maps, in place and in every other orientation.

    Args:
        real: Image ``(H, W, D)``, axes in canonical orientation.
        twin: On the same grid.
        labels: The labels of the real case and of the twin.

    Returns:
        Property and the orientation that both arrays are taken in, such as ``LAS`` -> the values of the real case and
        of the twin; nothing if the shapes differ.
    """
    if len({real.shape, twin.shape, *(label.shape for label in labels)}) > 1:
        return {}
    real, twin, *thin = (_thinned(volume) for volume in (real, twin, *labels))
    reference = _coarse(real)
    values = {}
    for code in (CANONICAL, *turns(real.shape)):
        turned = [_turned(image, code) for image in (real, twin)]
        values[ALIKE, code] = _pair([_correlation(reference, _coarse(image)) for image in turned])
        values[EXPLAINED, code] = _pair([explained(label, image) for label, image in zip(thin, turned)])
    return values


def labels_in_place(real: NDArray[np.uint8], twin: NDArray[np.uint8]) -> dict[tuple[str, str], tuple[float, float]]:
    """Compare the label map of a twin with that of its real case, in place and in every other orientation."""
    if real.shape != twin.shape:
        return {}
    real, twin = _thinned(real), _thinned(twin)
    return {
        (SAME, code): _pair([_same(real, _turned(label, code)) for label in (real, twin)])
        for code in (CANONICAL, *turns(real.shape))
    }


def explained(label: NDArray[np.uint8], image: NDArray[np.float32]) -> float:
    """Return the share of the variance of an image, where it is not 0, that lies between the regions of a label map.

    >>> explained(np.array([0, 0, 1, 1], np.uint8), np.array([1, 1, 3, 3], np.float32))
    1.0
    """
    inside = image != 0
    values, regions = image[inside].astype(np.float64), label[inside]
    if not values.size or values.min() == values.max():
        return 0.0
    values -= values.mean()
    counts, sums = np.bincount(regions), np.bincount(regions, weights=values)
    return float((sums**2 / np.maximum(counts, 1)).sum() / (values @ values))


def out_of_place(table: pd.DataFrame) -> list[str]:
    """Say which orientation twins would have to be taken in to lie as their real cases, where all pairs agree.

    Args:
        table: From ``parity``.
    """
    errors = []
    for subject, properties, margin, better in (
        ("images", (ALIKE, EXPLAINED), MARGIN, "likeness to the real images and share explained by the label rise"),
        ("label maps", (SAME,), LABEL_MARGIN, "the share of labels as in real cases rises"),
    ):
        code, gain = _best_turn(table, properties, margin)
        if code:
            errors.append(
                f"the {subject} of twins are mirrored or turned: taken as {code} instead of {CANONICAL}, {better} by "
                f"{gain:.2f}."
            )
    return errors


def mirrored_gain(label: NDArray[np.uint8], image: NDArray[np.float32]) -> dict[str, float]:
    """Return how much more a label map explains of an image that is mirrored, for each way to mirror it."""
    label, image = _thinned(label), _thinned(image)
    codes = ["".join(code) for code in product("RL", "AP", "SI")]
    share = {code: explained(label, _turned(image, code)) for code in codes}
    return {code: value - share[CANONICAL] for code, value in share.items() if code != CANONICAL}


def mirrored_labels(gains: Sequence[dict[str, float]]) -> str:
    """Return the orientation in which the label maps of a cohort explain its images better; empty if in place.

    Args:
        gains: From ``mirrored_gain``, one per case.
    """
    if len(gains) < ENOUGH:
        return ""
    table = pd.DataFrame(gains)
    errors = table.mean() / (table.std(ddof=1) / np.sqrt(len(table))).clip(lower=1e-9)
    return str(errors.idxmax()) if errors.max() > CERTAIN else ""


def _best_turn(table: pd.DataFrame, properties: Sequence[str], margin: float) -> tuple[str, float]:
    """Return the orientation that all pairs gain most by, and their mean gain; no orientation where there is none."""
    asked = table[table["property"].isin(properties)]
    if asked["case"].nunique() < FEWEST:
        return "", 0.0
    asked = asked.assign(synthetic=asked["synthetic"].astype(float))
    of_property = asked.groupby(["case", "taken_as", "property"])["synthetic"].mean()
    means = of_property.groupby(["case", "taken_as"]).sum().unstack("taken_as")
    gains = means.drop(columns=CANONICAL).sub(means[CANONICAL], axis=0).dropna(axis=1)
    agreed = gains.loc[:, (gains > 0).all()].mean()
    return (str(agreed.idxmax()), float(agreed.max())) if agreed.max() > margin else ("", 0.0)


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return values[0], values[1]


def _turned(volume: NDArray, code: str) -> NDArray:
    """Bring an array whose axes run as the code says into the canonical orientation."""
    turned: NDArray = apply_orientation(volume, axcodes2ornt(tuple(code)))
    return turned


def _thinned(volume: NDArray) -> NDArray:
    step = max(1, max(volume.shape) // SIDE)
    return volume[::step, ::step, ::step]


def _coarse(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average over cells, voxels left out at the ends of an axis that has not a whole number of them."""
    coarse = image.astype(np.float64)
    for axis, side in enumerate(image.shape):
        cells = min(CELLS, side)
        edges = np.linspace(0, side, cells + 1).round().astype(int)
        counts = np.diff(edges).reshape([-1 if other == axis else 1 for other in range(3)])
        coarse = np.add.reduceat(coarse, edges[:-1], axis=axis) / counts
    return coarse


def _correlation(first: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    first, other = first - first.mean(), other - other.mean()
    length = np.linalg.norm(first) * np.linalg.norm(other)
    return float((first * other).sum() / length) if length > 0 else 0.0


def _same(first: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    labelled = (first > 0) | (other > 0)
    return float((first == other)[labelled].mean()) if labelled.any() else 1.0
