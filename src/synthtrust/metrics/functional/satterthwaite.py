"""Satterthwaite's limits of a value whose variance is a sum of parts, each known by degrees of freedom of its own."""

from collections.abc import Sequence

import numpy as np

from synthtrust.metrics.functional.seeds import cautious
from synthtrust.metrics.functional.student import t_quantile


def satterthwaite(
    value: float,
    variances: tuple[float, ...],
    dfs: tuple[int, ...],
    level: float = 0.95,
    skewness: float = 0.0,
) -> tuple[float, float, float]:
    r"""Return ``(low, high, df)`` of a value whose variance is that of patients and of the seeds of each arm.

    The variances of the seeds are enlarged where they are few, see `seed_caution`.

    Where patients are skewed, the limit on the side of their long tail is moved outwards by
    :math:`\gamma (2 t^2 + 1) / 6` standard errors, with :math:`\gamma` the skewness of the value: the first term of the
    Edgeworth expansion of Student's t. The other limit stays: skewness is known badly in few patients.

    Source: Satterthwaite, Biometrics Bulletin 2 (1946); Hall, JRSS B 54 (1992), for the skewness.

    Args:
        value: The estimate.
        variances: That of the patients, which must have been assessed, else the limits are NaN; and of the seeds.
        dfs: The degrees of freedom behind each part; a part with 0 was not assessed and is left out.
        level: Coverage.
        skewness: That of the mean over patients.

    >>> [round(x, 4) for x in satterthwaite(0.0, (1.0, 0.8), (4, 2))]  # 2.523 * sqrt(1 + 0.8 * (1 + 2 / 2**3))
    [-3.5681, 3.5681, 5.3333]
    >>> [round(x, 4) for x in satterthwaite(0.0, (1.0,), (9,), skewness=-0.1)]  # .1 * (2 * 2.262**2 + 1) / 6 = .1872
    [-2.4494, 2.2622, 9.0]
    """
    variances = cautious(variances, dfs)
    total = sum(v for v, df in zip(variances, dfs, strict=True) if df > 0)
    if dfs[0] < 1 or not np.isfinite(total) or not np.isfinite(value):
        return np.nan, np.nan, np.nan
    if total == 0:  # the same number in every patient and seed: nothing to doubt, no df to compute
        return value, value, float(dfs[0])
    df = satterthwaite_df(variances, dfs)
    t, error = t_quantile((1 + level) / 2, df), total**0.5
    outwards = skewness * (variances[0] / total) ** 1.5 * (2 * t**2 + 1) / 6
    return value - (t + max(-outwards, 0.0)) * error, value + (t + max(outwards, 0.0)) * error, df


def satterthwaite_df(variances: Sequence[float], dfs: Sequence[float]) -> float:
    """Return the degrees of freedom of a sum of independently estimated variances; a part with 0 is left out.

    Source: Satterthwaite, Biometrics Bulletin 2 (1946).

    >>> satterthwaite_df((1.0, 1.0), (4, 4))  # 2**2 / (1/4 + 1/4)
    8.0
    """
    parts = [(v, df) for v, df in zip(variances, dfs, strict=True) if df > 0]
    return float(sum(v for v, _ in parts) ** 2 / sum(v**2 / df for v, df in parts))
