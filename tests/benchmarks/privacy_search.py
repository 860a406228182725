"""Station: the copy search, against the same search by plain products and fast Fourier transforms in PyTorch.

Images are textures of their own, so that their number is free; 5 % of the queries are noisy copies. The privacy audit
makes four such searches of volumes and five of plane images, in one view each; here all views count.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, product
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from benchmarks.measure import Comparison
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.privacy.views import views_of
from synthtrust.metrics.functional import TextureBank, most_similar, texture_bank
from synthtrust.metrics.functional.pieces import piecewise_correlation
from synthtrust.metrics.functional.variants import Pieces, Variant

NEIGHBOURS, REACH = 6, 4
ROUNDING, MOST_TIES = 1e-5, 1e-3
Result = list[tuple[Tensor, Tensor]]


def banks(n: int, side: int, n_axes: int) -> tuple[TextureBank, TextureBank]:
    """Return n queries and n images of a reference; every twentieth query is a copy of its counterpart with noise."""
    rng = np.random.default_rng(0)

    def textures() -> Iterator[np.ndarray]:
        for _ in range(n):
            yield gaussian_filter(rng.normal(size=(side,) * n_axes), 1.0)

    reference = list(textures())
    queries = [
        reference[i] + rng.normal(0, 0.1 * image.std(), image.shape) if i % 20 == 0 else image
        for i, image in enumerate(textures())
    ]
    margin = 2 if n_axes == 3 else 1
    first, second = (texture_bank((torch.from_numpy(x)[None] for x in s), side, margin) for s in (queries, reference))
    return first, second


def searched(queries: TextureBank, reference: TextureBank, views: Sequence[Sequence[Variant]]) -> Result:
    """Search in every view with the product."""
    return [most_similar(queries, reference, NEIGHBOURS, variants=variants) for variants in views]


def plainly_searched(queries: TextureBank, reference: TextureBank, views: Sequence[Sequence[Variant]]) -> Result:
    """Search in every view as it would be written without this project: every product is made, pair by pair."""
    result = []
    for variants in views:
        parts = [_plainly(queries.take(slice(i, i + 50)), reference, variants) for i in range(0, len(queries), 50)]
        result.append((torch.cat([value for value, _ in parts]), torch.cat([index for _, index in parts])))
    return result


def _plainly(queries: TextureBank, reference: TextureBank, variants: Sequence[Variant]) -> tuple[Tensor, Tensor]:
    n_axes = queries.fine.ndim - 2
    axes = tuple(range(-n_axes, 0))
    every_flip = [flip for m in range(n_axes + 1) for flip in combinations(axes, m)]
    ways = [(variant, flip) for variant in variants for flip in (every_flip if variant.is_mirrored else [()])]
    side = reference.coarse.shape[-1]
    reach = -(-side // 16)
    scores = []
    for variant, flip in ways:
        padded = F.pad(variant.coarse(queries), (reach, reach) * n_axes).flip(flip)
        best = torch.full((len(queries), len(reference)), -torch.inf)
        for start in product(range(2 * reach + 1), repeat=n_axes):
            window = padded[(slice(None), slice(None), *(slice(s, s + side) for s in start))]
            best = torch.maximum(best, window.flatten(1) @ reference.coarse.flatten(1).T)
        scores.append(best / variant.coarse_norm(reference.coarse))
    score, way = torch.stack(scores).max(dim=0)
    index = score.topk(NEIGHBOURS, dim=1).indices
    similarity = torch.empty(index.shape)
    for i, (variant, flip) in enumerate(ways):
        rows, columns = (way.gather(1, index) == i).nonzero().unbind(dim=1)
        if len(rows):
            similarity[rows, columns] = _masked_correlation(
                queries.take(rows), reference.take(index[rows, columns]).mirrored(flip), variant
            )
    value, order = similarity.topk(NEIGHBOURS, dim=1)
    return value, index.gather(1, order)


def _masked_correlation(first: TextureBank, second: TextureBank, variant: Variant) -> Tensor:
    """Return the highest correlation over shifts on the full grid of pairs, in blocks of 64."""
    axes = tuple(range(2, first.fine.ndim))
    size = (first.fine.shape[-1] + REACH,) * len(axes)
    shifts = torch.arange(-REACH, REACH + 1)
    best = []
    for i in range(0, len(first), 64):
        one, other = first.take(slice(i, i + 64)), second.take(slice(i, i + 64))
        fine, body = variant.fine(one)
        a, b = ([x, x**2, mask.float()] for x, mask in ((fine, body), (other.fine, other.body)))
        a, b = ([torch.fft.rfftn(x, s=size, dim=axes) for x in images] for images in (a, b))
        pairs = ((a[0], b[0]), (a[1], b[2]), (a[2], b[1]))
        sums = [torch.fft.irfftn((x.conj() * y).sum(dim=1), s=size) for x, y in pairs]
        for axis in range(1, len(axes) + 1):
            sums = [x.index_select(axis, shifts % size[0]) for x in sums]
        correlation = sums[0] / (sums[1].clamp(min=0.5) * sums[2].clamp(min=0.5 * variant.share)).sqrt()
        value, at = correlation.flatten(1).max(dim=1)
        if isinstance(variant, Pieces):
            shift = torch.stack(torch.unravel_index(at, correlation.shape[1:]), dim=1) - REACH
            value = piecewise_correlation(one, other, shift)
        best.append(value)
    return torch.cat(best).clamp(-1, 1)


def agreement(found: Result, plainly: Result | None) -> str:
    """Say how far similarities lie apart, and of how many planted copies the nearest image is their original.

    Where the sixth and the seventh image are equally alike on half the grid, rounding decides which one is compared on
    the full grid; so a row in a thousand may differ, but not in its nearest image.

    Raises:
        ValueError: If similarities differ by more than rounding, or a copy is not found.
    """
    planted = torch.arange(0, len(found[0][1]), 20)
    n_found = int((found[0][1][planted, 0] == planted).sum())
    if n_found < len(planted):
        raise ValueError(f"Expected {len(planted)} copies to find their originals, but got {n_found}.")
    text = f"{n_found} of {len(planted)} copies find their originals"
    if plainly is None:
        return text
    apart = torch.cat([(value - other).abs() for (value, _), (other, _) in zip(found, plainly, strict=True)])
    is_tie = apart.amax(dim=1) > ROUNDING
    if (apart[:, 0] > ROUNDING).any() or is_tie.double().mean() > MOST_TIES:
        raise ValueError(
            f"Expected equal similarities, but {int(is_tie.sum())} of {len(apart)} rows lie up to "
            f"{float(apart.max()):.1e} apart."
        )
    text = f"similarities at most {float(apart[~is_tie].max()):.0e} apart; {text}"
    return f"{text}; of {len(apart):,} rows {int(is_tie.sum())} differ by a tie for the sixth" if is_tie.any() else text


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return searches of volumes and of plane images at two sizes; the larger ones without the peer, for time."""
    for kind, n_axes, side, sizes, n_largest in (
        ("volumes, 32 x 32 x 32", 3, 32, (20, 40) if is_quick else (125, 250), 1000),
        ("images, 28 x 28", 2, 28, (100, 200) if is_quick else (625, 1250), 5000),
    ):
        views = [view.variants for view in views_of((side,) * n_axes, 1, PrivacySettings())]
        for n in sizes if is_quick else (*sizes, n_largest):
            first, second = banks(n, side, n_axes)
            arguments = (first, second, views)
            peer: Callable[[], Result] | None = None if n == n_largest else partial(plainly_searched, *arguments)
            yield Comparison(
                f"Copy search: {kind}",
                f"{n:,} queries in {n:,}, all {len(views)} views",
                partial(searched, *arguments),
                f"{n_largest:,} in {n_largest:,} in 60 s and 1 GiB",
                peer,
                "plain products, `torch.fft`" if peer else "",
                agreement,
                rounds=1 if is_quick or n == n_largest else 3,
                size=n,
                grows_with="queries and images of the reference",
            )
