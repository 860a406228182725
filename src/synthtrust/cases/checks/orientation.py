"""Orientation of a synthetic set that has no pairs: whether its volumes lie as real ones do, or mirrored or turned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations, product
from typing import Literal

import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt
from numpy.typing import NDArray
from scipy import ndimage

from synthtrust.cases.geometry import CANONICAL

Array = NDArray[np.float64]
Subject = Literal["images", "label maps", "contrast"]

CODES = ["".join(code) for axes in permutations(("RL", "AP", "SI")) for code in product(*axes)]
"""All 48 orientations of a volume."""
SIDE = 48  # voxels per axis that contrasts are measured on, at most
CELLS = 12  # per axis of the coarse foreground
SURROUND = 2  # voxels around a label that it is compared with
FEWEST_VOXELS = 8  # of a label, below which its contrast is not measured
LARGEST_Z = 5.0  # of one contrast: a single odd one does not decide
SMALLEST_SD = 0.05  # of a contrast over real cases

LEAST_ALIKE = 0.5
"""Mean correlation of real images, or label maps, with the average of the others, below which they have no common
orientation that a set could miss. Measured: of hippocampi 0.78 (images) and 0.88 (label maps), of brains 0.96; of the
label maps of tumours, which lie anywhere, 0.17."""
FEWEST_REAL, FEWEST_SYNTHETIC = 8, 3
"""Cases on each side below which nothing is asked."""
FAR, NEAR, GAIN, AGREEING = 1.5, 2.0, 1.0, 0.75
"""A set is turned if it lies on average `FAR` standard deviations of real cases below these as it is, within `NEAR` of
them in another orientation, gains `GAIN` of them by turning, and this share of its cases do. See ``test_orientation``
for how often honest and turned sets are told apart."""
UNLIKE = 3.0
"""Standard deviations of real cases from which a set that fits in no orientation is warned of."""


@dataclass(frozen=True)
class LabelledVolume:
    """The images of a case and its label map, axes towards right, anterior and superior."""

    images: Mapping[str, NDArray[np.floating]]
    """Modality -> image ``(H, W, D)``."""
    label: NDArray[np.uint8] | None
    """Label map ``(H, W, D)``, or None."""


@dataclass(frozen=True)
class OrientationFinding:
    """How a set lies beside real cases in one respect."""

    subject: Subject
    """Where its foreground and intensities lie, where its labels lie, or the contrast of each label against its
    surround, which changes when an image is turned against its label map."""
    in_place: float
    """Mean likeness to real cases as the set is, less that of real cases to each other [their standard deviations]."""
    taken_as: str
    """The orientation in which it is most like them, such as ``LAS`` for left and right exchanged."""
    turned: float
    """As ``in_place``, in that orientation."""
    agreeing: float
    """Share of the cases that are more like real ones in that orientation."""

    @property
    def is_turned(self) -> bool:
        """Whether the set plainly lies in another orientation than real cases."""
        fits = self.in_place < -FAR and self.turned > -NEAR and self.turned - self.in_place > GAIN
        return self.taken_as != CANONICAL and fits and self.agreeing >= AGREEING

    @property
    def is_unlike(self) -> bool:
        """Whether the set lies beyond what real cases vary, in whatever orientation."""
        return self.in_place < -UNLIKE


@dataclass(frozen=True)
class _Features:
    """What is compared of one case."""

    image: Array
    """Coarse foreground of the first modality ``(CELLS, CELLS, CELLS)``."""
    labels: Array
    """Share of each label in these cells ``(K, CELLS, CELLS, CELLS)``; none without a label map."""
    contrasts: Mapping[str, Array]
    """Orientation that the images are taken in against the label map -> contrasts ``(2 * C * K,)``, NaN where a label
    is missing."""


@dataclass(frozen=True)
class _Template:
    """The average of real cases."""

    image: Array
    labels: Array
    contrast: Array
    contrast_sd: Array

    @classmethod
    def of(cls, cases: Sequence[_Features]) -> "_Template":
        contrasts = np.stack([case.contrasts[CANONICAL] for case in cases])
        known = np.isfinite(contrasts).sum(axis=0) >= 2
        mean, sd = np.full(contrasts.shape[1], np.nan), np.full(contrasts.shape[1], np.nan)
        mean[known] = np.nanmean(contrasts[:, known], axis=0)
        sd[known] = np.maximum(np.nanstd(contrasts[:, known], axis=0, ddof=1), SMALLEST_SD)
        images, labels = (np.mean([getattr(case, name) for case in cases], axis=0) for name in ("image", "labels"))
        return cls(images, labels, mean, sd)


def compare_orientation(
    real: Sequence[LabelledVolume], synthetic: Sequence[LabelledVolume], labels: Sequence[int]
) -> list[OrientationFinding]:
    """Compare how a set lies with how real cases lie, as it is and in the 47 other orientations.

    Likeness is the correlation of a coarse foreground, or of a coarse label map, with the average of real cases; or how
    little the contrasts of labels against their surround differ from theirs. What is symmetric hides its mirror image:
    brains that were mirrored with their label maps are not noticed, and need not be.

    Args:
        real: Some real cases; each is compared with the average of the others.
        synthetic: Some synthetic cases; without label maps their images alone are compared.
        labels: Values to look at in the label maps.

    Returns:
        A finding for each subject that can be compared; none for too few cases.
    """
    if len(real) < FEWEST_REAL or len(synthetic) < FEWEST_SYNTHETIC:
        return []
    labelled = all(case.label is not None for case in (*real, *synthetic))
    known = list(labels) if labelled else []
    reals, others = ([_features(case, known) for case in cases] for cases in (real, synthetic))
    template = _Template.of(reals)
    without = [_Template.of([*reals[:i], *reals[i + 1 :]]) for i in range(len(reals))]
    likenesses: dict[Subject, Callable[[_Features, str, _Template], float]] = {"images": _like_images}
    if labelled:
        likenesses |= {"label maps": _like_labels, "contrast": _like_contrasts}
    findings = []
    for subject, likeness in likenesses.items():
        scores = {code: np.array([likeness(case, code, template) for case in others]) for code in CODES}
        expected = np.array([likeness(case, CANONICAL, rest) for case, rest in zip(reals, without, strict=True)])
        if (finding := _finding(subject, scores, expected)) is not None:
            findings.append(finding)
    return findings


def exchanged(code: str) -> str:
    """Say in words what an orientation exchanges.

    >>> exchanged("LAS"), exchanged("RPI"), exchanged("ARS")
    ('left and right exchanged', 'front and back, and top and bottom exchanged', 'turned onto another axis')
    """
    if any(side not in pair for side, pair in zip(code, ("RL", "AP", "SI"), strict=True)):
        return "turned onto another axis"
    names = {"L": "left and right", "P": "front and back", "I": "top and bottom"}
    return f"{', and '.join(names[side] for side in code if side in names)} exchanged"


def _finding(subject: Subject, scores: Mapping[str, Array], expected: Array) -> OrientationFinding | None:
    expected = expected[np.isfinite(expected)]
    means = {code: float(np.nanmean(values)) for code, values in scores.items() if np.isfinite(values).sum() >= 2}
    if len(expected) < 2 or CANONICAL not in means or (subject != "contrast" and expected.mean() < LEAST_ALIKE):
        return None
    spread = max(float(expected.std(ddof=1)), 1e-6)
    best = max(means, key=lambda code: (means[code], code == CANONICAL))
    gains = scores[best] - scores[CANONICAL]
    return OrientationFinding(
        subject,
        (means[CANONICAL] - float(expected.mean())) / spread,
        best,
        (means[best] - float(expected.mean())) / spread,
        float((gains[np.isfinite(gains)] > 0).mean()),
    )


def _like_images(case: _Features, code: str, template: _Template) -> float:
    return _correlation(_turned(case.image, code), template.image)


def _like_labels(case: _Features, code: str, template: _Template) -> float:
    pairs = zip(case.labels, template.labels, strict=True)
    values = [_correlation(_turned(own, code), average) for own, average in pairs if own.any()]
    return float(np.mean(values)) if values else float("nan")


def _like_contrasts(case: _Features, code: str, template: _Template) -> float:
    if code not in case.contrasts:
        return float("nan")
    z = np.abs(case.contrasts[code] - template.contrast) / template.contrast_sd
    return float(-np.minimum(z[np.isfinite(z)], LARGEST_Z).mean()) if np.isfinite(z).any() else float("nan")


def _features(case: LabelledVolume, labels: Sequence[int]) -> _Features:
    first = next(iter(case.images.values()))
    standard, inside = _standardised(np.asarray(first, dtype=np.float64))
    box = _box(inside)
    image = _coarse(np.where(inside, standard + LARGEST_Z, 0.0)[box])
    if case.label is None or not labels:
        return _Features(image, np.zeros((0, *image.shape)), {CANONICAL: np.zeros(0)})
    shares = np.stack([_coarse((case.label[box] == value).astype(np.float64)) for value in labels])
    return _Features(image, shares, _contrasts(case, labels))


def _contrasts(case: LabelledVolume, labels: Sequence[int]) -> dict[str, Array]:
    """Return, for each orientation that the images may be in, the contrast and the foreground of every label."""
    label = _thinned(np.asarray(case.label))
    regions = []
    for value in labels:
        inside = label == value
        surround = ndimage.binary_dilation(inside, iterations=SURROUND) & ~inside
        regions.append((inside, surround) if inside.sum() >= FEWEST_VOXELS and surround.any() else None)
    images = [_standardised(_thinned(np.asarray(image, dtype=np.float64))) for image in case.images.values()]
    contrasts = {}
    for code in CODES:
        if _turned(label, code).shape != label.shape:
            continue
        values: list[float] = []
        for standard, foreground in images:
            turned, there = _turned(standard, code), _turned(foreground, code)
            for region in regions:
                if region is None:
                    values += [np.nan, np.nan]
                else:
                    inside, surround = region
                    values += [turned[inside].mean() - turned[surround].mean(), there[inside].mean()]
        contrasts[code] = np.array(values)
    return contrasts


def _standardised(image: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return an image with mean 0 and standard deviation 1 where it is not 0, and where that is."""
    inside = image != 0
    spread = float(image[inside].std()) if inside.any() else 0.0
    if spread == 0:
        return np.zeros_like(image), np.ones_like(inside)
    standard = np.zeros_like(image)
    standard[inside] = (image[inside] - image[inside].mean()) / spread
    return standard, inside


def _box(inside: NDArray[np.bool_]) -> tuple[slice, ...]:
    return tuple(slice(int(places.min()), int(places.max()) + 1) for places in np.nonzero(inside))


def _coarse(volume: Array) -> Array:
    """Average over `CELLS` cells along each axis, which overlap by a voxel where the axis is no multiple of them."""
    for axis, side in enumerate(volume.shape):
        edges = np.linspace(0, side, CELLS + 1)
        cells = [(int(np.floor(a)), max(int(np.ceil(b)), int(np.floor(a)) + 1)) for a, b in pairwise(edges)]
        volume = np.stack([volume.take(range(a, b), axis).mean(axis) for a, b in cells], axis)
    return volume


def _thinned(volume: NDArray) -> NDArray:
    step = max(1, max(volume.shape) // SIDE)
    return volume[::step, ::step, ::step]


def _turned(volume: NDArray, code: str) -> NDArray:
    """Bring an array whose axes run as the code says into the canonical orientation."""
    turned: NDArray = apply_orientation(volume, axcodes2ornt(tuple(code)))
    return turned


def _correlation(first: Array, other: Array) -> float:
    first, other = first - first.mean(), other - other.mean()
    length = np.linalg.norm(first) * np.linalg.norm(other)
    return float((first * other).sum() / length) if length > 0 else 0.0
