"""Quantiles of Student's t, one at a time: the distribution objects of SciPy are slow for one."""

import math

from scipy import special


def t_quantile(probability: float, df: float) -> float:
    """Return the value that a variable of Student's t distribution stays below with a probability.

    Args:
        probability: From 0 to 1.
        df: Degrees of freedom, above 0; infinity gives the normal distribution. NaN and 0 give NaN.

    >>> round(t_quantile(0.975, 10), 4), round(t_quantile(0.975, math.inf), 4)
    (2.2281, 1.96)
    """
    return float(special.ndtri(probability) if df == math.inf else special.stdtrit(df, probability))
