"""The correlation of two interiors over shifts, on the full grid, over the nodes that lie in both shifted bodies."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from synthtrust.metrics.functional.interiors import TextureBank
from synthtrust.metrics.functional.pieces import piecewise_correlation
from synthtrust.metrics.functional.variants import Pieces, Variant

SMALLEST_OVERLAP = 0.5
"""Share of either image's texture that the overlap is taken to hold at least: less would let chance win."""
CACHED = 2**19
"""Complex numbers of a spectrum that are worked on at once: with more, a processor waits for its memory."""


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
        way: Which of the ways each pair is compared in ``(Q, K)``.
        ways: All ways.
        reach: Largest shift along each axis [nodes].
        memory: Bound on the working memory [bytes].
    """
    n_axes = queries.fine.ndim - 2
    size = (queries.fine.shape[-1] + reach,) * n_axes  # so much room that no shift up to reach wraps around
    result = torch.empty(index.shape, device=queries.fine.device)
    n_values = queries.fine.shape[1] * size[0] ** n_axes
    step, n_pairs = max(1, memory // (64 * n_values)), max(1, CACHED // n_values)
    for start in range(0, len(queries), step):
        chunk = slice(start, start + step)
        spectra_of: dict[Variant, _Spectra] = {}
        for i in way[chunk].unique().tolist():
            variant, mirrored = ways[i]
            rows, columns = (way[chunk] == i).nonzero().unbind(dim=1)
            if variant.is_mirrored:  # its spectra serve most rows, in several mirrorings
                if variant not in spectra_of:
                    spectra_of[variant] = _spectra(variant.of(queries.take(chunk)), size)
                query_spectra, query_row = spectra_of[variant], rows
            else:
                different, query_row = rows.unique(return_inverse=True)
                query_spectra = _spectra(variant.of(queries.take(chunk).take(different)), size)
            for part in torch.arange(len(rows)).split(min(step, n_pairs)):
                row, column = rows[part], columns[part]
                others, inverse = index[chunk][row, column].unique(return_inverse=True)
                spectra = _spectra(reference.take(others), size, mirrored)
                pairs = (query_spectra.take(query_row[part]), spectra.take(inverse))
                correlation, shift = _best(*pairs, size, reach, variant.share)
                if isinstance(variant, Pieces):
                    others_mirrored = reference.take(index[chunk][row, column]).mirrored(mirrored)
                    correlation = piecewise_correlation(queries.take(chunk).take(row), others_mirrored, shift)
                result[start + row, column] = correlation
    return result.clamp(-1, 1)  # rounding may leave 1 + 1e-7


class _Spectra(NamedTuple):
    """Fourier transforms ``(N, C, ...)``, complex."""

    interior: Tensor
    energy: Tensor
    """The sum of the squares."""
    body: Tensor

    def take(self, rows: Tensor) -> "_Spectra":
        return _Spectra(*(x[rows] for x in self))


def _spectra(images: TextureBank, size: tuple[int, ...], mirrored: tuple[int, ...] = ()) -> _Spectra:
    fine, body = images.mirrored(mirrored).fine, images.mirrored(mirrored).body
    axes = tuple(range(-len(size), 0))
    return _Spectra(*(torch.fft.rfftn(x, s=size, dim=axes) for x in (fine, fine**2, body.float())))


def _best(a: _Spectra, b: _Spectra, size: tuple[int, ...], reach: int, share: float) -> tuple[Tensor, Tensor]:
    """Return the highest correlation of each pair over shifts ``(P,)``, and that shift of a in b ``(P, axes)``.

    Share: of the texture that a holds of b.
    """
    product_ = _shifted_products(a.interior, b.interior, size, reach)
    energy_a = _shifted_products(a.energy, b.body, size, reach).clamp(min=SMALLEST_OVERLAP)
    energy_b = _shifted_products(a.body, b.energy, size, reach).clamp(min=SMALLEST_OVERLAP * share)
    correlation = product_ / (energy_a * energy_b).sqrt()
    value, index = correlation.flatten(1).max(dim=1)
    last, *others = torch.unravel_index(index, correlation.shape[1:])
    return value, torch.stack([*others, last], dim=1) - reach


def _shifted_products(a: Tensor, b: Tensor, size: tuple[int, ...], reach: int) -> Tensor:
    """Return the sum over nodes and modalities of a times shifted b, ``(P, 2 reach + 1, ...)``, one for each shift.

    The last axis comes first.
    """
    products = (a.conj() * b).sum(dim=1)
    products = products @ _inverse_transform(size[-1], reach, halved=True).to(products.device)
    for side in size[:-1]:  # the axis that comes first goes last
        matrix = _inverse_transform(side, reach, halved=False).to(products.device)
        products = torch.tensordot(products, matrix, dims=([1], [0]))
    return products.real


@lru_cache(maxsize=16)
def _inverse_transform(side: int, reach: int, *, halved: bool) -> Tensor:
    """Return the matrix ``(frequencies, 2 reach + 1)`` of an inverse Fourier transform at the shifts alone.

    Few shifts are asked for, so that the product with a matrix takes less time than the transform of the whole axis.

    Args:
        side: Nodes of the axis.
        reach: Largest shift [nodes].
        halved: Whether the frequencies are those that `torch.fft.rfft` keeps: each of the others, whose values are the
            complex conjugates, counts with its counterpart, and the real part of the result is the transform.
    """
    frequency = torch.arange(side // 2 + 1 if halved else side, dtype=torch.float64)
    shift = torch.arange(-reach, reach + 1, dtype=torch.float64)
    angle = 2 * math.pi / side * frequency[:, None] * shift
    size = torch.full_like(angle, 1 / side)
    if halved:
        size[(frequency > 0) & (2 * frequency < side)] *= 2
    return torch.polar(size, angle).to(torch.complex64)
