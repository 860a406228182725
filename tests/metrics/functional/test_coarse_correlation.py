"""Shared products give the values of the plain ones, for every variant, mirroring and shift."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.metrics.functional.coarse_correlation import CoarseReference, coarse_reach, flips
from synthtrust.metrics.functional.interiors import TextureBank
from synthtrust.metrics.functional.masked_correlation import Way
from synthtrust.metrics.functional.variants import Pieces, Pose, parts, poses


def bank(n, n_modalities, side, n_axes, seed):
    """Random images of norm 1 whose half grid has this side."""
    random = torch.Generator().manual_seed(seed)
    fine = torch.randn(n, n_modalities, *[2 * side] * n_axes, generator=random)
    coarse = torch.randn(n, n_modalities, *[side] * n_axes, generator=random)
    coarse /= coarse.flatten(1).norm(dim=1).reshape(-1, *[1] * (n_axes + 1))
    return TextureBank(fine, torch.ones_like(fine, dtype=torch.bool), coarse)


def plain(queries, reference, way):
    """Return the best product over shifts of each pair, one shift after the other, ``(Q, N)``."""
    x, n_axes = way.variant.coarse(queries), queries.coarse.ndim - 2
    side, reach = x.shape[-1], coarse_reach(x)
    padded = F.pad(x, (reach, reach) * n_axes).flip(way.mirrored)
    products = []
    for start in product(range(2 * reach + 1), repeat=n_axes):
        window = padded[(slice(None), slice(None), *(slice(s, s + side) for s in start))]
        products.append(window.flatten(1) @ reference.coarse.flatten(1).T)
    return torch.stack(products).amax(dim=0) / way.variant.coarse_norm(reference.coarse)


@pytest.mark.parametrize(
    ("n_axes", "side", "n_modalities"), [(3, 16, 1), (3, 8, 2), (3, 6, 1), (2, 14, 1), (2, 9, 2), (2, 20, 1)]
)
def test_every_way_has_the_score_of_plain_products(n_axes, side, n_modalities):
    queries, reference = (bank(n, n_modalities, side, n_axes, n) for n in (3, 5))
    extent = (20, 30, 25)[:n_axes]
    mirrored = [Way(variant, flip) for variant in (Pose(), Pieces()) for flip in flips(n_axes)]
    others = [Way(variant, ()) for variant in (*parts(n_axes, n_modalities), *poses(extent, [6], [0.9])[1:])]
    for ways in (mirrored, others):
        expected = torch.stack([plain(queries, reference, way) for way in ways])
        for memory in (2**28, 1):
            score, way = CoarseReference(reference, ways).scores(queries, memory)
            torch.testing.assert_close(score, expected.amax(dim=0), atol=5e-6, rtol=0)
            torch.testing.assert_close(expected.gather(0, way[None])[0], score, atol=5e-6, rtol=0)
