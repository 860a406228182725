"""Class mixture: the cheap honest baseline for classes. Principal components, Gaussians, and texture."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from synthtrust.cases import Case, Findings
from synthtrust.generators.base import Generator
from synthtrust.generators.class_images import ClassImages, gather
from synthtrust.generators.gaussian_mixture import GaussianMixture
from synthtrust.generators.memory import of_class
from synthtrust.refusals import Refusal
from synthtrust.ties import CLOSE

log = logging.getLogger(__name__)

Array = NDArray[np.float64]


@dataclass
class ClassMixture(Generator):
    """Paints images of a class as a Gaussian mixture of its principal components, with texture for the rest.

    What a class's training images have in common (place, pose, brightness, large shapes) is drawn from the mixture of
    their principal components' scores; what these leave over is drawn as noise with its spectrum, as strong at each
    pixel as it was. Fitted in seconds, for images of up to about 128 pixels a side.

    It can paint brightness, contrast and coarse shape, and how they vary within a class. It cannot paint sharp edges
    that move: a lesion or an outline whose place differs between images comes out blurred, or twice. It is the bar
    that a deep generator has to clear.

    Findings are painted by their combination: one that ``min_members`` training images share is learned as a class is,
    and any other is painted as the one most like it of those that were learned, by the number of findings in which
    they differ. Images of rarer combinations are not learned from.

    It cannot repeat a training image: no component stands for fewer than ``min_members`` of them, each leans on the
    covariance of the whole class, and there are at most half as many principal components as images.

    It can give away who was in training, where images are few: principal components of 130 images are particular to
    them. On the slices of ``experiment=tstr`` membership inference told them from unseen ones with AUC 0.65 to 0.68
    (p = 0.001 in 3 of 3 seeds); with ``variance=0.25``, which leaves 2 components, with 0.54 to 0.55 (p above 0.03).
    """

    version: ClassVar[int] = 2  # 1 drew along axes whose signs the linear-algebra library chose

    size: tuple[int, ...] | None = None
    """Sides that images are resized to and painted at [pixels]; None for the size they all have."""
    variance: float = 0.99
    """Share of a class's variance that its principal components hold; the rest is texture."""
    n_mixture: int = 8
    """Gaussians per class at most."""
    min_members: int = 30
    """Fewest training images that a Gaussian stands for."""
    texture: float = 1.0
    """Standard deviation of the texture [1 is that of the training images]."""

    def __post_init__(self) -> None:
        if isinstance(self.size, list):  # as a config has it
            self.size = tuple(self.size)
        if not 0 < self.variance < 1:
            raise Refusal(f"Expected variance above 0 and below 1, but got {self.variance}.")
        if self.min_members < 2:
            raise Refusal(
                f"Expected min_members of at least 2, but got {self.min_members}: a Gaussian on one image repeats it."
            )

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn from real cases.

        Raises:
            Refusal: If the cases are not classified, a class has fewer than ``min_members``, or every combination
                of findings, or they differ in modalities or size.
        """
        seen = gather(cases, self.size)
        groups = self._combinations(seen) if seen.findings else self._classes(seen)
        rng = np.random.default_rng(self.seed)
        self.modalities_ = seen.modalities
        self.classes_ = {label: self._learn(seen.images[members], rng) for label, members in groups.items()}
        return self

    @property
    def remarks(self) -> dict[str, str]:
        """Which combinations of findings were too rare to be learned."""
        rare = getattr(self, "rare_", "")
        return {"findings": rare} if rare else {}

    def sample(self, label: int | Findings, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image of a class or findings, per modality, of the size and in the units that it learned.

        Raises:
            Refusal: If no training case has that class.
        """
        known = of_class(self.classes_, label)
        image = known.mean + (known.mixture.sample(rng) @ known.axes).reshape(known.mean.shape)
        image = np.clip(image + self.texture * known.texture.sample(rng), known.low, known.high)
        return dict(zip(self.modalities_, image.astype(np.float32), strict=True))

    def _classes(self, seen: ClassImages) -> dict[int, NDArray[np.bool_]]:
        """Return the images of each class."""
        members = np.bincount(seen.classes)
        if members.min() < self.min_members:
            raise Refusal(
                f"Expected at least min_members={self.min_members} images of every class, but got {members.min()} of "
                f"class {members.argmin()}. Add images, or lower min_members."
            )
        return {k: seen.classes == k for k in range(seen.n_classes)}

    def _combinations(self, seen: ClassImages) -> dict[Findings, NDArray[np.bool_]]:
        """Return the images of each combination of findings that enough of them share."""
        combinations, combination_of, members = np.unique(seen.classes, axis=0, return_inverse=True, return_counts=True)
        enough = members >= self.min_members
        if not enough.any():
            raise Refusal(
                f"Expected at least min_members={self.min_members} images of some combination of findings, but got "
                f"{members.max()} of the most frequent one. Add images, or lower min_members."
            )
        self.rare_ = ""
        if not enough.all():
            self.rare_ = (
                f"{(~enough).sum()} of {len(enough)} combinations of findings, with {members[~enough].sum()} of "
                f"{len(combination_of)} training images, have fewer than {self.min_members} each: they are painted as "
                "the one most like them."
            )
            log.warning(self.rare_)
        labels = [Findings(row) for row in combinations.tolist()]
        return {labels[k]: combination_of.reshape(-1) == k for k in np.flatnonzero(enough)}

    def _learn(self, images: NDArray[np.float32], rng: np.random.Generator) -> "_Class":
        flat = images.reshape(len(images), -1).astype(np.float64)
        mean = flat.mean(0)
        axes = principal_axes(flat - mean, self.variance, at_most=len(flat) // 2)
        scores = (flat - mean) @ axes.T / (axes**2).sum(1)  # (N, d), each axis of variance 1
        left = (flat - mean - scores @ axes).reshape(images.shape)
        return _Class(
            mean.reshape(images.shape[1:]),
            axes,
            GaussianMixture.fit(scores, self.n_mixture, self.min_members, prior=len(axes), rng=rng),
            Texture.of(left),
            float(images.min()),
            float(images.max()),
        )


@dataclass(frozen=True)
class Texture:
    """Noise with the spectrum of what it was learned from, and as strong at each pixel."""

    strength: Array
    """Standard deviation, shape ``(M, *size)``."""
    filters: NDArray[np.complex128]
    """What white noise is multiplied by at each frequency, ``(*size, M, M)``: root of the cross-spectrum."""

    @classmethod
    def of(cls, left: Array) -> Self:
        """Learn it from images ``(N, M, *size)`` of mean 0."""
        strength = left.std(0)
        even = np.divide(left, strength, out=np.zeros_like(left), where=strength > 0)
        waves = np.moveaxis(np.fft.fftn(even, axes=_spatial(left.ndim - 1)), 1, -1)  # (N, *size, M)
        spectrum = np.einsum("n...i,n...j->...ij", waves, waves.conj()) / (len(left) * strength[0].size)
        values, vectors = np.linalg.eigh(spectrum)
        roots = vectors * np.sqrt(np.maximum(values, 0))[..., None, :]
        return cls(strength, roots @ np.swapaxes(vectors, -1, -2).conj())

    def sample(self, rng: np.random.Generator) -> Array:
        """Draw one, shape ``(M, *size)``."""
        axes = _spatial(self.strength.ndim - 1)
        white = np.moveaxis(np.fft.fftn(rng.standard_normal(self.strength.shape), axes=axes), 0, -1)
        waves = np.moveaxis(np.einsum("...ij,...j->...i", self.filters, white), -1, 0)
        drawn: Array = np.fft.ifftn(waves, axes=axes).real * self.strength
        return drawn


@dataclass(frozen=True)
class _Class:
    """What is known of a class."""

    mean: Array  # (M, *size)
    axes: Array  # (d, M * pixels), each as long as the standard deviation along it
    mixture: GaussianMixture
    texture: Texture
    low: float
    high: float


def principal_axes(centred: Array, variance: float, at_most: int) -> Array:
    """Return the principal axes that hold a share of the variance, each as long as the standard deviation along it.

    Args:
        centred: Points of mean 0, shape ``(N, P)``.
        variance: Share.
        at_most: So many axes.

    Returns:
        Shape ``(d, P)``, the longest first; at least one. Axes of one length are all there or none is, and their signs
        are those that the linear-algebra library gives.

    >>> principal_axes(np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]]), 0.5, 2).round(6).__abs__().tolist()
    [[2.12132, 0.0]]
    """
    n, p = centred.shape
    values, vectors = eigh(centred @ centred.T if n < p else centred.T @ centred)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    d = _number_of_axes(values, variance, at_most)
    if n < p:
        axes: Array = (vectors[:, :d].T @ centred) / np.sqrt(n)  # already as long as they should be
        return axes
    return vectors[:, :d].T * np.sqrt(values[:d, None] / n)


def _number_of_axes(values: Array, variance: float, at_most: int) -> int:
    """Return how many of the largest values hold a share of the sum; equal ones are never parted."""
    held = np.cumsum(values) / values.sum()
    d = int(np.clip(np.searchsorted(held, variance - CLOSE**2) + 1, 1, max(1, at_most)))
    ends = np.flatnonzero(np.append(values[:-1] - values[1:] > CLOSE * values[0], True)) + 1
    return int(ends[ends <= d].max(initial=0) or ends[0])


def _spatial(ndim: int) -> tuple[int, ...]:
    return tuple(range(-ndim + 1, 0))
