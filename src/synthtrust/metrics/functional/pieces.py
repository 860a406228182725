"""The correlation of two interiors piece by piece, each moved a little by itself: an elastic warp keeps its pieces."""

from functools import lru_cache
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.metrics.functional.interiors import TextureBank

PIECES = 4
"""Pieces along each axis; as many again lie between them."""
OWN_REACH = 1
"""Largest shift of a piece by itself, along each axis [nodes]. With 2, what honest images reach by chance grew more."""
LEAST_ENERGY = 0.1
"""Share of the energy of an average piece that each is taken to hold at least: a piece of air decides nothing."""


def piecewise_correlation(first: TextureBank, second: TextureBank, shift: Tensor) -> Tensor:
    r"""Return the mean correlation of overlapping pieces of P pairs, each piece in its own best shift, ``(P,)``.

    With pieces B of a quarter of the side, every half a piece, t the shift of the whole image and u that of a piece,

    .. math:: s = \frac{1}{|\mathcal B|} \sum_B \max_{|u| \le 1}
              \frac{\sum_{x \in B} a_x b_{x+t+u}}{\sqrt{\sum_{x \in B} a_x^2 \sum_{x \in B} b_{x+t+u}^2}}

    over the nodes that lie in both bodies.

    Args:
        first: P images.
        second: As many.
        shift: Where the nodes of the first lie in the second as a whole ``(P, axes)`` [nodes].

    >>> from synthtrust.metrics.functional.interiors import texture_bank
    >>> images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> bank = texture_bank(images, grid=32)
    >>> piecewise_correlation(bank, bank, torch.zeros(2, 2, dtype=torch.long)).round(decimals=2).tolist()
    [1.0, 1.0]
    """
    a, body_a = first.fine, first.body.float()
    n_axes, side = a.ndim - 2, a.shape[-1]
    b, body_b = (_moved(x, shift, OWN_REACH) for x in (second.fine, second.body.float()))
    least = LEAST_ENERGY * (side // PIECES / side) ** n_axes
    correlations = []
    for start in product(range(2 * OWN_REACH + 1), repeat=n_axes):
        window = (slice(None), slice(None), *(slice(s, s + side) for s in start))
        moved, body = b[window], body_b[window]
        energy = _of_pieces(a**2 * body).clamp(min=least) * _of_pieces(moved**2 * body_a).clamp(min=least)
        correlations.append(_of_pieces(a * moved) / energy.sqrt())
    return torch.stack(correlations).amax(dim=0).flatten(1).mean(dim=1)


def _of_pieces(x: Tensor) -> Tensor:
    """Sum over the nodes of each piece and over modalities."""
    total, within = x.sum(dim=1), _pieces_along(x.shape[-1]).to(x.device)
    for axis in range(1, total.ndim - 1):
        shape = total.shape
        total = (within @ total.flatten(0, axis - 1).flatten(2)).reshape(*shape[:axis], -1, *shape[axis + 1 :])
    return total @ within.T


@lru_cache(maxsize=8)
def _pieces_along(side: int) -> Tensor:
    """Return which nodes of an axis are in each piece, ``(pieces, side)`` of 0 and 1."""
    size = side // PIECES
    first = torch.arange(0, side - size + 1, max(1, size // 2))[:, None]
    node = torch.arange(side)
    return ((node >= first) & (node < first + size)).float()


def _moved(x: Tensor, shift: Tensor, margin: int) -> Tensor:
    """Return images of which each begins at its shift, with a margin around them; outside is 0."""
    n_axes, side = x.ndim - 2, x.shape[-1]
    room = margin + int(shift.abs().max()) if len(shift) else margin
    padded = F.pad(x, (room, room) * n_axes)
    nodes = (shift + room - margin)[..., None] + torch.arange(side + 2 * margin, device=x.device)  # (P, axes, nodes)
    images, channels = torch.arange(len(x), device=x.device), torch.arange(x.shape[1], device=x.device)
    where = [images.reshape(-1, *[1] * (n_axes + 1)), channels.reshape(-1, *[1] * n_axes)]
    where += [nodes[:, i].reshape(len(x), 1, *[1] * i, -1, *[1] * (n_axes - i - 1)) for i in range(n_axes)]
    return padded[tuple(where)]
