"""The best correlation of every pair of images on the half grid, over variants, mirrorings and small shifts.

What is the same in several products of a pair is computed once: mirrored images share their symmetric and antisymmetric
parts, halves of an image share its corners, and shifted images share products of short filters (Toom and Cook). No pair
is left out and nothing is approximated; the values are those of the plain products but for rounding (about 1e-6).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.metrics.functional.interiors import TextureBank
from synthtrust.metrics.functional.masked_correlation import Way
from synthtrust.metrics.functional.variants import Part, Pose

CACHED = 2**17
"""Pairs that are compared at once: with more, a processor waits for its memory."""
TILE, OUTPUTS = 4, 3
"""Nodes of a filter, and shifts, that are computed together: 6 products in place of 12."""
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0)
"""The numbers at which polynomials are multiplied, beside infinity."""


def flips(n_axes: int) -> list[tuple[int, ...]]:
    """Return the sets of spatial axes (counted from the end) that may be mirrored, 2^d of them.

    >>> flips(2)
    [(), (-2,), (-1,), (-2, -1)]
    """
    axes = tuple(range(-n_axes, 0))
    return [flip for m in range(n_axes + 1) for flip in combinations(axes, m)]


def coarse_reach(coarse: Tensor) -> int:
    """Return the largest shift on the half grid [its nodes]: a sixteenth of the side, rounded up."""
    return -(-coarse.shape[-1] // 16)


class CoarseReference:
    """The half grids of N images, made ready for being compared with many queries."""

    def __init__(self, bank: TextureBank, ways: Sequence[Way]) -> None:
        """Compute what depends on the reference alone.

        Args:
            bank: The N images.
            ways: All ways in which queries are laid onto them.
        """
        self.images = bank.coarse
        self.ways = list(ways)
        self.reach = coarse_reach(self.images)
        self.n_axes = self.images.ndim - 2
        self._rows = self.images.flatten(1)
        variants = dict.fromkeys(way.variant for way in ways)
        self._mirrored = [v for v in variants if v.is_mirrored]
        self._parts = [v for v in variants if isinstance(v, Part)]
        self._moved = [v for v in variants if isinstance(v, Pose) and not v.is_mirrored]
        self._norms = {v: v.coarse_norm(self.images) for v in self._parts}
        self._folded = _folded(self.images[:0] if not self._mirrored else self.images).transpose(1, 2).contiguous()
        self._filtered = _filtered(self.images) if self._moved and _is_filtered(self.images) else None

    def scores(self, queries: TextureBank, memory: int) -> tuple[Tensor, Tensor]:
        """Return the best correlation over ways and shifts ``(Q, N)``, and the best way, ``(Q, N)``."""
        step = max(1, min(memory // 512, CACHED) // len(self.images))
        parts = [self._scores(queries.take(rows)) for rows in torch.arange(len(queries)).split(step)]
        scores, best_ways = zip(*parts)
        return torch.cat(scores), torch.cat(best_ways)

    def _scores(self, queries: TextureBank) -> tuple[Tensor, Tensor]:
        best = torch.full((len(queries), len(self.images)), -torch.inf, device=self.images.device)
        best_way = torch.zeros(best.shape, dtype=torch.long, device=best.device)
        for way, score in self._each(queries):
            is_better = score > best
            torch.maximum(best, score, out=best)
            best_way.masked_fill_(is_better, way)
        return best, best_way

    def _each(self, queries: TextureBank) -> Iterator[tuple[int, Tensor]]:
        """Yield each way, by its number, with the best correlations over shifts ``(Q, N)``."""
        number = {way: i for i, way in enumerate(self.ways)}
        for variant in self._mirrored:
            of_flips = self._over_flips(variant.coarse(queries))
            for flip, score in zip(flips(self.n_axes), of_flips):
                yield number[Way(variant, flip)], score
        if self._parts:
            for part, score in self._over_parts(queries.coarse):
                yield number[Way(part, ())], score
        for pose in self._moved:
            yield number[Way(pose, ())], self._over_shifts(pose.coarse(queries))

    def _windows(self, x: Tensor) -> Iterator[Tensor]:
        """Yield images ``(Q, C, ...)`` moved by each shift; outside is 0."""
        padded = F.pad(x, (self.reach, self.reach) * self.n_axes)
        for start in product(range(2 * self.reach + 1), repeat=self.n_axes):
            window = padded
            for axis, first in enumerate(start):
                window = window.narrow(axis + 2, first, x.shape[-1])
            yield window

    def _over_shifts(self, x: Tensor) -> Tensor:
        """Return the highest product over shifts ``(Q, N)``."""
        if self._filtered is not None:
            return _best_of_filters(x, self._filtered)
        best = x.new_full((len(x), len(self.images)), -torch.inf)
        for window in self._windows(x):
            torch.maximum(best, window.flatten(1) @ self._rows.T, out=best)
        return best

    def _over_flips(self, x: Tensor) -> Tensor:
        """Return the highest product over shifts for each mirroring, in the order of `flips`, ``(2^d, Q, N)``.

        An image is the sum of 2^d parts that are even or odd along each axis. Parts of two kinds are orthogonal, and
        mirroring changes the signs of some, so that the products of parts serve all mirrorings.
        """
        best = x.new_full((2**self.n_axes, len(x), len(self.images)), -torch.inf)
        for window in self._windows(x):
            products = torch.bmm(_folded(window), self._folded)
            for axis in range(self.n_axes):  # sums and differences along one axis of mirrorings after the other
                even, odd = products.unflatten(0, (2**axis, 2, -1)).unbind(1)
                products = torch.stack([even + odd, even - odd], dim=1).flatten(0, 2)
            torch.maximum(best, products, out=best)
        return best[[sum(2 ** (-axis - 1) for axis in flip) for flip in flips(self.n_axes)]]

    def _over_parts(self, x: Tensor) -> Iterator[tuple[Part, Tensor]]:
        """Yield each part of the images with the highest correlations over shifts ``(Q, N)``.

        Halves are sums of corners, and a modality is the sum of its corners: the products of corners serve all parts.
        """
        side = x.shape[-1]
        corners = list(product((slice(None, side // 2), slice(side // 2, None)), repeat=self.n_axes))
        blocks = list(product(corners, range(x.shape[1])))
        blocks_of = {
            part: [
                i for i, (corner, modality) in enumerate(blocks)
                if part.modality in (-1, modality)
                and (not part.axis or (corner[part.axis].stop is None) == part.second)
            ]
            for part in self._parts
        }  # fmt: skip
        best = {part: x.new_full((len(x), len(self.images)), -torch.inf) for part in self._parts}
        for shift in product(range(-self.reach, self.reach + 1), repeat=self.n_axes):
            products = torch.stack([self._product(x, corner, modality, shift) for corner, modality in blocks])
            for part, within in blocks_of.items():
                torch.maximum(best[part], products[within].sum(dim=0), out=best[part])
        for part, score in best.items():
            yield part, score / part.norm(x).clamp(min=1e-12)[:, None] / self._norms[part]

    def _product(self, x: Tensor, corner: tuple[slice, ...], modality: int, shift: tuple[int, ...]) -> Tensor:
        """Return the products of a corner of one modality with the images on which it lies when moved, ``(Q, N)``."""
        own, other = [], []
        for where, by in zip(corner, shift):
            first, last = where.indices(x.shape[-1])[:2]
            first, last = max(first, by), min(last, x.shape[-1] + by)
            own.append(slice(first, last))
            other.append(slice(first - by, last - by))
        return (
            x[:, modality][(slice(None), *own)].flatten(1)
            @ self.images[:, modality][(slice(None), *other)].flatten(1).T
        )


def _folded(x: Tensor) -> Tensor:
    """Return the parts of images ``(N, C, ...)`` that are even and odd along each axis, ``(2^d, N, D / 2^d)``.

    Their products, summed over all parts, are those of the images. Bit i of the first index, the highest for the first
    axis, tells whether a part is odd.
    """
    x = x[None]
    for axis in range(3, x.ndim):
        half = x.shape[axis] // 2
        first, last = x.narrow(axis, 0, half), x.narrow(axis, x.shape[axis] - half, half).flip(axis)
        even, odd = (first + last) * 0.5**0.5, (first - last) * 0.5**0.5
        if x.shape[axis] % 2:
            middle = x.narrow(axis, half, 1)
            even, odd = torch.cat([even, middle], dim=axis), torch.cat([odd, torch.zeros_like(middle)], dim=axis)
        x = torch.stack([even, odd], dim=1).flatten(0, 1)
    return x.flatten(2)


@lru_cache(maxsize=1)
def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    r"""Return the matrices of short filters by fewer products, for the data, the filter and the outputs.

    With V the powers of the points (a row each; the last, of infinity, is the highest power alone), d six numbers and g
    a filter of four,

    .. math:: \sum_i d_{t+i} g_i = V_3^T \left( V_4 g \odot V_6^{-T} d \right)_t, \quad t = 0, 1, 2.

    Source: Winograd, "Arithmetic complexity of computations" (1980); Lavin and Gray, "Fast algorithms for convolutional
    neural networks" (2016).
    """
    points = torch.tensor(POINTS, dtype=torch.float64)

    def powers(n: int) -> Tensor:
        infinity = torch.zeros(1, n, dtype=torch.float64)
        infinity[0, -1] = 1
        return torch.cat([points[:, None] ** torch.arange(n), infinity])

    data, filters, outputs = torch.linalg.inv(powers(TILE + OUTPUTS - 1)).T, powers(TILE), powers(OUTPUTS).T
    return data.float(), filters.float(), outputs.float()


def _is_filtered(images: Tensor) -> bool:
    """Return whether volumes may be compared by `_best_of_filters`: whole tiles along each axis, shifts of one node."""
    return images.ndim == 5 and images.shape[-1] % TILE == 0 and coarse_reach(images) == OUTPUTS // 2


def _filtered(images: Tensor) -> Tensor:
    """Return volumes ``(N, C, s, s, s)`` as filters by tiles of the first two axes, ``(36, C s^3 / 16, N)``."""
    _, filters, _ = _matrices()
    tiles = images.unflatten(3, (-1, TILE)).unflatten(2, (-1, TILE))
    return torch.einsum("pi,qj,ncuivjz->pqcuvzn", filters, filters, tiles).flatten(2, 5).flatten(0, 1).contiguous()


def _best_of_filters(x: Tensor, filtered: Tensor) -> Tensor:
    """Return the highest products of volumes with others over shifts by a node, ``(Q, N)``.

    Args:
        x: Q volumes.
        filtered: The others, from `_filtered`.
    """
    data, _, outputs = _matrices()
    side = x.shape[-1]
    windows = F.pad(x, (1, 1) * 3).unfold(2, TILE + OUTPUTS - 1, TILE).unfold(3, TILE + OUTPUTS - 1, TILE)
    ready = torch.einsum("pk,ql,ncuvzkl->pqncuvz", data, data, windows).flatten(0, 1)  # (36, Q, C, s/4, s/4, s + 2)
    combine = torch.kron(outputs, outputs)  # (9, 36)
    best = x.new_full((len(x), filtered.shape[-1]), -torch.inf)
    for last in range(OUTPUTS):
        products = torch.bmm(ready[..., last : last + side].flatten(2), filtered)
        moved = (combine @ products.flatten(1)).unflatten(1, best.shape)
        torch.maximum(best, moved.amax(dim=0), out=best)
    return best
