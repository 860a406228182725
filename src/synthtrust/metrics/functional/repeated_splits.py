"""The interval of a number that was measured on several random splits of one cohort, so on several training sets.

One split has one training set, and what another would change cannot be told from it. Several splits tell it, but they
share most of their patients: their spread is smaller than that between cohorts, by an amount that the data do not show.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from synthtrust.metrics.functional.student import t_quantile
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class OverSplits:
    """A number over R random splits, with the doubt of other training sets, test patients and training seeds."""

    value: float
    """The mean over splits."""
    low: float
    """Two-sided limits; NaN with one split."""
    high: float
    lower_bound: float
    """One-sided: the true value lies above it with probability ``level`` at least."""
    upper_bound: float
    n_splits: int
    overlap: float
    """Share of its patients that a split has in common with another: of training or of test ones, whichever is more."""
    level: float


def over_splits(values: ArrayLike, overlap: float, level: float = 0.95) -> OverSplits:
    r"""Return the mean over splits, with an interval for the recipe on other training sets of this size.

    With :math:`s^2` the variance of the R values (``ddof=1``) and o the overlap, the variance of their mean is at most

    .. math:: V = s^2 \left(\frac{1}{R} + \frac{o}{1 - o}\right)

    since two values are correlated by at most o: by the Hoeffding decomposition the numbers that two samples of n
    give, c of them in common, are correlated by :math:`c/n` where each patient adds a share of its own, and by less
    where patients act together. The limits are :math:`\bar x \pm t_{R-1} \sqrt V`. They are wide, and more so the
    smaller the test set: 1 of 4 patients leaves an overlap of .75. In simulations with a known truth they cover .95 to
    1, while those of Nadeau and Bengio, which replace the last term by the ratio of test to training patients, cover
    .62 to .99: these assume that training sets matter little.

    Source: Hoeffding, Ann. Math. Statist. 19 (1948), for the correlation; Nadeau and Bengio, Machine Learning 52
    (2003), for the form.

    Args:
        values: The number on each split, ``(R,)``: a gap, averaged over training seeds.
        overlap: The largest share of training, or of test, patients that a split has in common with another, averaged
            over pairs of splits.
        level: Coverage.

    Raises:
        Refusal: If there is no value, or the overlap is not within 0 and 1, 1 excluded.

    >>> result = over_splits([-0.02, -0.04, -0.03], overlap=0.5)  # s = .01: 4.303 * .01 * sqrt(1/3 + 1)
    >>> round(result.value, 4), round(result.low, 4), round(result.high, 4)
    (-0.03, -0.0797, 0.0197)
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise Refusal(f"Expected the values of one or more splits, but got an array of shape {x.shape}.")
    if not 0 <= overlap < 1:
        raise Refusal(f"Expected an overlap of the splits from 0 to below 1, but got {overlap}.")
    n, mean = len(x), float(x.mean())
    error = float(x.std(ddof=1) * np.sqrt(1 / n + overlap / (1 - overlap))) if n > 1 else np.nan
    two_sided, one_sided = (t_quantile(p, n - 1) * error if n > 1 else np.nan for p in ((1 + level) / 2, level))
    return OverSplits(
        mean, mean - two_sided, mean + two_sided, mean - one_sided, mean + one_sided, n, float(overlap), level
    )


def split_overlap(test_patients: list[set[str]], n_patients: int) -> float:
    """Return the overlap that `over_splits` takes, from the test patients of each split.

    Args:
        test_patients: Test patients of each split, two or more.
        n_patients: Patients of the cohort; those that are not tested on are trained or validated on.

    >>> split_overlap([{"a"}, {"b"}], 4), split_overlap([{"a", "b"}, {"b", "c"}], 4)  # 2 of 3; 1 of 2
    (0.6666666666666666, 0.5)
    """
    shares = []
    for i, first in enumerate(test_patients):
        for other in (*test_patients[:i], *test_patients[i + 1 :]):
            trained = (n_patients - len(first | other)) / (n_patients - len(first))
            shares.append((trained, len(first & other) / len(first)))
    return float(np.max(np.mean(shares, axis=0)))
