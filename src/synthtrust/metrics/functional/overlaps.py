"""How much texture of two images lies in the body of the other, when one is moved, and the correlation over that part.

Of plane images the overlaps are computed at all shifts. A volume has nine times as many, of which a few can be the
best: there only those are looked at.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.metrics.functional.spectra import shifted_products, spectrum

SMALLEST_OVERLAP = 0.5
"""Share of either image's texture that the overlap is taken to hold at least: less would let chance win."""


class PlaneOverlap(NamedTuple):
    """Plane images, ready for their overlaps with others at all shifts."""

    energy: Tensor
    """Spectra of the squares of the interiors ``(N, C, ...)``."""
    body: Tensor
    """Spectra of the bodies."""

    @classmethod
    def of(cls, fine: Tensor, body: Tensor, reach: int) -> "PlaneOverlap":
        """Make interiors and bodies ``(N, C, s, s)`` ready for shifts up to this reach."""
        return cls(spectrum(fine**2, reach), spectrum(body.float(), reach))

    def take(self, index: Tensor) -> "PlaneOverlap":
        """Return those of the images with these indices."""
        return PlaneOverlap(self.energy[index], self.body[index])

    def best(self, products: Tensor, fine: Tensor, body: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Return the highest correlation of each pair ``(P,)``, and the shift ``(P, 2)`` of these images in the others.

        Args:
            products: The sums over nodes of these P images times the shifted others ``(P, 2 reach + 1, ...)``.
            fine: The interiors of the others.
            body: Their bodies.
            share: Share of the texture of the others that these images hold.
        """
        reach = products.shape[1] // 2
        others = PlaneOverlap.of(fine, body, reach)
        energy = shifted_products(self.energy, others.body, reach).clamp(min=SMALLEST_OVERLAP)
        energy_of_others = shifted_products(self.body, others.energy, reach).clamp(min=SMALLEST_OVERLAP * share)
        correlation = products / (energy * energy_of_others).sqrt()
        value, index = correlation.flatten(1).max(dim=1)
        return value, torch.stack(torch.unravel_index(index, correlation.shape[1:]), dim=1) - reach


class VolumeOverlap(NamedTuple):
    """Volumes, ready for their overlaps with others at single shifts.

    Each is a row with so many zeros after each axis that a shift is an offset in the row.
    """

    energy: list[NDArray[np.float32]]
    """Squares of the interior, for each image ``(C * room ** 3,)``."""
    body: list[NDArray[np.float32]]
    """The body, likewise, of 0 and 1."""
    room: int
    """Numbers along an axis of a row."""

    @classmethod
    def of(cls, fine: Tensor, body: Tensor, reach: int) -> "VolumeOverlap":
        """Make interiors and bodies ``(N, C, s, s, s)`` ready for shifts up to this reach."""
        pad = (0, reach) * (fine.ndim - 2)
        energy, bodies = (list(F.pad(x, pad).flatten(1).cpu().numpy()) for x in (fine**2, body.float()))
        return cls(energy, bodies, fine.shape[-1] + reach)

    def take(self, index: Tensor) -> "VolumeOverlap":
        """Return those of the images with these indices."""
        rows = index.tolist()
        return VolumeOverlap([self.energy[i] for i in rows], [self.body[i] for i in rows], self.room)

    def best(self, products: Tensor, fine: Tensor, body: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """Return the highest correlation of each pair ``(P,)``, and the shift ``(P, 3)`` of these images in the others.

        An overlap holds at least half of the texture by definition, so that a product bounds its correlation from
        above. Only where this bound is above the best correlation so far is the overlap computed: the result is exact.

        The arguments are those of `PlaneOverlap.best`.
        """
        reach, n_axes = products.shape[1] // 2, products.ndim - 1
        others = VolumeOverlap.of(fine, body, reach)
        shifts = torch.cartesian_prod(*[torch.arange(-reach, reach + 1)] * n_axes)
        offsets = (shifts @ torch.tensor([self.room**axis for axis in reversed(range(n_axes))])).tolist()
        least, least_of_others = SMALLEST_OVERLAP, SMALLEST_OVERLAP * share
        values = products.flatten(1).cpu()
        bound = torch.where(values > 0, values / math.sqrt(least * least_of_others), values)
        best, best_at = [-math.inf] * len(values), [0] * len(values)

        def look(pair: int, at: int, value: float) -> None:
            """Compute the correlation at one shift, and keep it if it is the best so far."""
            energy = max(_product(self.energy[pair], others.body[pair], offsets[at]), least)
            if 0 < value <= best[pair] * math.sqrt(energy * least_of_others):
                return
            energy *= max(_product(self.body[pair], others.energy[pair], offsets[at]), least_of_others)
            if (correlation := value / math.sqrt(energy)) > best[pair]:
                best[pair], best_at[pair] = correlation, at

        for pair, (value, at) in enumerate(zip(*(x.tolist() for x in values.max(dim=1)))):
            look(pair, at, value)
        pairs, places = (bound > torch.tensor(best)[:, None]).nonzero().unbind(dim=1)
        limits, order = bound[pairs, places].sort(descending=True)
        pairs, places = pairs[order], places[order]
        left = (pairs.tolist(), places.tolist(), limits.tolist(), values[pairs, places].tolist())
        for pair, at, limit, value in zip(*left, strict=True):
            if limit > best[pair] and at != best_at[pair]:
                look(pair, at, value)
        return torch.tensor(best, device=products.device), shifts[best_at].to(products.device)


def _product(a: NDArray[np.float32], b: NDArray[np.float32], offset: int) -> float:
    """Return the product of a row with one that is moved to the left; numpy starts sooner than torch."""
    return float(np.dot(a[: len(a) - offset], b[offset:]) if offset >= 0 else np.dot(a[-offset:], b[:offset]))
