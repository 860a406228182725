"""Duplicates: the same image in two parts of a split, as it is or changed a little, which a score would reward."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from synthtrust.cases.case import Case
from synthtrust.cases.errors import CaseError
from synthtrust.cases.rasters import is_raster, raster_kind, read_raster
from synthtrust.cases.splits import PARTS, Splits
from synthtrust.cases.volumes import read_header
from synthtrust.conventions import POLICIES
from synthtrust.ties import first_largest

log = logging.getLogger(__name__)


ALIKE = 0.96
"""Correlation from which two images count as one. Of 6 million pairs of chest X-rays of 28 x 28 pixels in two parts of
PneumoniaMNIST, no two that differ reach 0.955; of copies of them that were compressed, resized, brightened or got noise
of 2 %, 98 % do, and the larger the images, the farther apart both lie."""

GRIDS = (18, 32)  # fewest and most cells per axis that images are compared on
COARSE = 6  # coarse structure, which all images of a kind share, is what a blur of 1/6 of the side leaves
ROWS = 256  # cases read, or compared, at once: bounds the memory


@dataclass(frozen=True)
class Duplicate:
    """A case that has a copy in a later part of the split."""

    one: str
    """Case id in the earlier part."""
    other: str
    """Case id of its nearest image in the later part."""
    parts: tuple[str, str]
    similarity: float
    """Correlation of fine structure, in [0.96, 1]."""
    exact: bool
    """Whether every pixel is the same."""
    turned: bool = False
    """Whether it has to be mirrored or turned to be so similar."""


@dataclass(frozen=True)
class _Look:
    """What is compared of a case."""

    id: str
    content: bytes
    fine: NDArray[np.float32]
    """Fine structure on a grid of as many cells along each axis, of length 1 when flat."""


def find_duplicates(splits: Splits) -> list[Duplicate]:
    """Compare the images of every two parts of a split, each by the brightness of its first modality.

    Images are averaged onto a grid of at most 32 cells per axis (no finer than half the smallest image), their coarse
    structure is taken out, and the rest is correlated. Compression, resizing, brightness, contrast and a little noise
    leave that as it is; of two images one is also mirrored along each axis, and a plane one turned by right angles.
    Shifted and cropped copies are not found. A volume takes 128 KB of memory, a plane image 4 KB.

    Returns:
        For every case with copies in a later part, the most similar one of that part; train before val, then by id.

    Raises:
        CaseError: If an image cannot be read.
    """
    parts = {part: getattr(splits, part) for part in PARTS}
    side = min((_smallest_side(case) for cases in parts.values() for case in cases), default=0)
    looks = {part: list(_looks(cases, int(np.clip(side // 2, *GRIDS)))) for part, cases in parts.items()}
    return [
        duplicate
        for one, other in combinations(PARTS, 2)
        if looks[one] and looks[other]
        for duplicate in _between(looks[one], looks[other], (one, other))
    ]


def check_duplicates(splits: Splits, policy: str = "refuse") -> Splits:
    """Refuse a split with duplicates, take them out, or say that there are some.

    Args:
        splits: Of a cohort of labelled images.
        policy: ``refuse``; ``drop`` to leave copies out of the earlier part (train loses what is in val or test, val
            what is in test), so that the test set stays the published one; ``allow`` to go on with a warning.

    Returns:
        The splits, smaller where copies were left out.

    Raises:
        CaseError: If there are duplicates and they are refused, or nothing would be left of a part.
        ValueError: If the policy is none of the three.
    """
    if policy not in POLICIES:
        raise ValueError(f"Expected `duplicates` among {list(POLICIES)}, but got {policy!r}.")
    found = find_duplicates(splits)
    if not found:
        return splits
    said = _said(found)
    if policy == "refuse":
        raise CaseError(
            f"Expected no image in two parts of the split, but got {said}. Leave the copies out of the earlier part "
            "with duplicates=drop, or keep them with duplicates=allow."
        )
    if policy == "allow":
        log.warning("Scores will be too good: the split has %s.", said)
        return splits
    copies = {duplicate.one for duplicate in found}
    kept = {part: tuple(case for case in getattr(splits, part) if case.id not in copies) for part in PARTS}
    if empty := [part for part in PARTS if getattr(splits, part) and not kept[part]]:
        raise CaseError(f"Expected cases in {', '.join(empty)} that are in no other part, but got {said}.")
    log.warning("Left %d cases out of train and val, which have copies in a later part: %s.", len(copies), said)
    return replace(splits, **kept)


def _said(found: Sequence[Duplicate]) -> str:
    first = "; ".join(
        f"{d.one} ({d.parts[0]}) and {d.other} ({d.parts[1]}), "
        + ("the same" if d.exact else f"{d.similarity:.3f} alike{' when mirrored or turned' if d.turned else ''}")
        for d in found[:3]
    )
    return f"{len(found)} duplicates, {sum(d.exact for d in found)} of them exact, first {first}"


def _between(some: Sequence[_Look], others: Sequence[_Look], parts: tuple[str, str]) -> list[Duplicate]:
    by_content = {look.content: look.id for look in others}
    theirs = np.stack([look.fine.ravel() for look in others]).T  # (F, M)
    found = []
    for start in range(0, len(some), ROWS):
        rows = some[start : start + ROWS]
        views = [view.reshape(len(rows), -1) @ theirs for view in _turned(np.stack([look.fine for look in rows]))]
        nearest = np.stack([first_largest(alike, axis=1) for alike in views])  # (V, N)
        similarity = np.stack([alike.max(axis=1) for alike in views])
        for n, look in enumerate(rows):
            best = int(first_largest(similarity[:, n]))  # a symmetric image is alike in several views: not turned
            if look.content in by_content:  # two flat images too, which have no fine structure
                found.append(Duplicate(look.id, by_content[look.content], parts, 1.0, exact=True))
            elif (alike := min(float(similarity[best, n]), 1.0)) >= ALIKE:
                found.append(
                    Duplicate(look.id, others[nearest[best, n]].id, parts, alike, exact=False, turned=best > 0)
                )
    return found


def _turned(fine: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Give grids ``(N, *grid)`` as they are, then mirrored along their axes; plane ones turned by right angles too."""
    axes = range(1, fine.ndim)
    for grids in (fine, fine.transpose(0, 2, 1)) if fine.ndim == 3 else (fine,):
        for mirrored in product((False, True), repeat=len(axes)):
            yield np.flip(grids, tuple(axis for axis, flip in zip(axes, mirrored) if flip))


def _looks(cases: Sequence[Case], grid: int) -> Iterator[_Look]:
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(cases), ROWS):
            rows = cases[start : start + ROWS]
            for case, image in zip(rows, pool.map(_brightness, rows)):
                content = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
                yield _Look(case.id, content, fine_structure(image, grid).reshape([grid] * image.ndim))


def _smallest_side(case: Case) -> int:
    path = next(iter(case.images.values()))
    return min(raster_kind(path).shape if is_raster(path) else read_header(path)[0][:3])


def _brightness(case: Case) -> NDArray[np.float32]:
    modality, path = next(iter(case.images.items()))
    if is_raster(path):
        return read_raster(path, np.float32)
    return case.load_image(modality)


def fine_structure(image: NDArray[np.floating], grid: int) -> NDArray[np.float32]:
    """Return what is left of an image on a grid without its coarse structure, flat and of length 1.

    Its inner product with that of another image is their correlation. A flat image gives zeros.

    >>> image = np.arange(40.0).reshape(5, 8) % 7
    >>> same, brighter = fine_structure(image, 4), fine_structure(2 * image + 10, 4)
    >>> round(float(same @ brighter), 4)
    1.0
    """
    fine = image.astype(np.float64)
    for axis in range(image.ndim):
        fine = _averaged(fine, axis, grid)
    left = (fine - gaussian_filter(fine, grid / COARSE, mode="nearest")).ravel()
    left -= left.mean()
    length = np.linalg.norm(left)
    if length <= 1e-9 * np.abs(fine).max() * np.sqrt(left.size):  # nothing but rounding
        return np.zeros(left.shape, np.float32)
    flat: NDArray[np.float32] = (left / length).astype(np.float32)
    return flat


def _averaged(image: NDArray[np.float64], axis: int, grid: int) -> NDArray[np.float64]:
    """Return the averages over cells along one axis, each of which may begin and end inside a pixel."""
    image = np.moveaxis(image, axis, 0)
    sums = np.cumsum(np.concatenate([np.zeros_like(image[:1]), image]), axis=0)  # up to each border between pixels
    edges = np.linspace(0, len(image), grid + 1)  # [pixels]
    before = np.minimum(edges.astype(int), len(image) - 1)
    beyond = (edges - before).reshape([-1] + [1] * (image.ndim - 1))
    upto = sums[before] + beyond * image[before]
    return np.moveaxis(np.diff(upto, axis=0) * (grid / len(image)), 0, axis)
