"""What each patient adds to a score that is no mean over patients, by leaving out one after the other."""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

Array = NDArray[np.float64]


def jackknife(statistic: Callable[[Array | LinearOperator], Array], groups: Sequence[Hashable]) -> tuple[Array, Array]:
    r"""Return a statistic, and the contribution of each patient to it.

    With :math:`\hat\theta_{(-p)}` the statistic without the cases of patient p, the contributions

    .. math:: \hat\theta + (P - 1) (\bar\theta_{(-)} - \hat\theta_{(-p)})

    have the statistic as their mean, and their variance over P is the jackknife's variance of the statistic. So a score
    such as F1 goes through the formulas that were made for means over patients (`gap_interval`, `ratio_interval`,
    `alpha_band`), paired and with seeds. For a plain mean they are the patients' own scores.

    A statistic with cusps (the absolute values of the calibration error) comes out with too much variance rather than
    too little.

    Source: Tukey's pseudo-values, centred; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 11.

    The weights that leave out each patient in turn are never written down: a sum without a patient is the sum over all
    cases less the patient's own, so that time and memory grow with the cases and not with their square.

    Args:
        statistic: A smooth function from weights of the cases ``(B, M)`` to one number ``(B,)`` or J of them
            ``(B, J)``, which uses the weights only to multiply columns by them (``weights @ column``).
        groups: The patient of each of the M cases.

    Returns:
        The statistic ``(J,)``, and the contributions ``(P, J)``, patients in order of name. Where leaving out some
        patient leaves nothing to compute (the only patient of a class), all contributions to that number are NaN.

    >>> score = np.array([0.2, 0.4, 0.9])
    >>> value, patients = jackknife(lambda w: (w @ score / (w @ np.ones(3)))[..., None], ["a", "b", "c"])
    >>> value.round(4).tolist(), patients[:, 0].round(4).tolist()
    ([0.5], [0.2, 0.4, 0.9])
    """
    names, patient = np.unique(np.asarray(groups), return_inverse=True)
    n_patients, n_cases = len(names), len(patient)
    membership = csr_array((np.ones(n_cases), (patient, np.arange(n_cases))), shape=(n_patients, n_cases))

    def sums_without_each(columns: Array) -> Array:
        return columns.sum(axis=0) - membership @ columns

    without_each = LinearOperator(
        membership.shape, matvec=sums_without_each, matmat=sums_without_each, dtype=np.dtype(np.float64)
    )
    without = statistic(without_each).reshape(n_patients, -1)
    value = statistic(np.ones((1, n_cases))).reshape(-1)
    return value, value + (n_patients - 1) * (without.mean(axis=0) - without)
