"""The cheap honest baseline: an atlas of tissue classes, learned intensities and texture, painted in a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter, map_coordinates
from scipy.special import ndtr, ndtri

from synthtrust.cases import Case
from synthtrust.generators.base import Generator

FINE, COARSE = 0.4, 2.0  # [voxels] standard deviations of the two kernels that texture is mixed from
SHARPEN = 1.5  # power of the atlas: a mean over cases is more uncertain than any of them
RINGS = 4  # surroundings of the labels, each one voxel wide
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

    version: ClassVar[int] = 2  # 1 cut labels brighter than any tissue

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
            ValueError: If there are no cases, their modalities differ, or there are fewer than two tissues to find.
        """
        if not cases:
            raise ValueError("Expected at least one training case, but got none.")
        if self.n_tissues < 2:
            raise ValueError(f"Expected n_tissues of at least 2, but got {self.n_tissues}.")
        self.modalities_ = tuple(cases[0].images)
        for case in cases:
            if set(case.images) != set(self.modalities_):
                raise ValueError(f"Expected modalities {self.modalities_}, but got {tuple(case.images)} in {case.id}.")
        centres = self._find_tissues(cases)
        self._learn(cases, centres)
        return self

    def sample(self, label: NDArray[np.uint8], rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image per modality, shape ``(H, W, D)``, in intensity units of the training cases.

        Raises:
            ValueError: If the label map holds a value that never occurred in training.
        """
        if unknown := sorted(set(np.unique(label).tolist()) - {0, *self.labels_}):
            raise ValueError(f"Expected label values among {[0, *self.labels_]}, but got {unknown}. Fit on such cases.")
        tissue, foreground = self._draw_anatomy(label, rng)
        region = _regions(tissue, label, self.n_tissues)  # (H, W, D)
        weights = self.jitter * np.clip(rng.standard_normal(len(self.factor_)), -2, 2)
        mean, log_sd = (self.centre_ + np.tensordot(weights, self.factor_, 1)).astype(np.float32)  # each (regions, M)
        noise = self._draw_texture(region[foreground], np.exp(log_sd), label.shape, foreground, rng)  # (M, foreground)
        images: dict[str, NDArray[np.floating]] = {}
        for m, name in enumerate(self.modalities_):
            z = gaussian_filter(mean[:, m][region], self.blur)[foreground] + self.texture * noise[m]
            z = np.clip(z, self.z_range_[0, m], self.z_range_[1, m])
            bias = self.bias * _field(label.shape, [0.3 * n for n in label.shape], rng)[foreground]
            intensity = (z * self.scale_[1, m] + self.scale_[0, m]) * np.exp(bias)
            images[name] = np.zeros(label.shape, dtype=np.float32)
            images[name][foreground] = np.maximum(intensity, self.floor_[m])
        return images

    def _find_tissues(self, cases: Sequence[Case]) -> NDArray[np.float32]:
        """Return the intensities that the classes have on average, shape ``(n_tissues, M)``, darkest first."""
        rng = np.random.default_rng(0)
        points = []
        some = cases[:: 1 + len(cases) // 64]
        for case in track(some, "Finding tissues", transient=True):
            seen = _look_at(case, self.modalities_)
            unlabelled = seen.z[:, seen.inside & (seen.label == 0)]  # (M, voxels)
            points.append(unlabelled[:, rng.integers(unlabelled.shape[1], size=4000)].T)
        pooled = np.concatenate(points)
        axis = np.linalg.eigh(np.cov(pooled.T).reshape(len(self.modalities_), -1))[1][:, -1]
        along = pooled @ (axis * np.sign(axis.sum() or 1))
        edges = np.quantile(along, np.linspace(0, 1, self.n_tissues + 1)[1:-1])
        part = np.searchsorted(edges, along)
        start = np.stack([pooled[part == k].mean(0) if (part == k).any() else pooled[k] for k in range(self.n_tissues)])
        return _move_centres(pooled, start, 50)

    def _learn(self, cases: Sequence[Case], centres: NDArray[np.float32]) -> None:
        rng = np.random.default_rng(0)
        n_regions = self.n_tissues + N_LABELS
        shapes, scales, ranges, spreads = [], [], [], []
        atlas: _Atlas | None = None
        texture = _Texture(n_regions, len(self.modalities_))
        for case in track(cases, "Learning tissues", transient=True):
            seen = _look_at(case, self.modalities_)
            atlas = atlas or _Atlas(seen.label.shape, self.atlas_size, self.n_tissues)
            unlabelled = np.flatnonzero(seen.inside & (seen.label == 0))
            points = seen.z.reshape(len(seen.z), -1)[:, rng.choice(unlabelled, 20000)].T
            own = _move_centres(points, centres, 3)  # each case has contrasts of its own; few steps keep classes apart
            tissue = np.full(seen.label.shape, -1, dtype=np.int16)
            smooth = np.stack([gaussian_filter(image * seen.inside, 0.7)[seen.inside] for image in seen.z])
            tissue[seen.inside] = _nearest(smooth.T, own)  # noise is texture, not a class
            atlas.add(tissue, seen.label, seen.foreground)
            region = np.where(seen.inside, _regions(tissue, seen.label, self.n_tissues), -1)
            spreads.append(texture.add(seen.z, region))
            shapes.append(seen.label.shape)
            scales.append(seen.scale)
            ranges.append(np.quantile(points, [0.0005, 0.9995], axis=0))
            if (labelled := seen.inside & (seen.label > 0)).any():  # a label may be brighter than any tissue
                ranges.append(np.quantile(seen.z[:, labelled], [0.0005, 0.9995], axis=1))
        if atlas is None:
            raise ValueError("Expected at least one training case, but got none.")
        self.centre_, self.factor_ = _vary_together(np.stack(spreads))
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
            differ, pairs = _count_boundaries(np.where(foreground, tissue, -1))
            low, high = (self.patch_, high) if differ > boundary_share * pairs else (low, self.patch_)
        return self.patch_

    def _draw_anatomy(
        self, label: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return a class for every voxel, and the foreground; each voxel alone follows the atlas exactly."""
        grid = self.probit_.shape
        where = np.indices(grid, dtype=np.float32)
        for axis, n in enumerate(grid):
            where[axis] += self.deformation * n * _field(grid, [0.12 * g for g in grid], rng)
        up = [_linear(n, g) for n, g in zip(label.shape, grid, strict=True)]

        def look_up(atlas: NDArray[np.float32]) -> NDArray[np.float32]:
            return _separable(map_coordinates(atlas, where, order=1, mode="nearest"), up)

        outline = 0.5 * _field(label.shape, [0.25 * n for n in label.shape], rng)
        foreground = binary_fill_holes((look_up(self.probit_) + outline > 0) | (label > 0))
        ring = _rings(label)
        p = np.stack([look_up(a) * change[ring] for a, change in zip(self.p_, self.ring_.T, strict=True)])
        np.cumsum(p, axis=0, out=p)
        level = ndtr(_field(label.shape, [self.patch_] * 3, rng)) * p[-1]  # one field: neighbours in order are in space
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
            row[:] = np.sqrt(1 - coarse) * _field(shape, [FINE] * 3, rng)[foreground]
            row += np.sqrt(coarse) * _field(shape, [COARSE] * 3, rng)[foreground]
        for r in np.unique(region):
            here = region == r
            noise[:, here] = sd[r][:, None] * (self.mixing_[r] @ noise[:, here])
        return noise


class _Seen(NamedTuple):
    z: NDArray[np.float32]  # (M, H, W, D) z-scores
    label: NDArray[np.uint8]  # (H, W, D)
    foreground: NDArray[np.bool_]  # any modality is not 0, holes filled
    inside: NDArray[np.bool_]  # every modality is not 0: fields of view may differ
    scale: NDArray[np.float32]  # (2, M): mean and standard deviation of the foreground [intensity units]


def _look_at(case: Case, modalities: Sequence[str]) -> _Seen:
    z = np.stack([case.load_image(name) for name in modalities])
    label = case.load_label()
    inside = (z != 0).all(0)
    if np.count_nonzero(inside & (label == 0)) < 2:
        raise ValueError(f"Expected unlabelled voxels where every modality is not 0, but {case.id} has none.")
    foreground = binary_fill_holes((z != 0).any(0) | (label > 0))
    scale = np.empty((2, len(z)), dtype=np.float32)
    for m, image in enumerate(z):
        values = image[inside]
        values = np.clip(values, *np.quantile(values, [0.002, 0.998]))  # a few hot voxels shall not set the scale
        scale[:, m] = values.mean(dtype=np.float64), values.std(dtype=np.float64) or 1
        image -= scale[0, m]
        image /= scale[1, m]
    return _Seen(z, label, foreground, inside, scale)


class _Atlas:
    """Counts, over cases, which class lies in which cell of a grid in relative coordinates."""

    def __init__(self, shape: tuple[int, ...], size: int, n_tissues: int) -> None:
        self.grid = tuple(max(1, round(min(1, size / max(shape)) * n)) for n in shape)
        self.n_tissues = n_tissues
        n_cells = int(np.prod(self.grid))
        self.inside, self.voxels = np.zeros(n_cells), np.zeros(n_cells)
        self.tissue = np.zeros((n_tissues, n_cells))
        self.ring_cells = np.zeros((RINGS + 1, n_cells))
        self.ring_tissue = np.zeros((RINGS + 1, n_tissues))
        self.boundary = np.zeros(2)

    def add(self, tissue: NDArray[np.int16], label: NDArray[np.uint8], foreground: NDArray[np.bool_]) -> None:
        self.boundary += _count_boundaries(np.where(label == 0, tissue, -1))
        fine = [np.arange(max(n, g)) for n, g in zip(label.shape, self.grid, strict=True)]  # no cell stays empty
        voxel = np.ix_(*[i * n // len(i) for i, n in zip(fine, label.shape, strict=True)])
        cell = np.ravel_multi_index(
            np.ix_(*[i * g // len(i) for i, g in zip(fine, self.grid, strict=True)]), self.grid
        ).ravel()
        n_cells = len(self.voxels)
        self.voxels += np.bincount(cell, minlength=n_cells)
        self.inside += np.bincount(cell[foreground[voxel].ravel()], minlength=n_cells)
        ring = _rings(label)
        tissue_, ring_ = tissue[voxel].ravel(), ring[voxel].ravel()
        known = (tissue_ >= 0) & (label[voxel].ravel() == 0)
        cell, tissue_, ring_ = cell[known], tissue_[known], ring_[known]
        for k in range(self.n_tissues):
            self.tissue[k] += np.bincount(cell[tissue_ == k], minlength=n_cells)
            self.ring_tissue[:, k] += np.bincount(ring_[tissue_ == k], minlength=RINGS + 1)
        for r in range(1, RINGS + 1):
            self.ring_cells[r] += np.bincount(cell[ring_ == r], minlength=n_cells)

    @property
    def boundary_share(self) -> float:
        return float(self.boundary[0] / max(self.boundary[1], 1))

    def learn(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return the probit of foreground, the probabilities of the tissues, and the factor they take in each ring."""
        share = gaussian_filter((self.inside / self.voxels).reshape(self.grid), 0.7)
        probit = ndtri(np.clip(share, 1e-9, 1 - 1e-9)).astype(np.float32)
        smooth = np.stack([gaussian_filter(t.reshape(self.grid), 0.7) for t in self.tissue])
        overall = self.tissue.sum(1) / self.tissue.sum()
        smooth += overall[:, None, None, None] * 0.05 * self.voxels.mean()
        p = smooth / smooth.sum(0)
        change = np.ones((RINGS + 1, self.n_tissues))
        for r in range(1, RINGS + 1):
            expected = p.reshape(self.n_tissues, -1) @ self.ring_cells[r] + 10 * overall
            change[r] = (self.ring_tissue[r] + 10 * overall) / expected
        p = p**SHARPEN
        return probit, p.astype(np.float32), change.astype(np.float32)


class _Texture:
    """Counts, over cases, how the residuals within a region go together across modalities and between neighbours."""

    def __init__(self, n_regions: int, n_modalities: int) -> None:
        self.n = np.zeros(n_regions)
        self.across = np.zeros((n_regions, n_modalities, n_modalities))
        self.pairs, self.together = np.zeros(n_regions), np.zeros(n_regions)

    def add(self, z: NDArray[np.float32], region: NDArray[np.int16]) -> NDArray[np.float64]:
        """Return mean and log standard deviation of every region, ``(2, regions, M)``, NaN where a case has none."""
        spread = np.full((2, len(self.n), len(z)), np.nan)
        unit = np.zeros_like(z)
        for r in np.unique(region[region >= 0]):
            here = region == r
            values = z[:, here].astype(np.float64)
            self.n[r] += values.shape[1]
            if values.shape[1] < 8:  # too few for a spread
                continue
            mean, sd = values.mean(1), np.maximum(values.std(1), 0.01)
            spread[:, r] = mean, np.log(sd)
            values = (values - mean[:, None]) / sd[:, None]
            self.across[r] += values @ values.T
            unit[:, here] = values
        for axis in range(3):
            a, b = _neighbours(region, axis)
            x, y = (np.moveaxis(v, 0, -1) for v in _neighbours(unit, axis + 1))
            same = (a == b) & (a >= 0)
            product = np.einsum("nm,nm->n", x[same], y[same]) / len(z)
            self.pairs += np.bincount(a[same], minlength=len(self.n))
            self.together += np.bincount(a[same], product, minlength=len(self.n))
        return spread

    def learn(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return, per region, the share of coarse noise and the matrix that correlates the modalities."""
        rho = self.together / np.maximum(self.pairs, 1)
        fine, coarse = (np.exp(-1 / (4 * s**2)) for s in (FINE, COARSE))  # correlation of neighbours in such noise
        share = np.clip((rho - fine) / (coarse - fine), 0, 1)
        eye = np.eye(self.across.shape[1])
        mixing = np.linalg.cholesky((self.across + eye) / (self.n[:, None, None] + 1) + 1e-4 * eye)
        return share.astype(np.float32), mixing.astype(np.float32)


def _vary_together(spreads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre ``(...)`` of vectors ``(cases, ...)`` and a factor ``(rank, ...)`` of their covariance."""
    known = np.isfinite(spreads)
    n = np.maximum(known.sum(0), 1)
    centre = np.where(known, spreads, 0).sum(0) / n
    away = np.where(known, spreads - centre, 0) / np.sqrt(np.maximum(n - 1, 1))
    flat = away.reshape(len(spreads), -1)
    _, size, direction = np.linalg.svd(flat, full_matrices=False)
    return centre, (size[:, None] * direction).reshape(-1, *centre.shape)


def _regions(tissue: NDArray[np.int16], label: NDArray[np.uint8], n_tissues: int) -> NDArray[np.int16]:
    return np.where(label > 0, label.astype(np.int16) + (n_tissues - 1), tissue).astype(np.int16)


def _rings(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 1 beside a label, 2 one voxel farther, up to ``RINGS``; 0 elsewhere."""
    ring = np.zeros(label.shape, dtype=np.uint8)
    reached = label > 0
    if not reached.any():
        return ring
    for r in range(1, RINGS + 1):
        wider = binary_dilation(reached)
        ring[wider & ~reached] = r
        reached = wider
    return ring


def _nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int16]:
    return ((centres**2).sum(1) - 2 * points @ centres.T).argmin(1).astype(np.int16)


def _move_centres(points: NDArray[np.float32], centres: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Lloyd's steps of k-means; a class that holds no point stays where it is."""
    for _ in range(steps):
        near = _nearest(points, centres)
        n = np.bincount(near, minlength=len(centres))
        total = np.stack([np.bincount(near, column, minlength=len(centres)) for column in points.T], axis=1)
        centres = np.where(n[:, None] > 0, total / np.maximum(n, 1)[:, None], centres).astype(np.float32)
    return centres


def _neighbours(volume: NDArray, axis: int) -> tuple[NDArray, NDArray]:
    ahead, behind = [slice(None)] * volume.ndim, [slice(None)] * volume.ndim
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    return volume[tuple(ahead)], volume[tuple(behind)]


def _count_boundaries(tissue: NDArray[np.int16]) -> tuple[int, int]:
    """Return how many neighbours differ in class, and how many there are (both classes known, that is >= 0)."""
    differ = pairs = 0
    for axis in range(3):
        a, b = _neighbours(tissue, axis)
        known = (a >= 0) & (b >= 0)
        pairs += int(np.count_nonzero(known))
        differ += int(np.count_nonzero(known & (a != b)))
    return differ, pairs


def _separable(volume: NDArray[np.float32], matrices: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Apply one matrix ``(out, in)`` along each axis."""
    for matrix in matrices:
        volume = np.tensordot(volume, matrix, axes=([0], [1]))  # the new axis comes last: three turns restore the order
    return volume


def _linear(n_out: int, n_in: int) -> NDArray[np.float32]:
    """Return the matrix of linear interpolation between grids that span the same extent."""
    at = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n_in))).astype(np.float32)


def _field(shape: Sequence[int], lengths: Sequence[float], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a Gaussian random field of unit variance, smoothed with standard deviations ``lengths`` [voxels]."""
    kernels = []
    for n, length in zip(shape, lengths, strict=True):
        step = max(1.0, length)  # white noise on a grid as wide as the kernel loses nothing
        points = np.arange(-np.ceil(3 * length / step), np.ceil((n + 3 * length) / step)) * step
        kernel = np.exp(-0.5 * ((np.arange(n)[:, None] - points) / length) ** 2)
        kernels.append((kernel / np.sqrt((kernel**2).sum(1, keepdims=True))).astype(np.float32))
    return _separable(rng.standard_normal([k.shape[1] for k in kernels], dtype=np.float32), kernels)
