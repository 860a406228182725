"""Planted faults: real cases made worse on purpose, which the comparison has to notice at the n that there is."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from synthtrust.audits.fidelity.cases import Reduced
from synthtrust.audits.fidelity.measures import Clouds, Draws, Row, row
from synthtrust.metrics.functional.kernel_distance import kid
from synthtrust.metrics.functional.manifold import manifold

BLURRED, REPEATED = "blurred", "repeated"
SEEN = 0.8
"""Share of draws in which a fault has to show for the comparison to count as able to see it."""


def control_rows(
    name: str, both: Mapping[str, Clouds], blurred: Sequence[Reduced], blur: float, draws: Draws
) -> list[Row]:
    """Return, for each feature space, the share of draws in which a planted fault lies outside the real floor.

    ``blurred``: the other half of the real cases after a Gaussian, by KID. ``repeated``: a quarter of the other half,
    four times each, by coverage.

    Args:
        name: The name of the set.
        both: Feature space -> both sides; the real one is drawn from.
        blurred: The same real cases, in the same order, blurred.
        blur: The Gaussian [voxels].
        draws: How many draws.
    """
    rows = []
    for space, cloud in both.items():
        x = cloud.real
        worse = cloud.pca.transform(torch.stack([one.spaces[space].double() for one in blurred]))
        n = min(len(x) // 2, len(cloud.synthetic))
        halves = _halves(len(x), n, draws)
        near, far = (torch.tensor([kid(x[a], other[b]) for a, b in halves]) for other in (x, worse))
        share = float((far > near.quantile(0.975)).double().mean())
        note = f"Gaussian of {blur:g} voxels, by KID; {n} on each side in each of {len(halves)} draws."
        rows.append(row(name, space, BLURRED, share, expected=SEEN, n_real=n, n_synthetic=n, note=note))
        if n > 2 * draws.k:
            full, few = (
                torch.tensor([_coverage(x[a], x[_some(b, parts)], draws.k) for a, b in halves]) for parts in (1, 4)
            )
            share = float((few < full.quantile(0.025)).double().mean())
            note = f"A quarter of the cases, four times each, by coverage; {n} on each side."
            rows.append(row(name, space, REPEATED, share, expected=SEEN, n_real=n, n_synthetic=n, note=note))
    return rows


def unseen(rows: Sequence[Row]) -> list[str]:
    """Return the planted faults that no feature space shows."""
    faults = [BLURRED, REPEATED]
    return [fault for fault in faults if max((r["value"] for r in rows if r["measure"] == fault), default=0.0) < SEEN]


def _halves(n_rows: int, n: int, draws: Draws) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(draws.seed)
    orders = [torch.from_numpy(rng.permutation(n_rows)) for _ in range(draws.n_draws)]
    return [(order[:n], order[n : 2 * n]) for order in orders]


def _some(index: Tensor, parts: int) -> Tensor:
    """Return the first of ``parts`` parts of an index, repeated to its length."""
    part = index[: max(len(index) // parts, 1)]
    return part.repeat(parts + 1)[: len(index)]


def _coverage(real: Tensor, other: Tensor, k: int) -> float:
    return manifold(real, other, k).coverage
