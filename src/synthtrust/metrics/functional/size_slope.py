"""How a score changes with the size of what is scored: a slope on the logarithm, with an interval over patients."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthtrust.metrics.functional.factor_intervals import FactorInterval, jackknife_interval
from synthtrust.metrics.functional.patients import patient_numbers
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]


def size_slope(
    size: ArrayLike,
    arms: Sequence[ArrayLike],
    groups: Sequence[Hashable],
    patients: Sequence[Hashable],
    level: float = 0.95,
) -> FactorInterval:
    r"""Return by how much a score, or the difference of two arms, grows when the size is tenfold.

    With :math:`x_i = \log_{10} v_i` of item i and its score :math:`y_i`, both as deviations from the mean of the item's
    group g (its region), the slope is that of least squares with an intercept for each group,

    .. math:: b = \frac{\sum_g \sum_{i \in g} (x_i - \bar x_g)(y_i - \bar y_g)}
              {\sum_g \sum_{i \in g} (x_i - \bar x_g)^2}

    so that regions which are larger and easier do not make a slope. Of two arms, y is the first minus the second, each
    averaged over its seeds. Patients are left out one after the other, with all of their items, and seeds of each arm
    add their own variance, as for the trust factors, see `uncertainty`.

    Args:
        size: Volumes above 0 of N items, ``(N,)``, in any unit.
        arms: One arm or two, scores ``(S_a, N)``; an item with a NaN in any of them is left out.
        groups: The group of each item.
        patients: The patient of each item.
        level: Coverage.

    Returns:
        The slope per tenfold size; ``n_cases`` counts the items. NaN, with a note, where no group has items of two
        sizes.

    Raises:
        Refusal: If there is not a size, group and patient for each item, a size is not above 0, or there are no arms,
            or more than two.

    >>> size = 10.0 ** np.array([0, 1, 2, 0, 1, 2])
    >>> score = [[0.1, 0.3, 0.5, 0.5, 0.7, 0.9]]  # a group with a higher level
    >>> slope = size_slope(size, [score], list("aaabbb"), range(6))
    >>> round(slope.value, 4), slope.n_cases, slope.n_patients
    (0.2, 6, 6)
    """
    volumes = np.asarray(size, dtype=np.float64)
    scores = [np.atleast_2d(np.asarray(arm, dtype=np.float64)) for arm in arms]
    n_items = len(volumes)
    if not 1 <= len(scores) <= 2 or any(arm.shape[1] != n_items for arm in scores) or len(groups) != n_items:
        raise Refusal(
            f"Expected one or two arms (S, N) with a size and a group for each item, but got {n_items} sizes, "
            f"{len(groups)} groups and arms {[arm.shape for arm in scores]}."
        )
    if not (volumes > 0).all():
        raise Refusal(f"Expected sizes above 0, but got {volumes[~(volumes > 0)][:3].tolist()}.")
    known = np.all([np.isfinite(arm).all(axis=0) for arm in scores], axis=0)
    group = patient_numbers(groups, n_items)[known]
    members = patient_numbers([patient for patient, is_known in zip(patients, known, strict=True) if is_known],
                              int(known.sum()))  # fmt: skip
    columns = np.concatenate([arm[:, known] for arm in scores])  # (V, n)
    all_slopes, without = _slopes(np.log10(volumes[known]), columns, group, members)
    sign = np.repeat([1.0, -1.0][: len(scores)], [len(arm) for arm in scores])
    share = sign / np.repeat([len(arm) for arm in scores], [len(arm) for arm in scores])
    parts = np.split(sign * all_slopes, [len(scores[0])]) if len(scores) == 2 else [all_slopes]
    value = float(share @ all_slopes)
    return jackknife_interval(value, without @ share, parts, int(known.sum()), level=level)


def _slopes(x: Array, y: Array, group: NDArray[np.int64], members: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the slope of each column ``(V,)``, and those without each patient ``(P, V)``."""
    n_patients, n_groups = (int(numbers.max(initial=-1)) + 1 for numbers in (members, group))
    cell = members * n_groups + group

    def by_patient(values: Array) -> Array:
        sums: Array = np.bincount(cell, values, n_patients * n_groups).astype(np.float64)
        return sums.reshape(n_patients, n_groups)

    count = by_patient(np.ones_like(x))
    of_x, of_xx = by_patient(x), by_patient(x**2)
    of_y = np.stack([by_patient(column) for column in y], axis=-1)  # (P, G, V)
    of_xy = np.stack([by_patient(x * column) for column in y], axis=-1)

    def slope(n: Array, sx: Array, sxx: Array, sy: Array, sxy: Array) -> Array:
        mean = np.divide(sx, n, out=np.zeros_like(sx), where=n > 0)
        spread = (sxx - mean * sx).sum(axis=-1)
        shared = (sxy - mean[..., None] * sy).sum(axis=-2)
        enough = spread > 1e-9 * np.maximum(sxx.sum(axis=-1), 1e-12)
        return np.divide(shared, spread[..., None], out=np.full_like(shared, np.nan), where=enough[..., None])

    sums = (count, of_x, of_xx, of_y, of_xy)
    totals = [values.sum(axis=0) for values in sums]
    without = slope(*(total - values for total, values in zip(totals, sums, strict=True)))
    return slope(*totals), without
