"""Whether coverage lies above that of a planted mode collapse: a set in which every image is there several times."""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from synthtrust.metrics.functional.kernel_distance import jackknife_variance, two_sets
from synthtrust.metrics.functional.manifold import expected_coverage
from synthtrust.metrics.functional.nearest_distance import nearest_features
from synthtrust.metrics.functional.student import t_quantile
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class CollapseMargin:
    """Coverage of the real images beside that of a planted mode collapse."""

    value: float
    """Share of real rows with a synthetic one among their k nearest."""
    low: float
    """Limits by the jackknife over the rows of both sets, two-sided."""
    high: float
    limit: float
    """What the coverage is at least, one-sided."""
    expected: float
    """The mean coverage of equal distributions."""
    fault: float
    """The mean coverage of the planted collapse."""
    repeats: int
    """How often every image is there in the planted collapse."""
    k: int
    n_real: int
    n_synthetic: int
    level: float = 0.95

    @property
    def is_above(self) -> bool:
        """Whether the set is shown to cover more than the planted collapse does."""
        return self.limit > self.fault


def planted_collapse(
    real: Tensor, synthetic: Tensor, *, repeats: int = 2, neighbours: int = 5, level: float = 0.95
) -> CollapseMargin:
    r"""Ask whether coverage is greater than if each synthetic image were there several times, and so few distinct ones.

    Both expectations are known in any dimension (`synthtrust.metrics.functional.expected_coverage`): that of equal
    distributions with all n synthetic rows, and that of the planted fault with :math:`n / repeats` of them. So that a
    perfect set covers about .97 whatever the sizes, k is :math:`neighbours \cdot \log 2 / \log(1 + n / m)`.

    The standard error is that of the jackknife over real rows, and over synthetic rows that are left out in groups of
    ``repeats``, each with its nearest ones: of repeated rows one alone would leave no gap. It is at least that of m
    independent real rows under the fault, so that a coverage of 1 is no certainty.

    Args:
        real: Features ``(m, d)``.
        synthetic: Features ``(n, d)``.
        repeats: How often every image is there in the planted collapse.
        neighbours: The neighbour that a real row's ball reaches to, in sets of equal size.
        level: Confidence.

    Raises:
        Refusal: If the features differ in number, one is NaN or infinite, a side has too few rows, or an image is there
            fewer than two times in the planted collapse.

    >>> x = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    >>> planted_collapse(x[:200], x[200:]).is_above, planted_collapse(x[:200], x[200:300].repeat(2, 1)).is_above
    (True, False)
    """
    x, y = two_sets(real, synthetic, fewest=2)
    m, n = len(x), len(y)
    if repeats < 2:
        raise Refusal(f"Expected a planted mode collapse of 2 or more repeats, but got {repeats}.")
    k = scaled_neighbours(m, n, neighbours)
    if k + 1 >= m or n < 2 * repeats:
        raise Refusal(
            f"Expected at least {k + 3} real and {2 * repeats} synthetic rows for coverage with k = {k}, but got {m} "
            f"and {n}."
        )
    distances, neighbour = nearest_features(x, x, k + 1, same=True)
    across = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")  # (m, n)
    inside = across <= distances[:, k - 1, None]
    covered = inside.any(dim=1)
    # Without a row among a ball's k neighbours, the ball reaches to the next one.
    gains = (~covered & (across.amin(dim=1) <= distances[:, k])).double()
    gained = torch.zeros(m, dtype=torch.float64).index_add(0, neighbour[:, :k].flatten(), gains.repeat_interleave(k))
    without_real = (covered.sum() - covered.double() + gained) / (m - 1)
    without_groups = _without_groups(inside, y, repeats)
    value = float(covered.double().mean())
    fault = expected_coverage(m, n // repeats, k)
    # Each row leads a group, so that every row is left out as often as there are rows in a group.
    variance = jackknife_variance(without_real) + jackknife_variance(without_groups) / repeats
    error = max(variance, fault * (1 - fault) / m) ** 0.5
    one_sided, two_sided = (t_quantile(q, min(m, n) - 1) * error for q in (level, (1 + level) / 2))
    expected = expected_coverage(m, n, k)
    low, high = max(value - two_sided, 0.0), min(value + two_sided, 1.0)
    return CollapseMargin(value, low, high, value - one_sided, expected, fault, repeats, k, m, n, level)


def scaled_neighbours(n_real: int, n_synthetic: int, neighbours: int) -> int:
    """Return the number of neighbours at which equal distributions of these sizes cover what equal sizes cover.

    >>> [scaled_neighbours(100, n, 5) for n in (50, 100, 300)]
    [9, 5, 2]
    """
    return max(round(neighbours * log(2) / log(1 + n_synthetic / n_real)), 1)


def _without_groups(inside: Tensor, y: Tensor, size: int) -> Tensor:
    """Return the coverage without each synthetic row and its nearest ones ``(n,)``.

    Args:
        inside: Whether a synthetic row lies in a real row's ball ``(m, n)``.
        y: The synthetic rows ``(n, d)``.
        size: Rows of a group.
    """
    n = len(y)
    nearest = nearest_features(y, y, size - 1, same=True)[1]
    member = torch.zeros(n, n)  # group, row
    member[torch.arange(n), torch.arange(n)] = 1
    member[torch.arange(n)[:, None], nearest] = 1
    left = inside.float() @ (1 - member).T  # rows of each ball that are not of the group
    return (left > 0.5).double().mean(dim=0)
