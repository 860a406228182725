"""Planted faults: real cases made worse on purpose, which the comparison has to notice at the n that there is."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from synthtrust.audits.fidelity.cases import CaseFeatures
from synthtrust.audits.fidelity.measures import EmbeddedSets, Resampling, Row, row
from synthtrust.metrics.functional.kernel_distance import kid
from synthtrust.metrics.functional.manifold import manifold

BLURRED, REPEATED = "blurred", "repeated"
SEEN = 0.8
"""Share of draws in which a fault has to show for the comparison to count as able to see it."""


def control_rows(
    name: str, sets: Mapping[str, EmbeddedSets], blurred: Sequence[CaseFeatures], blur: float, resampling: Resampling
) -> list[Row]:
    """Return, for each feature space, the share of draws in which a planted fault lies outside the real floor.

    ``blurred``: the other half of the real cases after a Gaussian, by KID. ``repeated``: a quarter of the other half,
    four times each, by coverage.

    Args:
        name: Name of the synthetic set.
        sets: Feature space -> the sets; halves are drawn of the real one.
        blurred: The same real cases, in the same order, blurred.
        blur: The Gaussian [voxels].
        resampling: How many draws, and their seed.
    """
    rows = []
    for space, embedded in sets.items():
        x = embedded.real
        worse = embedded.pca.transform(torch.stack([case.spaces[space].double() for case in blurred]))
        n = min(len(x) // 2, len(embedded.synthetic))
        halves = _halves(len(x), n, resampling)
        near, far = (torch.tensor([kid(x[a], other[b]) for a, b in halves]) for other in (x, worse))
        share = float((far > near.quantile(0.975)).double().mean())
        note = f"Gaussian of {blur:g} voxels, by KID; {n} on each side in each of {len(halves)} draws."
        rows.append(row(name, space, BLURRED, share, expected=SEEN, n_real=n, n_synthetic=n, note=note))
        if n > 2 * resampling.k:
            full, few = (
                torch.tensor([_coverage(x[a], x[_repeated(b, parts)], resampling.k) for a, b in halves])
                for parts in (1, 4)
            )
            share = float((few < full.quantile(0.025)).double().mean())
            note = f"A quarter of the cases, four times each, by coverage; {n} on each side."
            rows.append(row(name, space, REPEATED, share, expected=SEEN, n_real=n, n_synthetic=n, note=note))
    return rows


def unseen(rows: Sequence[Row]) -> list[str]:
    """Return the planted faults that no feature space shows."""
    faults = [BLURRED, REPEATED]
    return [fault for fault in faults if max((r["value"] for r in rows if r["measure"] == fault), default=0.0) < SEEN]


def _halves(n_rows: int, n: int, resampling: Resampling) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(resampling.seed)
    orders = [torch.from_numpy(rng.permutation(n_rows)) for _ in range(resampling.n_draws)]
    return [(order[:n], order[n : 2 * n]) for order in orders]


def _repeated(index: Tensor, parts: int) -> Tensor:
    """Return the first of ``parts`` parts of an index, repeated to its length."""
    part = index[: max(len(index) // parts, 1)]
    return part.repeat(parts + 1)[: len(index)]


def _coverage(real: Tensor, other: Tensor, k: int) -> float:
    return manifold(real, other, k).coverage
