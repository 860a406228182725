"""Intervals of the trust factors: whole patients are drawn anew, a case always together with its twin."""

import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from torch import Tensor

from synthtrust.metrics.functional.intervals import Array, Interval, satterthwaite
from synthtrust.refusals import Refusal

CHUNK = 2**22
"""Scores that are held at once in one gathered array: 32 MB in float64."""


def factor_interval(
    statistic: Callable[..., Tensor],
    scores: Sequence[Sequence[ArrayLike | Tensor]],
    n_boot: int = 2000,
    seed: int = 0,
    method: Literal["percentile", "bca"] = "percentile",
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> tuple[Interval, ...]:
    r"""Return a trust factor with its interval, one for each number that the factor gives.

    The value is the mean over seeds of the factor of each seed. With several seeds its variance is
    :math:`V_1 + V_2`: the bootstrap variance of that mean when patients are drawn anew (the same draw for every seed),
    and the variance over seeds divided by S; the limits are :math:`value \pm t_{df} \sqrt{V_1 + V_2}` as in
    `mean_interval`. They are symmetric and may leave the factor's range. With one seed the limits are quantiles of the
    bootstrap, and are about these trained weights only.

    Resamples in which the factor is undefined are left out, with a warning that counts them.

    Args:
        statistic: A function of `synthtrust.metrics.functional.trust`, or any that takes ``(..., M, K)`` tensors,
            leaves out NaN, and returns ``(...)`` or ``(..., K)``.
        scores: For each of S seeds the arrays ``(M, K)`` that the factor takes: one, or real and synthetic.
        n_boot: Resamples.
        seed: Seed of the resampling.
        method: With one seed: ``"percentile"`` (T1, T2, T5), or ``"bca"`` (T3, T4), which corrects bias and skew and
            falls back to percentiles where it is undefined (constant scores).
        groups: The patient of each case, for patients with several cases; they are drawn together.
        level: Coverage.

    Returns:
        One `Interval` for T1 and T2, K for T3, T4 and T5. ``n_cases`` counts the cases with a score under all seeds.

    Raises:
        Refusal: If the arrays are not all of one shape ``(M, K)``, ``groups`` has another length than M, or
            ``method`` is unknown.

    >>> from synthtrust.metrics.functional import overall_performance
    >>> (t1,) = factor_interval(overall_performance, [([[0.9, 0.7], [0.5, 0.3], [0.8, 0.6]],)], seed=0)
    >>> round(t1.value, 4), round(t1.low, 4), round(t1.high, 4), t1.n_cases  # the case means are .8, .4 and .7
    (0.6333, 0.4, 0.8, 3)
    """
    if method not in ("percentile", "bca"):
        raise Refusal(f"Expected method to be 'percentile' or 'bca', but got {method!r}.")
    arrays = _stack(scores)
    n_seeds, n_cases, _ = arrays[0].shape
    members = _members(groups, n_cases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a factor warns of each undefined resample; they are counted below
        boot = _resampled(statistic, arrays, members, n_boot, np.random.default_rng(seed))  # (S, n_boot, J)
        jackknife = _left_out(statistic, arrays, members) if method == "bca" and n_seeds == 1 else None
    values = _evaluate(statistic, arrays)  # (S, J)
    counts = _cases_scored(arrays, values.shape[-1])
    intervals = []
    for j, n in enumerate(counts):
        draws = boot[:, :, j].mean(axis=0)
        defined = draws[np.isfinite(draws)]
        if len(members) < 2 or len(defined) < 2:
            low = high = np.nan
        elif n_seeds > 1:
            v = (float(defined.var(ddof=1)), float(values[:, j].var(ddof=1) / n_seeds))
            low, high, _ = satterthwaite(float(values[:, j].mean()), v, (len(members) - 1, n_seeds - 1), level)
        else:
            low, high = _quantiles(defined, values[0, j], None if jackknife is None else jackknife[0, :, j], level)
        intervals.append(Interval(float(values[:, j].mean()), low, high, n, n_seeds, level))
    if n_undefined := int((~np.isfinite(boot)).any(axis=(0, 2)).sum()):
        warnings.warn(f"{n_undefined} of {n_boot} resamples gave no value and were left out.", stacklevel=2)
    return tuple(intervals)


def _stack(scores: Sequence[Sequence[ArrayLike | Tensor]]) -> list[Tensor]:
    """Return each argument of the statistic as ``(S, M, K)`` float64 on the CPU."""
    seeds = [[torch.as_tensor(x, dtype=torch.float64, device="cpu") for x in arguments] for arguments in scores]
    shapes = {tuple(x.shape) for arguments in seeds for x in arguments}
    if len({len(arguments) for arguments in seeds}) != 1 or len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise Refusal(f"Expected the same number of arrays of one shape (M, K) for each seed, but got {shapes}.")
    return [torch.stack(argument) for argument in zip(*seeds, strict=True)]


def _members(groups: Sequence[Hashable] | None, n_cases: int) -> NDArray[np.int64]:
    """Return the case indices of each patient, ``(P, m)``, filled up with -1."""
    if groups is None:
        return np.arange(n_cases)[:, None]
    if len(groups) != n_cases:
        raise Refusal(f"Expected the patient of each of {n_cases} cases, but got {len(groups)} groups.")
    cases: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        cases.setdefault(group, []).append(i)
    most = max(map(len, cases.values()))
    return np.array([rows + [-1] * (most - len(rows)) for rows in cases.values()])


def _resampled(
    statistic: Callable[..., Tensor],
    arrays: list[Tensor],
    members: NDArray[np.int64],
    n_boot: int,
    rng: np.random.Generator,
) -> Array:
    """Return the statistic of each seed under each draw of patients, ``(S, n_boot, J)``."""
    n_patients = len(members)
    # Index -1, where a patient has fewer cases than another, finds this row of NaN, which the statistic leaves out.
    padded = [torch.nn.functional.pad(x, (0, 0, 0, 1), value=torch.nan) for x in arrays]  # (S, M + 1, K)
    n_seeds, _, n_regions = arrays[0].shape
    chunk = max(1, CHUNK // (n_seeds * n_regions * members.size))
    results = []
    for start in range(0, n_boot, chunk):
        drawn = rng.integers(0, n_patients, size=(min(chunk, n_boot - start), n_patients))
        rows = torch.from_numpy(members[drawn].reshape(len(drawn), -1) % padded[0].shape[1])
        results.append(_evaluate(statistic, [x[:, rows] for x in padded]))  # (S, chunk, M', K)
    return np.concatenate(results, axis=1)


def _left_out(statistic: Callable[..., Tensor], arrays: list[Tensor], members: NDArray[np.int64]) -> Array:
    """Return the statistic without each patient in turn, ``(S, P, J)``."""
    n_seeds, n_cases, n_regions = arrays[0].shape
    chunk = max(1, CHUNK // (n_seeds * n_regions * n_cases))
    results = []
    for start in range(0, len(members), chunk):
        out = np.zeros((len(members[start : start + chunk]), n_cases + 1), dtype=bool)
        np.put_along_axis(out, members[start : start + chunk] % (n_cases + 1), True, axis=1)
        missing = torch.from_numpy(out[:, :n_cases, None])  # (chunk, M, 1)
        results.append(_evaluate(statistic, [x[:, None].masked_fill(missing, torch.nan) for x in arrays]))
    return np.concatenate(results, axis=1)


def _evaluate(statistic: Callable[..., Tensor], arrays: list[Tensor]) -> Array:
    """Return the statistic of ``(..., M, K)`` arrays as ``(..., J)``, J = 1 for a statistic without regions."""
    result: Array = statistic(*arrays).numpy()
    return result[..., None] if result.ndim == arrays[0].ndim - 2 else result


def _cases_scored(arrays: list[Tensor], n_values: int) -> list[int]:
    """Count the cases with a score under all seeds: by region, or in any region for a statistic without regions."""
    scored = torch.stack([~x.isnan() for x in arrays]).all(dim=0).all(dim=0)  # (M, K)
    if n_values == scored.shape[1]:
        return [int(n) for n in scored.sum(dim=0)]
    return [int(scored.any(dim=1).sum())] * n_values


def _quantiles(draws: Array, value: float, jackknife: Array | None, level: float) -> tuple[float, float]:
    """Return the limits of a bootstrap distribution, corrected for bias and skew if a jackknife is given.

    Source: Efron, "Better bootstrap confidence intervals", JASA 82 (1987).
    """
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if jackknife is not None:
        influence = np.nanmean(jackknife) - jackknife[np.isfinite(jackknife)]
        with np.errstate(divide="ignore", invalid="ignore"):
            skew = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
            bias = stats.norm.ppf(((draws < value).mean() + (draws <= value).mean()) / 2)
            z = bias + stats.norm.ppf(tails)
            corrected = stats.norm.cdf(bias + z / (1 - skew * z))
        tails = corrected if np.isfinite(corrected).all() else tails
    low, high = np.quantile(draws, tails)
    return float(low), float(high)
