"""A warped copy lies on its original piece by piece, and the formula is the one that is written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from synthtrust.metrics.functional.interiors import texture_bank
from synthtrust.metrics.functional.pieces import piecewise_correlation
from synthtrust.metrics.functional.similarity import most_similar
from synthtrust.metrics.functional.variants import Pieces

SIDE = 48


def ready(images):
    return texture_bank([torch.from_numpy(np.ascontiguousarray(image))[None] for image in images], SIDE, margin=1)


def textures(n, seed=0):
    rng = np.random.default_rng(seed)
    return [gaussian_filter(rng.normal(size=(SIDE, SIDE)), 1.0) for _ in range(n)]


def warped(image, rng, size=1.0):
    fields = [gaussian_filter(rng.normal(size=image.shape), SIDE / 7) for _ in range(2)]
    return map_coordinates(
        image, [axis + size * field / field.std() for axis, field in zip(np.indices(image.shape), fields)],
        order=1, mode="nearest",
    )  # fmt: skip


def test_the_pieces_of_warped_mirrored_copies_lie_on_their_originals_and_those_of_others_do_not():
    rng, images = np.random.default_rng(1), textures(16)
    copies, originals = ready([warped(image, rng)[::-1] for image in images[:6]]), ready(images)
    whole, _ = most_similar(copies, originals, 2)
    pieces, index = most_similar(copies, originals, 2, variants=[Pieces()])
    assert index[:, 0].tolist() == list(range(6))
    assert (pieces[:, 0] > whole[:, 0]).all()
    assert (pieces[:, 0] - pieces[:, 1]).mean() > (whole[:, 0] - whole[:, 1]).mean()


@pytest.mark.parametrize("shift", [(0, 0), (2, -3)])
def test_the_correlation_is_the_mean_over_pieces_of_the_best_at_shifts_of_one_node(shift):
    a, b = ready(textures(2)).take(slice(0, 1)), ready(textures(2, seed=3)).take(slice(0, 1))
    everywhere = torch.ones_like(a.body)
    a, b = replace(a, body=everywhere), replace(b, body=everywhere)
    x, y = a.fine[0, 0].numpy(), np.pad(b.fine[0, 0].numpy(), 8)
    size, values = SIDE // 4, []
    for i in range(0, SIDE - size + 1, size // 2):
        for j in range(0, SIDE - size + 1, size // 2):
            best = -1.0
            for u, v in np.ndindex(3, 3):
                r, c = 8 + shift[0] + u - 1, 8 + shift[1] + v - 1
                piece, other = x[i : i + size, j : j + size], y[i + r : i + r + size, j + c : j + c + size]
                inside = np.pad(np.ones((SIDE, SIDE)), 8)[i + r : i + r + size, j + c : j + c + size]
                energy = np.maximum([(piece**2 * inside).sum(), (other**2).sum()], 0.1 / 16)
                best = max(best, (piece * other).sum() / np.sqrt(energy.prod()))
            values.append(best)
    assert piecewise_correlation(a, b, torch.tensor([shift])).item() == pytest.approx(np.mean(values), abs=1e-5)


def test_volumes_have_pieces_too():
    images = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    bank = texture_bank(images, 16, margin=1)
    same = piecewise_correlation(bank, bank, torch.zeros(2, 3, dtype=torch.long))
    other = piecewise_correlation(bank, bank.take(torch.tensor([1, 0])), torch.zeros(2, 3, dtype=torch.long))
    assert (same > 0.95).all()
    assert (other < 0.6).all()
