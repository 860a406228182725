"""The cheap honest baseline: an atlas of tissue classes, learned intensities and texture, painted in a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter, map_coordinates
from scipy.special import ndtr

from synthtrust.cases import Case
from synthtrust.cases.volumes import apply_along_axes, linear_weights
from synthtrust.generators.base import Generator
from synthtrust.generators.tissue.atlas import Atlas, count_boundaries, rings
from synthtrust.generators.tissue.clusters import move_centres, nearest
from synthtrust.generators.tissue.fields import field
from synthtrust.generators.tissue.seen import look_at
from synthtrust.generators.tissue.texture import COARSE, FINE, Texture, vary_together
from synthtrust.progress import track
from synthtrust.refusals import Refusal
from synthtrust.ties import signed

N_LABELS = 255  # a label map is uint8, and 0 is unlabelled


@dataclass
class Tissue(Generator):
    """Paints tissue classes drawn from an atlas, in the manner of SynthSeg, but with contrasts learned from the cases.

    Learned, in z-scores of each case's own foreground (voxels where any modality is not 0), so that cohorts whose
    scales differ by orders of magnitude are welcome:

    - tissue classes of the unlabelled foreground, found from the intensities and shared by all cases,
    - a probabilistic atlas of foreground and classes, in coordinates relative to the grid, and how classes change in
      the few voxels around a label,
    - mean and spread of every class and label in every modality, and how they vary together from case to case: a twin
      draws one whole vector of them,
    - texture: correlation across modalities, correlation of neighbouring voxels, size of the patches of a class.

    Twins are painted in intensity units of the training cases: foreground mean and standard deviation are the medians
    over the cases, foreground stays above 0 and background is exactly 0.

    Limits: beyond the atlas there is no anatomy. Twins have no gyri, vessels or symmetry, and a tumour pushes nothing
    aside. An atlas of many cases is nobody's brain; one of a handful still shows their outlines and ventricles. Lengths
    are learned in voxels, so labels to paint on are expected to have the voxel size of the training cases. Labels are
    shown as given: the privacy of a twin's *label* is not the generator's.
    """

    version: ClassVar[int] = 3  # 1 cut labels brighter than any tissue, 2 drew contrasts along axes without a sign

    n_tissues: int = 5
    """Classes of the unlabelled foreground."""
    atlas_size: int = 64
    """Cells along the longest side of the atlas."""
    deformation: float = 0.02
    """Standard deviation of the smooth displacement of the atlas [share of the grid's side]."""
    jitter: float = 1.0
    """Variation of contrasts from twin to twin [1 is that of the training cases]."""
    texture: float = 1.0
    """Spread within a class or label [1 is that of the training cases]."""
    bias: float = 0.05
    """Standard deviation of the logarithm of the smooth multiplicative bias field."""
    blur: float = 0.6
    """Standard deviation of the partial volume between classes [voxels]."""

    def fit(self, cases: Sequence[Case]) -> Self:
        """Learn classes, atlas, contrasts and texture; reads one case at a time and keeps no image.

        Raises:
            Refusal: If there are no cases, their modalities differ, or there are fewer than two tissues to find.
        """
        if not cases:
            raise Refusal("Expected at least one training case, but got none.")
        if self.n_tissues < 2:
            raise Refusal(f"Expected n_tissues of at least 2, but got {self.n_tissues}.")
        self.modalities_ = tuple(cases[0].images)
        for case in cases:
            if set(case.images) != set(self.modalities_):
                raise Refusal(f"Expected modalities {self.modalities_}, but got {tuple(case.images)} in {case.id}.")
        centres = self._find_tissues(cases)
        self._learn(cases, centres)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image per modality, shape ``(H, W, D)``, in intensity units of the training cases.

        Raises:
            Refusal: If the label map holds a value that never occurred in training.
        """
        if unknown := sorted(set(np.unique(label).tolist()) - {0, *self.labels_}):
            raise Refusal(f"Expected label values among {[0, *self.labels_]}, but got {unknown}. Fit on such cases.")
        tissue, foreground = self._draw_anatomy(label, rng)
        region = regions(tissue, label, self.n_tissues)  # (H, W, D)
        weights = self.jitter * np.clip(rng.standard_normal(len(self.factor_)), -2, 2)
        mean, log_sd = (self.centre_ + np.tensordot(weights, self.factor_, 1)).astype(np.float32)  # each (regions, M)
        noise = self._draw_texture(region[foreground], np.exp(log_sd), label.shape, foreground, rng)  # (M, foreground)
        images: dict[str, NDArray[np.floating]] = {}
        for m, name in enumerate(self.modalities_):
            z = gaussian_filter(mean[:, m][region], self.blur)[foreground] + self.texture * noise[m]
            z = np.clip(z, self.z_range_[0, m], self.z_range_[1, m])
            bias = self.bias * field(label.shape, [0.3 * n for n in label.shape], rng)[foreground]
            intensity = (z * self.scale_[1, m] + self.scale_[0, m]) * np.exp(bias)
            images[name] = np.zeros(label.shape, dtype=np.float32)
            images[name][foreground] = np.maximum(intensity, self.floor_[m])
        return images

    def _find_tissues(self, cases: Sequence[Case]) -> NDArray[np.float32]:
        """Return the intensities that the classes have on average, shape ``(n_tissues, M)``, darkest first."""
        rng = np.random.default_rng(0)
        points = []
        some = cases[:: 1 + len(cases) // 64]
        for case in track(some, "Finding tissues"):
            seen = look_at(case, self.modalities_)
            unlabelled = seen.z[:, seen.inside & (seen.label == 0)]  # (M, voxels)
            points.append(unlabelled[:, rng.integers(unlabelled.shape[1], size=4000)].T)
        pooled = np.concatenate(points)
        axes = np.linalg.eigh(np.cov(pooled.T).reshape(len(self.modalities_), -1))[1].T
        along = pooled @ signed(axes)[-1]
        edges = np.quantile(along, np.linspace(0, 1, self.n_tissues + 1)[1:-1])
        part = np.searchsorted(edges, along)
        start = np.stack([pooled[part == k].mean(0) if (part == k).any() else pooled[k] for k in range(self.n_tissues)])
        return move_centres(pooled, start, 50)

    def _learn(self, cases: Sequence[Case], centres: NDArray[np.float32]) -> None:
        rng = np.random.default_rng(0)
        n_regions = self.n_tissues + N_LABELS
        shapes, scales, ranges, spreads = [], [], [], []
        atlas: Atlas | None = None
        texture = Texture(n_regions, len(self.modalities_))
        for case in track(cases, "Learning tissues"):
            seen = look_at(case, self.modalities_)
            atlas = atlas or Atlas(seen.label.shape, self.atlas_size, self.n_tissues)
            unlabelled = np.flatnonzero(seen.inside & (seen.label == 0))
            points = seen.z.reshape(len(seen.z), -1)[:, rng.choice(unlabelled, 20000)].T
            own = move_centres(points, centres, 3)  # each case has contrasts of its own; few steps keep classes apart
            tissue = np.full(seen.label.shape, -1, dtype=np.int16)
            smooth = np.stack([gaussian_filter(image * seen.inside, 0.7)[seen.inside] for image in seen.z])
            tissue[seen.inside] = nearest(smooth.T, own)  # noise is texture, not a class
            atlas.add(tissue, seen.label, seen.foreground)
            region = np.where(seen.inside, regions(tissue, seen.label, self.n_tissues), -1)
            spreads.append(texture.add(seen.z, region))
            shapes.append(seen.label.shape)
            scales.append(seen.scale)
            ranges.append(np.quantile(points, [0.0005, 0.9995], axis=0))
            if (labelled := seen.inside & (seen.label > 0)).any():  # a label may be brighter than any tissue
                ranges.append(np.quantile(seen.z[:, labelled], [0.0005, 0.9995], axis=1))
        if atlas is None:
            raise Refusal("Expected at least one training case, but got none.")
        self.centre_, self.factor_ = vary_together(np.stack(spreads))
        self.labels_ = tuple(int(v) for v in np.flatnonzero(texture.n[self.n_tissues :]) + 1)
        self.coarse_share_, self.mixing_ = texture.learn()
        self.scale_ = np.median(scales, axis=0).astype(np.float32)  # (2, M): mean and sd of the foreground
        self.z_range_ = np.stack([np.min([r[0] for r in ranges], 0), np.max([r[1] for r in ranges], 0)])
        self.floor_ = 0.01 * self.scale_[1]
        self.z_range_ = self.z_range_.astype(np.float32) + np.array([[-1], [2]], dtype=np.float32)
        self.probit_, self.p_, self.ring_ = atlas.learn()
        self.patch_ = self._match_patches(tuple(int(n) for n in np.median(shapes, axis=0)), atlas.boundary_share)

    def _match_patches(self, shape: tuple[int, ...], boundary_share: float) -> float:
        """Find the length [voxels] at which as many neighbours differ in class as in the training cases."""
        low, high = 0.4, 0.2 * max(shape)
        for _ in range(7):
            self.patch_ = float(np.sqrt(low * high))
            tissue, foreground = self._draw_anatomy(np.zeros(shape, dtype=np.uint8), np.random.default_rng(0))
            differ, pairs = count_boundaries(np.where(foreground, tissue, -1))
            low, high = (self.patch_, high) if differ > boundary_share * pairs else (low, self.patch_)
        return self.patch_

    def _draw_anatomy(
        self, label: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return a class for every voxel, and the foreground; each voxel alone follows the atlas exactly."""
        grid = self.probit_.shape
        where = np.indices(grid, dtype=np.float32)
        for axis, n in enumerate(grid):
            where[axis] += self.deformation * n * field(grid, [0.12 * g for g in grid], rng)
        up = [linear_weights(n, g).astype(np.float32) for n, g in zip(label.shape, grid, strict=True)]

        def look_up(atlas: NDArray[np.float32]) -> NDArray[np.float32]:
            return apply_along_axes(map_coordinates(atlas, where, order=1, mode="nearest"), up)

        outline = 0.5 * field(label.shape, [0.25 * n for n in label.shape], rng)
        foreground = binary_fill_holes((look_up(self.probit_) + outline > 0) | (label > 0))
        ring = rings(label)
        p = np.stack([look_up(a) * change[ring] for a, change in zip(self.p_, self.ring_.T, strict=True)])
        np.cumsum(p, axis=0, out=p)
        level = ndtr(field(label.shape, [self.patch_] * 3, rng)) * p[-1]  # one field: neighbours in order are in space
        tissue = (level > p[:-1]).sum(0, dtype=np.int16)
        return tissue, foreground

    def _draw_texture(
        self,
        region: NDArray[np.int16],
        sd: NDArray[np.float32],
        shape: tuple[int, ...],
        foreground: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        noise = np.empty((len(self.modalities_), region.size), dtype=np.float32)
        coarse = self.coarse_share_[region]
        for row in noise:
            row[:] = np.sqrt(1 - coarse) * field(shape, [FINE] * 3, rng)[foreground]
            row += np.sqrt(coarse) * field(shape, [COARSE] * 3, rng)[foreground]
        for r in np.unique(region):
            in_region = region == r
            noise[:, in_region] = sd[r][:, None] * (self.mixing_[r] @ noise[:, in_region])
        return noise


def regions(tissue: NDArray[np.int16], label: NDArray[np.uint8], n_tissues: int) -> NDArray[np.int16]:
    """Return numbers for what has intensities of its own: the tissues from 0, then the labels."""
    return np.where(label > 0, label.astype(np.int16) + (n_tissues - 1), tissue).astype(np.int16)
