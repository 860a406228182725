"""Distances to the training data, which are often reported, but decide no verdict here.

Sets that pass such measures may still be open to membership inference, and an honest generator of low diversity fails
them. Each is shown beside the same measure of unseen patients; the verdict rests on P1 to P4.

All functions take features ``(n, d)`` and use Euclidean distances.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.stats import rankdata
from torch import Tensor

from synthtrust.refusals import Refusal

Array = NDArray[np.float64]


def nearest_features(
    queries: Tensor, reference: Tensor, k: int = 1, *, same: bool = False, memory: int = 2**28
) -> tuple[Tensor, Tensor]:
    """Find the k nearest reference rows of each query, exactly and in chunks.

    Args:
        queries: Features ``(Q, d)``.
        reference: Features ``(N, d)``.
        k: Number of neighbours.
        same: Whether queries and reference are the same rows, of which none may find itself.
        memory: Largest size of the matrix of distances that is held at once [bytes].

    Returns:
        ``(distance, index)``, both ``(Q, k)``, nearest first, float64 and int64.

    Raises:
        Refusal: If the shapes do not fit, a feature is NaN or infinite, or there are fewer than k rows to find.

    >>> rows = torch.tensor([[0.0], [1.0], [5.0]])
    >>> nearest_features(rows, rows, same=True)[0].tolist()
    [[1.0], [1.0], [4.0]]
    """
    x, y = features(queries), features(reference)
    if x.shape[1] != y.shape[1] or not 1 <= k <= len(y) - same or (same and len(x) != len(y)):
        raise Refusal(
            f"Expected at least {k + same} reference rows with {x.shape[1]} features, but got {tuple(y.shape)}."
        )
    blocks_of_distances = []
    step = max(1, memory // (16 * len(y)))
    for start in range(0, len(x), step):
        # The matrix-product form of cdist loses the distance of near copies to rounding.
        distance = torch.cdist(x[start : start + step], y, compute_mode="donot_use_mm_for_euclid_dist")
        if same:
            row = torch.arange(len(distance))
            distance[row, row + start] = torch.inf
        blocks_of_distances.append(distance.topk(k, dim=1, largest=False))
    return torch.cat([values for values, _ in blocks_of_distances]), torch.cat(
        [index for _, index in blocks_of_distances]
    )


def dcr_quantiles(
    train: Tensor, holdout: Tensor, synthetic: Tensor, quantiles: Sequence[float] = (0.01, 0.05, 0.5)
) -> dict[float, tuple[float, float]]:
    """Return quantiles of the distance to the closest training record, for synthetic and for unseen rows.

    Returns:
        For each quantile ``(synthetic, holdout)``, in the unit of the features. A leak lowers the first far below the
        second, but so does the low diversity of an honest generator.

    Raises:
        Refusal: If `nearest_features` refuses the rows.

    >>> dcr_quantiles(torch.tensor([[0.0]]), torch.tensor([[3.0], [5.0]]), torch.tensor([[0.0], [1.0]]), [0.5])
    {0.5: (0.5, 4.0)}
    """
    ours, unseen = (nearest_features(x, train)[0][:, 0].numpy() for x in (synthetic, holdout))
    return {q: (float(np.quantile(ours, q)), float(np.quantile(unseen, q))) for q in quantiles}


def nndr_ratio(train: Tensor, holdout: Tensor, synthetic: Tensor) -> float:
    """Return the median nearest-neighbour distance ratio of synthetic rows over that of unseen rows.

    The ratio of a row is the distance to its nearest over that to its second nearest training row. A value of about 1
    is honest; one far below 1 is a leak, which near-duplicates in the training set may hide. Rows that lie on two
    training rows at once (0/0) are left out.

    Raises:
        Refusal: If there are fewer than two training rows, or `nearest_features` refuses the rows.

    >>> train = torch.tensor([[0.0], [10.0]])
    >>> round(nndr_ratio(train, torch.tensor([[4.0]]), torch.tensor([[1.0]])), 4)  # (1/9) / (4/6)
    0.1667
    """
    medians = []
    for rows in (synthetic, holdout):
        distance = nearest_features(rows, train, k=2)[0]
        medians.append(float((distance[:, 0] / distance[:, 1]).nanmedian()))
    return medians[0] / medians[1] if medians[1] > 0 else float("nan")


def authenticity(train: Tensor, synthetic: Tensor) -> float:
    """Return the share of synthetic rows that are farther from their nearest training row than its own nearest one is.

    It is 0 for a replay. The value of an honest generator depends on the dimension (.38, .57, .75 for 2, 8, 32 normal
    features), so compare it with that of unseen rows, ``authenticity(train, holdout)``. A public implementation
    differs: it looks up the spacing of the training rows by the number of the synthetic row, not of the training row.

    Source: Alaa et al., "How Faithful is your Synthetic Data?" (ICML 2022).

    Raises:
        Refusal: If there are fewer than two training rows, or `nearest_features` refuses the rows.

    >>> authenticity(torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([[0.1], [11.0], [3.0]]))  # only 3 is farther
    0.3333333333333333
    """
    distance, index = nearest_features(synthetic, train)
    spacing = nearest_features(train, train, same=True)[0][:, 0]
    return float((distance[:, 0] > spacing[index[:, 0]]).double().mean())


def closeness_z(train: Tensor, holdout: Tensor, synthetic: Tensor) -> float:
    r"""Return Z_U, which tells whether synthetic rows are closer to the training rows than unseen rows are.

    With U the number of pairs in which the synthetic row is farther than the unseen one,
    :math:`Z_U = (U - nm/2 + 1/2) / \sqrt{nm(n+m+1)/12}`.
    It is about 0 for an honest generator. Far below 0 synthetic rows are closer: a leak, or low diversity.

    Source: Meehan et al., "A non-parametric test to detect data-copying" (2020).

    Raises:
        Refusal: If `nearest_features` refuses the rows.

    >>> x = torch.arange(100.0)[:, None] * 10
    >>> round(closeness_z(x, x + 3, x), 4)  # every copy is nearer: the lowest value for 100 and 100 rows
    -12.2157
    """
    ours, unseen = (nearest_features(rows, train)[0][:, 0].numpy() for rows in (synthetic, holdout))
    return _z(ours, unseen)


def copying_statistic(
    train: Tensor, holdout: Tensor, synthetic: Tensor, *, n_cells: int = 3, fewest: int = 20, seed: int = 0
) -> float:
    """Return C_T, the mean of Z_U over cells of the feature space, weighted by the number of unseen rows in each.

    Cells are clusters of the training rows (k-means). Cells with fewer than ``fewest`` synthetic rows or without unseen
    rows are left out; NaN if none remains. The source calls values below -3 copying, but a leak of 10 % gave -1.3, and
    an honest generator of low diversity -4 to -8.

    Source: Meehan et al., "A non-parametric test to detect data-copying" (2020).

    Raises:
        Refusal: If there are fewer than ``n_cells`` training rows, or `nearest_features` refuses the rows.

    >>> x = torch.arange(100.0)[:, None] * 10
    >>> round(copying_statistic(x, x + 3, x, n_cells=1), 4)
    -12.2157
    """
    if len(train) < n_cells:
        raise Refusal(f"Expected at least {n_cells} training rows for {n_cells} cells, but got {len(train)}.")
    centres, _ = kmeans2(features(train).numpy(), n_cells, minit="++", rng=np.random.default_rng(seed))
    cells = torch.from_numpy(centres)
    of_unseen, of_ours = (nearest_features(rows, cells)[1][:, 0].numpy() for rows in (holdout, synthetic))
    ours, unseen = (nearest_features(rows, train)[0][:, 0].numpy() for rows in (synthetic, holdout))
    n_ours, n_unseen = (np.bincount(cell_of, minlength=n_cells) for cell_of in (of_ours, of_unseen))
    kept = [cell for cell in range(n_cells) if n_ours[cell] >= fewest and n_unseen[cell]]
    if not kept:
        return float("nan")
    z = [_z(ours[of_ours == cell], unseen[of_unseen == cell]) for cell in kept]
    return float(np.average(z, weights=n_unseen[kept]))


def features(rows: Tensor) -> Tensor:
    """Return features as float64 ``(n, d)`` on the CPU; refuse what are no finite features."""
    x = torch.as_tensor(rows).detach().double().cpu()
    if x.ndim != 2 or 0 in x.shape:
        raise Refusal(f"Expected features (n, d) with at least one row, but got shape {tuple(x.shape)}.")
    bad = (~x.isfinite()).any(dim=1).nonzero().flatten().tolist()
    if bad:
        raise Refusal(f"Expected finite features, but got NaN or infinity in {len(bad)} rows, index {bad[:20]}.")
    return x


def _z(ours: Array, unseen: Array) -> float:
    n, m = len(unseen), len(ours)
    u = rankdata(np.concatenate([ours, unseen]))[:m].sum() - m * (m + 1) / 2
    return float((u - n * m / 2 + 0.5) / (n * m * (n + m + 1) / 12) ** 0.5)
