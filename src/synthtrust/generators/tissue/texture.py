"""Texture: how intensities vary within a class, across modalities, between neighbours and from case to case."""

import numpy as np
from numpy.typing import NDArray

from synthtrust.generators.tissue.neighbours import neighbours

FINE, COARSE = 0.4, 2.0  # [voxels] standard deviations of the two kernels that texture is mixed from


class Texture:
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
            in_region = region == r
            values = z[:, in_region].astype(np.float64)
            self.n[r] += values.shape[1]
            if values.shape[1] < 8:  # too few for a spread
                continue
            mean, sd = values.mean(1), np.maximum(values.std(1), 0.01)
            spread[:, r] = mean, np.log(sd)
            values = (values - mean[:, None]) / sd[:, None]
            self.across[r] += values @ values.T
            unit[:, in_region] = values
        for axis in range(3):
            a, b = neighbours(region, axis)
            x, y = (np.moveaxis(v, 0, -1) for v in neighbours(unit, axis + 1))
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


def vary_together(spreads: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre ``(...)`` of vectors ``(cases, ...)`` and a factor ``(cases, ...)`` of their covariance.

    The factor is what each case adds to it: no axes are sought, which another library would turn otherwise.
    """
    known = np.isfinite(spreads)
    n = np.maximum(known.sum(0), 1)
    centre = np.where(known, spreads, 0).sum(0) / n
    return centre, np.where(known, spreads - centre, 0) / np.sqrt(np.maximum(n - 1, 1))
