r"""The trust factors of the position paper, as plain functions of Dice scores, and what they should be read with.

Throughout, a float tensor of shape ``(M, K)`` holds the Dice score of each of M test cases in each of K regions; column
k is the paper's :math:`C_{\beta,k}`. Where two are asked for, row i of both belongs to the same case, real and
synthetic. Leading dimensions are batches (seeds, bootstrap resamples): ``(..., M, K)`` gives one result for each.

A NaN marks a region that is undefined in a case (see `dice_from_counts`). Such entries are left out, region by region;
where two are compared, from both. What cannot be computed (a region without any case, a zero mean, a zero vector) is
NaN, and a warning names the factor and the regions by index.

Standard deviations have ``ddof=0`` unless asked otherwise, as NumPy has them; the paper does not say.

Source: Babu et al., "Building Trust in Synthetic Data for Clinical AI", Eq. (6) to (10).
"""

import warnings

import torch
from torch import Tensor

from synthtrust.refusals import Refusal


def overall_performance(scores: Tensor) -> Tensor:
    """T1: the mean Dice over regions and cases, Eq. (6), shape ``(...)``, higher is better.

    The equation divides a vector by M and leaves out the sum over cases; it is read as the mean over both. Where cases
    lack a region, it is the mean of the regions' means, so that every region weighs the same.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> overall_performance(torch.tensor([[1.0, 0.5], [0.5, 0.0]]))
    tensor(0.5000)
    """
    _check("T1 (overall performance)", scores)
    region_mean = scores.nanmean(dim=-2)  # (..., K)
    _warn("T1 (overall performance)", region_mean.isnan())
    return region_mean.mean(dim=-1)


def case_consistency(scores: Tensor, *, ddof: int = 0) -> Tensor:
    """T2 as the paper writes it: 1 minus the spread over cases of the mean over regions, Eq. (7), shape ``(...)``.

    The paper's text speaks of consistency across regions, which the equation cannot see: a model with Dice .9, .5, .1
    in the three regions of every case gets 1. That reading is `region_consistency`. Where a case lacks a region, its
    mean is over the regions it has. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> case_consistency(torch.tensor([[1.0, 0.5], [0.5, 0.0]]))  # means .75 and .25, spread .25
    tensor(0.7500)
    """
    _check("T2 (case consistency)", scores)
    case_mean = scores.nanmean(dim=-1, keepdim=True)  # (..., M, 1)
    spread = _std(case_mean, ddof)[..., 0]
    _warn("T2 (case consistency)", spread.isnan()[..., None].expand(*spread.shape, scores.shape[-1]))
    return 1 - spread


def region_consistency(scores: Tensor, *, ddof: int = 0) -> Tensor:
    """T2 as the paper's text means it: 1 minus the spread over regions of the mean over cases, shape ``(...)``.

    This is Eq. (7) with cases and regions changed for one another, the smallest change that makes the equation say what
    the text says. The other reading, the mean over cases of 1 minus the spread over the regions of that case, is never
    larger (a spread is convex) and mixes the noise of single cases into the difference between regions: on scores where
    every region does equally well on average it stays below 1. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> region_consistency(torch.tensor([[1.0, 0.5], [0.5, 0.0]]))  # means .75 and .25, spread .25
    tensor(0.7500)
    """
    _check("T2 (region consistency)", scores)
    region_mean = scores.nanmean(dim=-2)  # (..., K)
    undefined = region_mean.isnan()
    _warn("T2 (region consistency)", undefined)
    spread = _std(region_mean[..., None], ddof)[..., 0]
    return torch.where(
        undefined.any(dim=-1), torch.nan, 1 - spread
    )  # a region nobody scored is not left out in silence


def alignment(real: Tensor, synthetic: Tensor) -> Tensor:
    r"""T3: the cosine between the scores of real and synthetic cases in each region, Eq. (8), shape ``(..., K)``.

    Never to be read alone. With :math:`\rho` the Pearson correlation and ``ddof=0``, it is exactly

    .. math:: T_3 = (1 + \rho T_5^R T_5^S) / \sqrt{(1 + (T_5^R)^2) (1 + (T_5^S)^2)}

    so that unrelated scores come out near 1 (`alignment_null`), and constant scores of .9 and .3 exactly at 1. Report
    it with `alignment_null`, `correlation`, `concordance` and `signed_gap`. Higher is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> alignment(torch.tensor([[3.0], [4.0]]), torch.tensor([[4.0], [3.0]]))  # 24 / (5 * 5)
    tensor([0.9600])
    """
    real, synthetic = _paired("T3 (alignment)", real, synthetic)
    cosine = (real * synthetic).nansum(dim=-2) / (_norm(real) * _norm(synthetic))  # 0/0 is NaN
    _warn("T3 (alignment)", cosine.isnan())
    return cosine.clamp(-1, 1)  # rounding may leave 1 + 1e-16


def alignment_null(real: Tensor, synthetic: Tensor) -> Tensor:
    r"""T3 without any relation between a case and its twin, :math:`1/\sqrt{(1+(T_5^R)^2)(1+(T_5^S)^2)}`, ``(..., K)``.

    It is the exact mean of `alignment` over all ways to pair the cases anew; T3 minus this is the part that pairing
    explains.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> alignment_null(torch.tensor([[3.0], [4.0]]), torch.tensor([[4.0], [3.0]]))  # mean of 24/25 and 25/25
    tensor([0.9800])
    """
    real, synthetic = _paired("T3's null", real, synthetic)
    null = ((1 + _variation(real, 0) ** 2) * (1 + _variation(synthetic, 0) ** 2)).rsqrt()
    _warn("T3's null", null.isnan())
    return null


def performance_gap(real: Tensor, synthetic: Tensor) -> Tensor:
    """T4: the mean absolute difference of paired scores in each region, Eq. (9), shape ``(..., K)``, lower is better.

    It is 0 for a model that predicts nothing anywhere, and its floor is the difference between two seeds.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> performance_gap(torch.tensor([[1.0, 0.5], [0.5, 0.0]]), torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    tensor([0.2500, 0.2500])
    """
    real, synthetic = _paired("T4 (performance gap)", real, synthetic)
    gap = (real - synthetic).abs().nanmean(dim=-2)
    _warn("T4 (performance gap)", gap.isnan())
    return gap


def signed_gap(real: Tensor, synthetic: Tensor) -> Tensor:
    """Return the mean of real minus synthetic scores in each region, shape ``(..., K)``: T4 with its direction.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> signed_gap(torch.tensor([[1.0, 0.5], [0.5, 0.0]]), torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    tensor([ 0.2500, -0.2500])
    """
    real, synthetic = _paired("the signed gap", real, synthetic)
    gap = (real - synthetic).nanmean(dim=-2)
    _warn("the signed gap", gap.isnan())
    return gap


def variability(scores: Tensor, *, ddof: int = 0) -> Tensor:
    """T5: the spread over cases relative to the mean in each region, Eq. (10), shape ``(..., K)``, lower is better.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If their shape is not ``(..., M, K)`` with at least one case and one region.

    >>> variability(torch.tensor([[1.0, 0.5], [0.5, 0.5]]))  # spread .25 over mean .75, and no spread
    tensor([0.3333, 0.0000])
    """
    _check("T5 (variability)", scores)
    variation = _variation(scores, ddof)
    _warn("T5 (variability)", variation.isnan())
    return variation


def correlation(real: Tensor, synthetic: Tensor) -> Tensor:
    """Return the Pearson correlation of paired scores in each region, shape ``(..., K)``; NaN where either is constant.

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> correlation(torch.tensor([[0.1], [0.2], [0.3]]), torch.tensor([[0.5], [0.7], [0.9]]))
    tensor([1.])
    """
    real, synthetic = _paired("the correlation", real, synthetic)
    real, synthetic = _centred(real), _centred(synthetic)
    cosine = (real * synthetic).nansum(dim=-2) / (_norm(real) * _norm(synthetic))
    _warn("the correlation", cosine.isnan())
    return cosine.clamp(-1, 1)


def concordance(real: Tensor, synthetic: Tensor) -> Tensor:
    """Lin's concordance of paired scores in each region, ``(..., K)``: a correlation that asks for equal level too.

    Twice the covariance over the sum of both variances and the squared difference of the means (all with ``ddof=0``).

    Source: Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45 (1989).

    Raises:
        TypeError: If the scores are not floating point.
        Refusal: If the shapes differ or are not ``(..., M, K)`` with at least one case and one region.

    >>> concordance(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.5], [1.5]]))  # .5 / (.25 + .25 + .25)
    tensor([0.6667])
    """
    real, synthetic = _paired("the concordance", real, synthetic)
    shift = (real - synthetic).nanmean(dim=-2)
    real, synthetic = _centred(real), _centred(synthetic)
    covariance = (real * synthetic).nanmean(dim=-2)
    agreement = 2 * covariance / ((real**2).nanmean(dim=-2) + (synthetic**2).nanmean(dim=-2) + shift**2)
    _warn("the concordance", agreement.isnan())
    return agreement


def _check(factor: str, *scores: Tensor) -> None:
    for s in scores:
        if not s.is_floating_point():
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


def _paired(factor: str, real: Tensor, synthetic: Tensor) -> tuple[Tensor, Tensor]:
    """Return both with NaN wherever one of the two is undefined."""
    _check(factor, real, synthetic)
    undefined = real.isnan() | synthetic.isnan()
    return real.masked_fill(undefined, torch.nan), synthetic.masked_fill(undefined, torch.nan)


def _warn(factor: str, undefined: Tensor) -> None:
    """Name the regions (the last dimension of ``undefined``) in which a factor has no value."""
    if undefined.any():
        regions = undefined.reshape(-1, undefined.shape[-1]).any(dim=0).nonzero().flatten().tolist()
        warnings.warn(
            f"{factor} is undefined (NaN) for the regions with index {regions}: no case has a score there, or the "
            "scores are all zero or all equal.",
            stacklevel=3,
        )


def _centred(scores: Tensor) -> Tensor:
    """Subtract the mean over cases; equal scores become exactly 0, which the rounding of their mean would spoil."""
    undefined = scores.isnan()
    largest = scores.masked_fill(undefined, -torch.inf).amax(dim=-2, keepdim=True)
    smallest = scores.masked_fill(undefined, torch.inf).amin(dim=-2, keepdim=True)
    return torch.where((largest == smallest) & ~undefined, 0.0, scores - scores.nanmean(dim=-2, keepdim=True))


def _norm(scores: Tensor) -> Tensor:
    return (scores**2).nansum(dim=-2).sqrt()


def _std(scores: Tensor, ddof: int) -> Tensor:
    """Return the standard deviation over cases, ``(..., K)``; NaN where no case, or not more than ``ddof``, is left."""
    n = scores.isnan().logical_not().sum(dim=-2)
    squares = (_centred(scores) ** 2).nansum(dim=-2)
    return torch.where(n > ddof, (squares / (n - ddof).clamp(min=1)).sqrt(), torch.nan)


def _variation(scores: Tensor, ddof: int) -> Tensor:
    mean = scores.nanmean(dim=-2)
    return torch.where(mean != 0, _std(scores, ddof) / mean, torch.nan)
