"""Whether KID lies below that of a planted fault: the same real images, all shifted by a stated size."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from synthtrust.metrics.functional.kernel_distance import (
    FEWEST,
    jackknife_variance,
    kernel_matrix,
    left_out,
    off_diagonal_sums,
    second_order_variance,
    two_sets,
)
from synthtrust.metrics.functional.student import t_quantile
from synthtrust.refusals import Refusal

LEADING = 3
"""Leading coordinates that the planted shift is spread over."""


@dataclass(frozen=True)
class ShiftMargin:
    """KID of a synthetic set beside that of real images which a planted fault has shifted."""

    value: float
    """KID of the synthetic set."""
    limit: float
    """What the value may be at most (one-sided); it holds the error of ``fault`` as well."""
    fault: float
    """KID of the planted fault."""
    shift: float
    """Length of the planted shift [standard deviations]."""
    n_real: int
    n_synthetic: int
    level: float = 0.95

    @property
    def is_below(self) -> bool:
        """Whether the set is shown to lie nearer to the real images than the planted fault does."""
        return self.limit < self.fault


def planted_shift(real: Tensor, synthetic: Tensor, *, shift: float = 0.5, level: float = 0.95) -> ShiftMargin:
    r"""Ask whether KID is smaller than it would be if every image were a real one, shifted by a stated size.

    The fault moves each real row by ``shift`` standard deviations, spread evenly over the three leading coordinates
    (all, if there are fewer). A shift of .5 is a medium effect by Cohen's convention: the best linear rule tells the
    two sets apart with an area under the ROC curve of :math:`\Phi(.5 / \sqrt 2) = .64`. Since the signs of axes are
    arbitrary, its KID is the mean over all signs. It is estimated on all real rows, none paired with its own shifted
    self, so that it is unbiased:

    .. math:: F = mean_{i \ne j} [k(x_i, x_j) + k(x'_i, x'_j) - 2 k(x_i, x'_j)]

    The standard error of KID - F is the larger of two: that of the jackknife over the rows of both sets (a real row
    leaves KID and F together), and that which a set with just this fault would have, of first and second order. The
    first alone is too small where KID happens to be small; measured, the two together keep their error rate from 20
    patients on.

    Args:
        real: Coordinates ``(m, d)`` with variance 1, the leading first, as of
            `synthtrust.metrics.embeddings.ReferencePca`.
        synthetic: Coordinates ``(n, d)``.
        shift: Length of the shift [standard deviations].
        level: Confidence of the one-sided limit.

    Raises:
        Refusal: As `synthtrust.metrics.functional.kernel_test`, or if the shift is not above 0.

    >>> rng = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(400, 4, generator=rng), torch.randn(400, 4, generator=rng)
    >>> planted_shift(x, y).is_below, planted_shift(x, y + 0.25).is_below  # a shift of .25 * sqrt(4) = .5
    (True, False)
    """
    x, y = two_sets(real, synthetic, fewest=2)
    m, n = len(x), len(y)
    if min(m, n) < FEWEST:
        raise Refusal(f"Expected at least {FEWEST} patients on each side for a planted shift, got {m} and {n}.")
    if not shift > 0:
        raise Refusal(f"Expected a planted shift above 0 standard deviations, but got {shift}.")
    k = kernel_matrix(torch.cat([x, y]))
    value, without_real, without_synthetic = left_out(k, m)
    fault, fault_without, first_order = _fault(x, k[:m, :m], _shifts(x.shape[1], shift))
    by_rows = (jackknife_variance(without_real - fault_without), jackknife_variance(without_synthetic))
    variance = sum(by_rows)
    df = variance**2 / (by_rows[0] ** 2 / (m - 1) + by_rows[1] ** 2 / (n - 1)) if variance > 0 else 1.0
    at_fault = 4 * first_order * (1 / m + 1 / n) + second_order_variance(k, m)
    reach = max(t_quantile(level, df) * variance**0.5, t_quantile(level, min(m, n) - 1) * at_fault**0.5)
    return ShiftMargin(value, value + reach, fault, shift, m, n, level)


def _shifts(d: int, shift: float) -> Tensor:
    """Return the planted shift with every sign in each leading coordinate ``(2**k, d)``."""
    n_leading = min(LEADING, d)
    signs = torch.from_numpy(np.array(list(product((-1.0, 1.0), repeat=n_leading))))
    shifts = torch.zeros(len(signs), d, dtype=torch.float64)
    shifts[:, :n_leading] = signs * shift / n_leading**0.5
    return shifts


def _fault(x: Tensor, k: Tensor, shifts: Tensor) -> tuple[float, Tensor, float]:
    """Return KID of shifted rows, the same without each row ``(m,)``, and the variance of a shifted row's influence."""
    m = len(x)
    pairs, influence = torch.zeros_like(k), 0.0
    for step in shifts:
        shifted, across = kernel_matrix(x + step), kernel_matrix(x, x + step)
        pairs += (k + shifted - across - across.T) / len(shifts)
        difference = (off_diagonal_sums(shifted) - off_diagonal_sums(across.T)) / (m - 1)
        influence += float(difference.var()) / len(shifts)
    sums = off_diagonal_sums(pairs)
    total = sums.sum()
    return float(total / (m * (m - 1))), (total - 2 * sums) / ((m - 1) * (m - 2)), influence
