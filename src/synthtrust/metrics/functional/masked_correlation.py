"""The correlation of two interiors over shifts, on the full grid, over the nodes that lie in both shifted bodies."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from synthtrust.metrics.functional.interiors import TextureBank
from synthtrust.metrics.functional.overlaps import PlaneOverlap, VolumeOverlap
from synthtrust.metrics.functional.pieces import piecewise_correlation
from synthtrust.metrics.functional.spectra import CACHED, shifted_products, spectrum
from synthtrust.metrics.functional.variants import Pieces, Variant

NOT_COMPARED = -1
"""Stands for a way where a pair is not to be compared; its correlation is minus infinity."""


class Way(NamedTuple):
    """How a query is laid onto a reference: which variant of it, and which mirrored axes of the reference."""

    variant: Variant
    mirrored: tuple[int, ...]
    """Axes, counted from the end."""


def best_correlation(
    queries: TextureBank,
    reference: TextureBank,
    index: Tensor,
    way: Tensor,
    ways: Sequence[Way],
    *,
    reach: int,
    memory: int,
) -> Tensor:
    """Return the best correlation over shifts up to ``reach`` of each query with its candidates, ``(Q, K)``.

    The images of the reference are mirrored in place of the queries: with the shifts in both directions nothing
    changes, and each spectrum serves several pairs.

    Args:
        queries: Q images.
        reference: N images.
        index: The candidates of each query in the reference ``(Q, K)``.
        way: Which of the ways each pair is compared in, or `NOT_COMPARED`, ``(Q, K)``.
        ways: All ways.
        reach: Largest shift along each axis [nodes].
        memory: Bound on the working memory [bytes].
    """
    n_values = queries.fine.shape[1] * (queries.fine.shape[-1] + reach) ** (queries.fine.ndim - 2)
    n_images, n_pairs = max(1, memory // (17 * n_values)), max(1, CACHED // n_values)
    result = torch.full(index.shape, -torch.inf, device=queries.fine.device)
    for start in range(0, len(queries), n_images):
        chunk = queries.take(slice(start, start + n_images))
        pairs = _Pairs(index[start : start + n_images], way[start : start + n_images])
        # the spectra of what is mirrored serve most queries, in several mirrorings
        for_all = {v: _Asked.of(*v.fine(chunk), reach) for v in pairs.variants(ways) if v.is_mirrored}
        for others in pairs.candidates.unique().split(n_images):
            spectra = spectrum(reference.fine[others], reach)
            for i, rows, columns in pairs.among(others):
                variant, axes = ways[i]
                if variant in for_all:
                    asked, row_asked = for_all[variant], rows
                else:
                    different, row_asked = rows.unique(return_inverse=True)
                    asked = _Asked.of(*variant.fine(chunk.take(different)), reach)
                other = torch.searchsorted(others, pairs.candidates[rows, columns])
                for part in torch.arange(len(rows)).split(n_pairs):
                    images = reference.take(others[other[part]]).mirrored(axes)
                    first = asked.take(row_asked[part])
                    products = shifted_products(first.spectrum, spectra[other[part]], reach, axes)
                    best, shift = first.overlap.best(products, images.fine, images.body, variant.share)
                    if isinstance(variant, Pieces):
                        best = piecewise_correlation(chunk.take(rows[part]), images, shift)
                    result[start + rows[part], columns[part]] = best.clamp(-1, 1)  # rounding may leave 1 + 1e-7
    return result


class _Pairs(NamedTuple):
    """The pairs of some queries with their candidates."""

    candidates: Tensor
    """The images of the reference that each is compared with ``(Q, K)``."""
    way: Tensor
    """The number of the way in which each pair is compared ``(Q, K)``."""

    def variants(self, ways: Sequence[Way]) -> set[Variant]:
        """Return the variants that any pair is compared in."""
        return {ways[i].variant for i in self.way.unique().tolist() if i != NOT_COMPARED}

    def among(self, others: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield each way with rows and columns of its pairs, of candidates from the first to the last of these."""
        is_among = (self.candidates >= others[0]) & (self.candidates <= others[-1]) & (self.way != NOT_COMPARED)
        for i in self.way[is_among].unique().tolist():
            rows, columns = (is_among & (self.way == i)).nonzero().unbind(dim=1)
            yield i, rows, columns


class _Asked(NamedTuple):
    """Queries in one variant, made ready for being compared."""

    spectrum: Tensor
    """Spectra of the interiors ``(N, C, ...)``."""
    overlap: PlaneOverlap | VolumeOverlap

    @classmethod
    def of(cls, fine: Tensor, body: Tensor, reach: int) -> "_Asked":
        """Make interiors and bodies ready for shifts up to this reach."""
        overlap = PlaneOverlap.of(fine, body, reach) if fine.ndim == 4 else VolumeOverlap.of(fine, body, reach)
        return cls(spectrum(fine, reach), overlap)

    def take(self, rows: Tensor) -> "_Asked":
        """Return those of the queries with these indices."""
        return _Asked(self.spectrum[rows], self.overlap.take(rows))
