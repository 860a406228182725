"""What each patient adds to a score that is no mean over patients, by leaving out one after the other."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CHUNK = 2**22
"""Weights that are held at once: 32 MB."""


def jackknife(statistic: Callable[[Array], Array], groups: Sequence[Hashable]) -> tuple[Array, Array]:
    r"""Return a statistic, and the contribution of each patient to it.

    With :math:`\hat\theta_{(-p)}` the statistic without the cases of patient p, the contributions

    .. math:: \hat\theta + (P - 1) (\bar\theta_{(-)} - \hat\theta_{(-p)})

    have the statistic as their mean, and their variance over P is the jackknife's variance of the statistic. So a score
    such as F1 goes through the formulas that were made for means over patients (`gap_interval`, `ratio_interval`,
    `alpha_band`), paired and with seeds. For a plain mean they are the patients' own scores.

    A statistic with cusps (the absolute values of the calibration error) comes out with too much variance rather than
    too little.

    Source: Tukey's pseudo-values, centred; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 11.

    Args:
        statistic: From weights of the cases ``(B, M)`` to one number ``(B,)`` or J of them ``(B, J)``; a smooth one.
        groups: The patient of each of the M cases.

    Returns:
        The statistic ``(J,)``, and the contributions ``(P, J)``, patients in order of name. Where leaving out some
        patient leaves nothing to compute (the only patient of a class), all contributions to that number are NaN.

    >>> score = np.array([0.2, 0.4, 0.9])
    >>> value, patients = jackknife(lambda w: (w @ score / w.sum(axis=-1))[..., None], ["a", "b", "c"])
    >>> value.round(4).tolist(), patients[:, 0].round(4).tolist()
    ([0.5], [0.2, 0.4, 0.9])
    """
    names, patient = np.unique(np.asarray(groups), return_inverse=True)
    chunk = max(1, CHUNK // len(patient))
    kept = (
        patient != np.arange(start, min(start + chunk, len(names)))[:, None] for start in range(0, len(names), chunk)
    )  # each (B, M)
    without = np.concatenate([statistic(weight.astype(np.float64)).reshape(len(weight), -1) for weight in kept])
    value = statistic(np.ones((1, len(patient)))).reshape(-1)
    return value, value + (len(names) - 1) * (without.mean(axis=0) - without)
