"""KID and the RBF maximum mean discrepancy: how far two sets of features lie apart, unbiased at every size.

Zero is expected for equal distributions at any n, and single values may be negative; strongly negative against the
generator's own training images means that it repeats them (KID -.08 for a replay). Compare with unseen images.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthtrust.metrics.functional.nearest_distance import features
from synthtrust.metrics.functional.student import t_quantile
from synthtrust.refusals import Refusal

FEWEST = 10
"""Patients (or synthetic images) on a side below which the interval and the test are not computed."""


@dataclass(frozen=True)
class KernelDistance:
    """A squared maximum mean discrepancy with its doubt."""

    value: float
    low: float
    """Limits by the jackknife over patients, see `kernel_test`. Near 0 they are wider than promised: read the p."""
    high: float
    p: float
    """That both sets are of one distribution, by permutation of patients."""
    n_real: int
    """Number of real rows."""
    n_synthetic: int
    level: float = 0.95


def kid(real: Tensor, synthetic: Tensor) -> float:
    r"""Return the kernel inception distance of two sets of features, on all of them.

    The unbiased estimate of the squared maximum mean discrepancy under :math:`k(x, y) = (x \cdot y / d + 1)^3`:

    .. math:: \frac{\sum_{i \ne j} k(x_i, x_j)}{m(m-1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{n(n-1)}
              - \frac{2 \sum_{ij} k(x_i, y_j)}{mn}

    Source: Binkowski et al., "Demystifying MMD GANs" (2018).

    Raises:
        Refusal: If the features differ in number, a side has fewer than two rows, or one holds NaN or infinity.

    >>> kid(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [0.0]]))  # 1 + 1 - 2 * (1 + 1 + 1 + 1) / 4
    0.0
    """
    x, y = two_sets(real, synthetic, fewest=2)
    return _unbiased(kernel_matrix(torch.cat([x, y])), len(x))


def median_bandwidth(rows: Tensor) -> float:
    """Return the median distance between two rows, the usual width of a Gaussian kernel.

    Raises:
        Refusal: If there are fewer than two rows or more than half of the pairs are equal.

    >>> median_bandwidth(torch.tensor([[0.0], [1.0], [3.0]]))
    2.0
    """
    distance = torch.pdist(features(rows))
    median = float(distance.median()) if len(distance) else 0.0
    if median == 0:
        raise Refusal(f"Expected rows that differ, but got {len(rows)} of which most are equal.")
    return median


def kernel_test(
    real: Tensor,
    synthetic: Tensor,
    *,
    n_permutations: int = 999,
    seed: int = 0,
    level: float = 0.95,
) -> KernelDistance:
    r"""Return KID with an interval over patients and a permutation p; each row stands for a patient.

    The variance is that of the jackknife over the rows of both sets, which the part that is left where the sets are
    equal is added to (`second_order_variance`). KID is skewed, so the limits are made for its cube root: with
    :math:`s = t_{\min(m, n) - 1} \sqrt V` and :math:`e = \max(KID, s)` they are
    :math:`KID + e ((1 \pm s / (3e))^3 - 1)`. The kernel matrix takes ``8 * (m + n)**2`` bytes: 32 MB for 2,000 rows.

    Args:
        real: Features ``(m, d)``.
        synthetic: Features ``(n, d)``.
        n_permutations: Permutations for the p; it is never below ``1 / (n_permutations + 1)``.
        seed: Seed of the permutations.
        level: Coverage.

    Raises:
        Refusal: As `kid`, or if a side has fewer than 10 patients.

    >>> rng = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(40, 3, generator=rng), torch.randn(40, 3, generator=rng)
    >>> kernel_test(x, y).p > 0.05, kernel_test(x, y + 1).p
    (True, 0.001)
    """
    x, y = two_sets(real, synthetic, fewest=2)
    n_x, n_y = len(x), len(y)
    if min(n_x, n_y) < FEWEST:
        raise Refusal(f"Expected at least {FEWEST} patients on each side for the kernel test, got {n_x} and {n_y}.")
    k = kernel_matrix(torch.cat([x, y]))
    rng = np.random.default_rng(seed)
    is_real = rng.permuted(np.broadcast_to(np.arange(n_x + n_y) < n_x, (n_permutations, n_x + n_y)), axis=1)
    inside = torch.from_numpy(is_real).double()  # (B, m + n)
    null = _weighted_pooled(k, inside, 1 - inside)
    value, without_real, without_synthetic = left_out(k, n_x)
    variance = jackknife_variance(without_real) + jackknife_variance(without_synthetic) + second_order_variance(k, n_x)
    reach = t_quantile((1 + level) / 2, min(n_x, n_y) - 1) * variance**0.5
    scale = max(value, reach)
    low, high = (
        value + scale * ((1 + sign * reach / (3 * scale)) ** 3 - 1) if scale > 0 else value for sign in (-1, 1)
    )
    p = (1 + int((null >= value - 1e-12).sum())) / (n_permutations + 1)
    return KernelDistance(value, low, high, p, n_x, n_y, level)


def left_out(k: Tensor, m: int) -> tuple[float, Tensor, Tensor]:
    """Return KID, and KID without each row in turn.

    Args:
        k: The kernel of every two rows ``(m + n, m + n)``, real rows first.
        m: Real rows.

    Returns:
        KID, KID without each real row ``(m,)``, and without each synthetic row ``(n,)``.

    >>> k = kernel_matrix(torch.tensor([[0.0], [1.0], [2.0], [0.0], [1.0]]))
    >>> value, without_real, without_synthetic = left_out(k, 3)
    >>> bool(without_real[2] == kid(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [1.0]])))
    True
    """
    n = len(k) - m
    within_x, within_y, between = off_diagonal_sums(k[:m, :m]), off_diagonal_sums(k[m:, m:]), k[:m, m:]
    a, b, c = within_x.sum(), within_y.sum(), between.sum()
    mean_x, mean_y = a / (m * (m - 1)), b / (n * (n - 1))
    value = float(mean_x + mean_y - 2 * c / (m * n))
    without_real = _pairs(a - 2 * within_x, m - 1) + mean_y - 2 * (c - between.sum(dim=1)) / ((m - 1) * n)
    without_synthetic = mean_x + _pairs(b - 2 * within_y, n - 1) - 2 * (c - between.sum(dim=0)) / (m * (n - 1))
    return value, without_real, without_synthetic


def jackknife_variance(without: Tensor) -> float:
    r"""Return :math:`(n - 1) / n \sum_i (\theta_i - \bar\theta)^2` of the values without each of n rows.

    Source: Efron and Stein, "The jackknife estimate of variance" (1981): too large rather than too small on average.

    >>> jackknife_variance(torch.tensor([0.0, 1.0]))  # as var / n of the mean of the values 1 and 0
    0.25
    """
    n = len(without)
    return float((n - 1) / n * ((without - without.mean()) ** 2).sum())


def second_order_variance(k: Tensor, m: int) -> float:
    r"""Return the variance of KID that is left if both sets are of one distribution.

    With the kernel centred over both sets, :math:`\tilde k`, without its diagonal:

    .. math:: E[\tilde k^2] \left(\frac{2}{m(m-1)} + \frac{2}{n(n-1)} + \frac{4}{mn}\right)

    Source: Gretton et al., "A kernel two-sample test" (2012); centred without bias as by Szekely and Rizzo (2014).

    Args:
        k: The kernel of every two rows ``(m + n, m + n)``, real rows first.
        m: Real rows.

    >>> k = kernel_matrix(torch.randn(60, 3, generator=torch.Generator().manual_seed(0)))
    >>> round(second_order_variance(k, 20) / second_order_variance(k, 40), 6)  # both sides are treated alike
    1.0
    """
    n_rows = len(k)
    n = n_rows - m
    sums = off_diagonal_sums(k)
    total = sums.sum() / ((n_rows - 1) * (n_rows - 2))
    centred = k - sums[:, None] / (n_rows - 2) - sums[None, :] / (n_rows - 2) + total
    squares = (centred**2).sum() - (centred.diagonal() ** 2).sum()
    return float(squares / (n_rows * (n_rows - 3)) * (2 / (m * (m - 1)) + 2 / (n * (n - 1)) + 4 / (m * n)))


def off_diagonal_sums(k: Tensor) -> Tensor:
    """Return the sum of each row of a square matrix without its diagonal, ``(n,)``."""
    return k.sum(dim=1) - k.diagonal()


def kernel_matrix(rows: Tensor, columns: Tensor | None = None) -> Tensor:
    r"""Return the kernel of KID, :math:`(x \cdot y / d + 1)^3`, of every row with every column (with every row)."""
    return (rows @ (rows if columns is None else columns).T / rows.shape[1] + 1) ** 3


def two_sets(real: Tensor, synthetic: Tensor, fewest: int) -> tuple[Tensor, Tensor]:
    """Return two sets of features as float64.

    Raises:
        Refusal: If the features differ in number, a side has fewer than ``fewest`` rows, or one holds NaN or infinity.
    """
    x, y = features(real), features(synthetic)
    if x.shape[1] != y.shape[1] or min(len(x), len(y)) < fewest:
        raise Refusal(
            f"Expected at least {fewest} rows on each side with the same features, but got {tuple(x.shape)} and "
            f"{tuple(y.shape)}."
        )
    return x, y


def _pairs(total: Tensor, n: int) -> Tensor:
    """Return the mean over ordered pairs of n rows."""
    return total / (n * (n - 1))


def _unbiased(k: Tensor, m: int) -> float:
    is_real = (torch.arange(len(k)) < m).to(k.dtype)[None]
    return float(_weighted_pooled(k, is_real, 1 - is_real)[0])


def _weighted_pooled(k: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the distance between two weightings ``(B, m + n)`` of all rows; no row is paired with itself."""
    diagonal = k.diagonal()
    a_k = a @ k
    within = (_mean_pair((a_k * a).sum(dim=1), a, diagonal), _mean_pair(((b @ k) * b).sum(dim=1), b, diagonal))
    between = (a_k * b).sum(dim=1) / (a.sum(dim=1) * b.sum(dim=1))
    return within[0] + within[1] - 2 * between


def _mean_pair(total: Tensor, weight: Tensor, diagonal: Tensor) -> Tensor:
    squares = weight**2
    return (total - squares @ diagonal) / (weight.sum(dim=1) ** 2 - squares.sum(dim=1))
