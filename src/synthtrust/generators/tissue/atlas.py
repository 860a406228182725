"""The atlas: which tissue class lies where, and how that changes around a label."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.special import ndtri

from synthtrust.generators.tissue.neighbours import neighbours

SHARPEN = 1.5  # power of the atlas: a mean over cases is more uncertain than any of them
RINGS = 4  # surroundings of the labels, each one voxel wide


class Atlas:
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
        """Count one case: its classes (-1 where none is known), label map and foreground, each ``(H, W, D)``."""
        self.boundary += count_boundaries(np.where(label == 0, tissue, -1))
        fine = [np.arange(max(n, g)) for n, g in zip(label.shape, self.grid, strict=True)]  # no cell stays empty
        voxel = np.ix_(*[i * n // len(i) for i, n in zip(fine, label.shape, strict=True)])
        cell = np.ravel_multi_index(
            np.ix_(*[i * g // len(i) for i, g in zip(fine, self.grid, strict=True)]), self.grid
        ).ravel()
        n_cells = len(self.voxels)
        self.voxels += np.bincount(cell, minlength=n_cells)
        self.inside += np.bincount(cell[foreground[voxel].ravel()], minlength=n_cells)
        ring = rings(label)
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
        """Share of neighbouring voxels that differ in class."""
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


def rings(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
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


def count_boundaries(tissue: NDArray[np.int16]) -> tuple[int, int]:
    """Return how many neighbours differ in class, and how many there are (both classes known, that is >= 0)."""
    differ = pairs = 0
    for axis in range(3):
        a, b = neighbours(tissue, axis)
        known = (a >= 0) & (b >= 0)
        pairs += int(np.count_nonzero(known))
        differ += int(np.count_nonzero(known & (a != b)))
    return differ, pairs
