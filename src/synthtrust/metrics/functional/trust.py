r"""The trust factors of the position paper, as plain functions of Dice scores, and what they should be read with.

Throughout, a float array of shape ``(M, K)`` holds the Dice score of each of M test cases in each of K regions; column
k is the paper's :math:`C_{\beta,k}`. Where two are asked for, row i of both belongs to the same case, real and
synthetic. Leading dimensions are batches (seeds, draws): ``(..., M, K)`` gives one result for each. Tensors of PyTorch
will do as well, and their results are tensors; nothing here needs PyTorch.

A NaN marks a region that is undefined in a case (see `dice_from_counts`). Such entries are left out, region by region;
where two are compared, from both. What cannot be computed (a region without any case, a zero mean, a zero vector) is
NaN, and a warning names the factor and the regions by index.

Standard deviations have ``ddof=0`` unless asked otherwise, as NumPy has them; the paper does not say. With ``over`` the
factor is computed without each of P patients in turn, ``(..., P, K)`` or ``(..., P)``, see
`synthtrust.metrics.functional.case_sums`.

Source: Babu et al., "Building Trust in Synthetic Data for Clinical AI", Eq. (6) to (10).
"""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.metrics.functional import moments
from synthtrust.metrics.functional.case_sums import Array, CaseReduction, all_cases
from synthtrust.refusals import Refusal

Scores: TypeAlias = Any
"""A float array, or a tensor of PyTorch."""

Formula = TypeVar("Formula", bound=Callable[..., Scores])


def as_array(scores: Scores) -> NDArray[Any]:
    """Return an array, or a tensor of PyTorch on any device, as an array of its dtype."""
    return np.asarray(scores.detach().cpu() if hasattr(scores, "detach") else scores)


def _of_arrays_or_tensors(formula: Formula) -> Formula:
    """Let a formula of arrays take tensors as well, and give them back on their device and of their dtype."""

    @wraps(formula)
    def in_kind(*scores: Scores, **options: Any) -> Scores:
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is NaN, and a warning names the regions
            result = formula(*(as_array(x) for x in scores), **options)
        return scores[0].new_tensor(result) if hasattr(scores[0], "new_tensor") else result

    return in_kind  # type: ignore[return-value]


@_of_arrays_or_tensors
def overall_performance(scores: Scores, *, over: CaseReduction = all_cases) -> Scores:
    """T1: the mean Dice over regions and cases, Eq. (6), shape ``(...)``, higher is better.

    The equation divides a vector by M and leaves out the sum over cases; it is read as the mean over both. Where cases
    lack a region, it is the mean of the regions' means, so that every region weighs the same.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> round(float(overall_performance(np.array([[1.0, 0.5], [0.5, 0.0]]))), 4)
    0.5
    """
    _check("T1 (overall performance)", scores)
    region_mean = moments.mean(scores, over)  # (..., K)
    _warn("T1 (overall performance)", np.isnan(region_mean))
    return region_mean.mean(axis=-1)


@_of_arrays_or_tensors
def case_consistency(scores: Scores, *, ddof: int = 0, over: CaseReduction = all_cases) -> Scores:
    """T2 as the paper writes it: 1 minus the spread over cases of the mean over regions, Eq. (7), shape ``(...)``.

    The paper's text speaks of consistency across regions, which the equation cannot see: a model with Dice .9, .5, .1
    in the three regions of every case gets 1. That reading is `region_consistency`. Where a case lacks a region, its
    mean is over the regions it has. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> round(float(case_consistency(np.array([[1.0, 0.5], [0.5, 0.0]]))), 4)  # means .75 and .25, spread .25
    0.75
    """
    _check("T2 (case consistency)", scores)
    case_mean = np.nansum(scores, axis=-1, keepdims=True) / (~np.isnan(scores)).sum(axis=-1, keepdims=True)
    spread = moments.std(case_mean, ddof, over)[..., 0]
    _warn("T2 (case consistency)", np.broadcast_to(np.isnan(spread)[..., None], (*spread.shape, scores.shape[-1])))
    return 1 - spread


@_of_arrays_or_tensors
def region_consistency(scores: Scores, *, ddof: int = 0, over: CaseReduction = all_cases) -> Scores:
    """T2 as the paper's text means it: 1 minus the spread over regions of the mean over cases, shape ``(...)``.

    This is Eq. (7) with cases and regions changed for one another, the smallest change that makes the equation say what
    the text says. The other reading, the mean over cases of 1 minus the spread over the regions of that case, is never
    larger (a spread is convex) and mixes the noise of single cases into the difference between regions: on scores where
    every region does equally well on average it stays below 1. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> round(float(region_consistency(np.array([[1.0, 0.5], [0.5, 0.0]]))), 4)  # means .75 and .25, spread .25
    0.75
    """
    _check("T2 (region consistency)", scores)
    region_mean = moments.mean(scores, over)  # (..., K)
    undefined = np.isnan(region_mean)
    _warn("T2 (region consistency)", undefined)
    spread = moments.std(region_mean[..., None], ddof, all_cases)[..., 0]
    return np.where(undefined.any(axis=-1), np.nan, 1 - spread)  # a region nobody scored is not left out in silence


@_of_arrays_or_tensors
def alignment(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    r"""T3: the cosine between the scores of real and synthetic cases in each region, Eq. (8), shape ``(..., K)``.

    Never to be read alone. With :math:`\rho` the Pearson correlation and ``ddof=0``, it is exactly

    .. math:: T_3 = (1 + \rho T_5^R T_5^S) / \sqrt{(1 + (T_5^R)^2) (1 + (T_5^S)^2)}

    so that unrelated scores come out near 1 (`alignment_null`), and constant scores of .9 and .3 exactly at 1. Report
    it with `alignment_null`, `correlation`, `concordance` and `signed_gap`. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> alignment(np.array([[3.0], [4.0]]), np.array([[4.0], [3.0]])).round(4).tolist()  # 24 / (5 * 5)
    [0.96]
    """
    real, synthetic = _paired("T3 (alignment)", real, synthetic)
    cosine = moments.total(real * synthetic, over) / np.sqrt(
        moments.total(real**2, over) * moments.total(synthetic**2, over)
    )  # 0/0 is NaN
    _warn("T3 (alignment)", np.isnan(cosine))
    return cosine.clip(-1, 1)  # rounding may leave 1 + 1e-16


@_of_arrays_or_tensors
def alignment_null(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    r"""T3 without any relation between a case and its twin, :math:`1/\sqrt{(1+(T_5^R)^2)(1+(T_5^S)^2)}`, ``(..., K)``.

    It is the exact mean of `alignment` over all ways to pair the cases anew; T3 minus this is the part that pairing
    explains.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> alignment_null(np.array([[3.0], [4.0]]), np.array([[4.0], [3.0]])).round(4).tolist()  # mean of 24/25 and 25/25
    [0.98]
    """
    real, synthetic = _paired("T3's null", real, synthetic)
    null = 1 / np.sqrt((1 + moments.variation(real, 0, over) ** 2) * (1 + moments.variation(synthetic, 0, over) ** 2))
    _warn("T3's null", np.isnan(null))
    return null


@_of_arrays_or_tensors
def performance_gap(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    """T4: the mean absolute difference of paired scores in each region, Eq. (9), shape ``(..., K)``, lower is better.

    It is 0 for a model that predicts nothing anywhere, and its floor is the difference between two seeds.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> performance_gap(np.array([[1.0, 0.5], [0.5, 0.0]]), np.array([[0.5, 0.5], [0.5, 0.5]])).round(4).tolist()
    [0.25, 0.25]
    """
    real, synthetic = _paired("T4 (performance gap)", real, synthetic)
    gap = moments.mean(np.abs(real - synthetic), over)
    _warn("T4 (performance gap)", np.isnan(gap))
    return gap


@_of_arrays_or_tensors
def signed_gap(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    """Return the mean of real minus synthetic scores in each region, shape ``(..., K)``: T4 with its direction.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> signed_gap(np.array([[1.0, 0.5], [0.5, 0.0]]), np.array([[0.5, 0.5], [0.5, 0.5]])).round(4).tolist()
    [0.25, -0.25]
    """
    real, synthetic = _paired("the signed gap", real, synthetic)
    gap = moments.mean(real - synthetic, over)
    _warn("the signed gap", np.isnan(gap))
    return gap


@_of_arrays_or_tensors
def variability(scores: Scores, *, ddof: int = 0, over: CaseReduction = all_cases) -> Scores:
    """T5: the spread over cases relative to the mean in each region, Eq. (10), shape ``(..., K)``, lower is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> variability(np.array([[1.0, 0.5], [0.5, 0.5]])).round(4).tolist()  # spread .25 over mean .75, and no spread
    [0.3333, 0.0]
    """
    _check("T5 (variability)", scores)
    variation = moments.variation(scores, ddof, over)
    _warn("T5 (variability)", np.isnan(variation))
    return variation


@_of_arrays_or_tensors
def correlation(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    """Return the Pearson correlation of paired scores in each region, shape ``(..., K)``; NaN where either is constant.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> correlation(np.array([[0.1], [0.2], [0.3]]), np.array([[0.5], [0.7], [0.9]])).round(4).tolist()
    [1.0]
    """
    real, synthetic = _paired("the correlation", real, synthetic)
    cosine = moments.products(real, synthetic, over) / np.sqrt(
        moments.squares(real, over) * moments.squares(synthetic, over)
    )
    _warn("the correlation", np.isnan(cosine))
    return cosine.clip(-1, 1)


@_of_arrays_or_tensors
def concordance(real: Scores, synthetic: Scores, *, over: CaseReduction = all_cases) -> Scores:
    """Lin's concordance of paired scores in each region, ``(..., K)``: a correlation that asks for equal level too.

    Twice the covariance over the sum of both variances and the squared difference of the means (all with ``ddof=0``).

    Source: Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45 (1989).

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> concordance(np.array([[0.0], [1.0]]), np.array([[0.5], [1.5]])).round(4).tolist()  # .5 / (.25 + .25 + .25)
    [0.6667]
    """
    real, synthetic = _paired("the concordance", real, synthetic)
    shift = moments.mean(real - synthetic, over)
    variances = (moments.squares(real, over) + moments.squares(synthetic, over)) / moments.count(real, over)
    agreement = 2 * moments.products(real, synthetic, over) / moments.count(real, over) / (variances + shift**2)
    _warn("the concordance", np.isnan(agreement))
    return agreement


def _check(factor: str, *scores: Array) -> None:
    for s in scores:
        if not np.issubdtype(s.dtype, np.floating):
            raise TypeError(f"Expected floating point scores for {factor}, but got {s.dtype}.")
        if s.ndim < 2 or 0 in s.shape[-2:]:
            raise Refusal(
                f"Expected scores of shape (M, K) with at least one case and one region for {factor}, "
                f"but got {tuple(s.shape)}."
            )
    if len({s.shape for s in scores}) > 1:
        raise Refusal(
            f"Expected paired scores of one shape (M, K) for {factor}, but got {[tuple(s.shape) for s in scores]}. "
            "Pair real and synthetic cases by their id."
        )


def _paired(factor: str, real: Array, synthetic: Array) -> tuple[Array, Array]:
    """Return both with NaN wherever one of the two is undefined."""
    _check(factor, real, synthetic)
    undefined = np.isnan(real) | np.isnan(synthetic)
    return np.where(undefined, np.nan, real), np.where(undefined, np.nan, synthetic)


def _warn(factor: str, undefined: NDArray[np.bool_]) -> None:
    """Name the regions (the last dimension of ``undefined``) in which a factor has no value."""
    if undefined.any():
        regions = np.flatnonzero(undefined.reshape(-1, undefined.shape[-1]).any(axis=0)).tolist()
        warnings.warn(
            f"{factor} is undefined (NaN) for the regions with index {regions}: no case has a score there, or the "
            "scores are all zero or all equal.",
            stacklevel=4,
        )
