"""Every trust factor is its equation, for any batch, and says where it is undefined."""

import warnings

import numpy as np
import pytest
import torch

from synthtrust.metrics import functional as F  # noqa: N812


def double(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


REAL = double([[0.80, 0.90, 0.60], [0.70, 0.85, 0.50], [0.90, 0.95, 0.75], [0.60, 0.80, 0.35]])
SYNTHETIC = double([[0.82, 0.91, 0.66], [0.78, 0.88, 0.60], [0.91, 0.93, 0.78], [0.70, 0.84, 0.50]])

OF_ONE = [F.overall_performance, F.case_consistency, F.region_consistency, F.variability]
OF_TWO = [F.alignment, F.performance_gap, F.alignment_null, F.signed_gap, F.correlation, F.concordance]


def scores(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).beta(8, 2, shape))


def close(result: torch.Tensor, expected: object, atol: float = 1e-12) -> None:
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("factor", "real", "synthetic"),
    [
        pytest.param(F.overall_performance, 0.725, 0.775833, id="T1, Eq. (6)"),
        pytest.param(F.case_consistency, 0.895584, 0.929945, id="T2, Eq. (7)"),
        pytest.param(F.region_consistency, 0.866147, 0.894203, id="T2, its text"),
        pytest.param(F.variability, [0.149071, 0.063888, 0.265043], [0.094234, 0.038103, 0.159631], id="T5, Eq. (10)"),
    ],
)
def test_a_factor_of_one_source_has_its_golden_value(factor, real, synthetic):
    close(factor(REAL), real, atol=5e-7)  # the values have six digits
    close(factor(SYNTHETIC), synthetic, atol=5e-7)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        pytest.param(F.alignment, [0.998410, 0.999643, 0.994853], id="T3, Eq. (8)"),
        pytest.param(F.performance_gap, [0.0525, 0.025, 0.085], id="T4, Eq. (9)"),
        pytest.param(F.signed_gap, [-0.0525, -0.015, -0.085], id="signed gap"),
        pytest.param(F.correlation, [0.990557, 0.989071, 0.998209], id="Pearson"),
    ],
)
def test_a_factor_of_both_sources_has_its_golden_value(factor, expected):
    close(factor(REAL, SYNTHETIC), expected, atol=5e-7)


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_factors_of_one_source_are_their_equations(ddof):
    c = scores(20, 3).numpy()
    close(F.overall_performance(torch.from_numpy(c)), sum(sum(row) / 3 for row in c) / 20)
    close(F.case_consistency(torch.from_numpy(c), ddof=ddof), 1 - np.std([sum(row) / 3 for row in c], ddof=ddof))
    close(F.region_consistency(torch.from_numpy(c), ddof=ddof), 1 - np.std(c.mean(axis=0), ddof=ddof))
    close(F.variability(torch.from_numpy(c), ddof=ddof), c.std(axis=0, ddof=ddof) / c.mean(axis=0))


def test_the_factors_of_both_sources_are_their_equations():
    r, s = scores(20, 3).numpy(), scores(20, 3, seed=1).numpy()
    real, synthetic = torch.from_numpy(r), torch.from_numpy(s)
    close(
        F.alignment(real, synthetic),
        [r[:, k] @ s[:, k] / np.sqrt(r[:, k] @ r[:, k] * (s[:, k] @ s[:, k])) for k in range(3)],
    )
    close(
        F.performance_gap(real, synthetic),
        [sum(abs(a - b) for a, b in zip(r[:, k], s[:, k], strict=True)) / 20 for k in range(3)],
    )
    close(F.signed_gap(real, synthetic), r.mean(axis=0) - s.mean(axis=0))
    close(F.correlation(real, synthetic), [np.corrcoef(r[:, k], s[:, k])[0, 1] for k in range(3)])
    covariance = [np.cov(r[:, k], s[:, k], ddof=0) for k in range(3)]
    shift = r.mean(axis=0) - s.mean(axis=0)
    close(
        F.concordance(real, synthetic),
        [2 * c[0, 1] / (c[0, 0] + c[1, 1] + d**2) for c, d in zip(covariance, shift, strict=True)],
    )


@pytest.mark.parametrize("seed", range(5))
def test_alignment_is_a_function_of_variability_and_correlation(seed):
    real = scores(30, 4, seed=seed)
    synthetic = 0.3 * real + 0.7 * scores(30, 4, seed=seed + 100)
    t5_r, t5_s, rho = F.variability(real), F.variability(synthetic), F.correlation(real, synthetic)
    identity = (1 + rho * t5_r * t5_s) / ((1 + t5_r**2) * (1 + t5_s**2)).sqrt()
    close(F.alignment(real, synthetic), identity)


def test_the_null_of_alignment_is_its_mean_over_all_pairings():
    real, synthetic = scores(6, 2), scores(6, 2, seed=1)
    turned = [F.alignment(real, synthetic.roll(shift, dims=0)) for shift in range(6)]  # each pair meets exactly once
    close(F.alignment_null(real, synthetic), torch.stack(turned).mean(dim=0))


def test_alignment_of_unrelated_scores_is_near_one():
    real, synthetic = scores(4000, 1), scores(4000, 1, seed=1)
    close(F.alignment(real, synthetic), [0.978], atol=0.002)  # E[c]^2 / E[c^2] of Beta(8, 2): .64 / .6545
    close(F.correlation(real, synthetic), [0.0], atol=0.05)


def test_the_equation_of_consistency_cannot_see_a_region_that_fails():
    unfair = double([[0.9, 0.5, 0.1]] * 10)
    close(F.case_consistency(unfair), 1.0)
    close(F.region_consistency(unfair), 1 - np.std([0.9, 0.5, 0.1]))


def test_consistency_within_cases_is_never_above_consistency_of_the_regions():
    c = scores(50, 3)
    within_cases = (1 - c.std(dim=1, correction=0)).mean()  # the other reading of the text
    assert within_cases < F.region_consistency(c)


@pytest.mark.parametrize("factor", [*OF_ONE, *OF_TWO], ids=lambda f: f.__name__)
def test_leading_dimensions_are_batches(factor):
    sources = [scores(2, 5, 12, 3, seed=seed) for seed in range(1 if factor in OF_ONE else 2)]
    sources[0][0, 0, 3, 1] = torch.nan
    expected = [[factor(*(source[i, j] for source in sources)) for j in range(5)] for i in range(2)]
    close(factor(*sources), np.array([[e.numpy() for e in row] for row in expected]))


@pytest.mark.parametrize("factor", OF_TWO, ids=lambda f: f.__name__)
def test_a_case_undefined_in_one_source_is_left_out_of_both_in_that_region_only(factor):
    real, synthetic = scores(9, 2), scores(9, 2, seed=1)
    gaps = real.clone()
    gaps[4, 1] = torch.nan
    defined = [i for i in range(9) if i != 4]
    expected = torch.stack([factor(real, synthetic)[0], factor(real[defined], synthetic[defined])[1]])
    close(factor(gaps, synthetic), expected)
    close(
        factor(synthetic, gaps), torch.stack([factor(synthetic, real)[0], factor(synthetic[defined], real[defined])[1]])
    )


def test_factors_of_one_source_leave_out_what_is_undefined():
    c = double([[0.8, 0.6], [0.4, torch.nan], [0.6, 0.2]])
    close(F.overall_performance(c), (0.6 + 0.4) / 2)
    close(F.case_consistency(c), 1 - np.std([0.7, 0.4, 0.4]))
    close(F.region_consistency(c), 1 - np.std([0.6, 0.4]))
    close(F.variability(c), [np.std([0.8, 0.4, 0.6]) / 0.6, 0.2 / 0.4])


@pytest.mark.parametrize("factor", [*OF_ONE, *OF_TWO], ids=lambda f: f.__name__)
def test_a_region_without_any_score_is_named_in_a_warning(factor):
    c = scores(6, 3)
    c[:, 1] = torch.nan
    if factor is F.case_consistency:  # looks at cases, which still have two regions
        c[:] = torch.nan
    arguments = [c] if factor in OF_ONE else [c, scores(6, 3, seed=1)]
    with pytest.warns(UserWarning, match=r"undefined \(NaN\) for the regions with index \[(1|0, 1, 2)\]"):
        result = factor(*arguments)
    assert result.isnan().tolist() == ([False, True, False] if result.ndim else True)


@pytest.mark.parametrize("factor", [F.alignment, F.alignment_null], ids=lambda f: f.__name__)
def test_a_region_of_zeros_has_no_direction(factor):
    real, synthetic = scores(6, 3), scores(6, 3, seed=1)
    synthetic[:, 2] = 0
    with pytest.warns(UserWarning, match=r"T3.* index \[2\]"):
        assert factor(real, synthetic).isnan().tolist() == [False, False, True]


def test_variability_of_a_region_of_zeros_is_undefined():
    c = scores(6, 3)
    c[:, 0] = 0
    with pytest.warns(UserWarning, match=r"T5 \(variability\).* index \[0\]"):
        assert F.variability(c).isnan().tolist() == [True, False, False]


@pytest.mark.parametrize("factor", [F.correlation, F.concordance], ids=lambda f: f.__name__)
def test_equal_scores_have_no_correlation_in_spite_of_rounding(factor):
    equal = torch.full((7, 1), 0.1)  # seven times .1 over seven is not .1 in float32
    with pytest.warns(UserWarning, match=r"index \[0\]"):
        assert factor(equal, equal).isnan().all()


def test_nothing_predicted_anywhere_looks_like_a_perfect_gap():
    nothing = torch.zeros(5, 2)
    assert F.performance_gap(nothing, nothing).tolist() == [0.0, 0.0]  # why T4 is never read without T1


def test_defined_factors_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for factor in (*OF_ONE, *OF_TWO):
            factor(*[scores(5, 2, seed=seed) for seed in range(1 if factor in OF_ONE else 2)])


@pytest.mark.parametrize("factor", [*OF_ONE, *OF_TWO], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("c", "error", "message"),
    [
        (torch.rand(5), ValueError, r"\(M, K\).* but got \(5,\)"),
        (torch.rand(0, 3), ValueError, r"at least one case.* but got \(0, 3\)"),
        (torch.rand(4, 0), ValueError, r"at least one case.* but got \(4, 0\)"),
        (torch.ones(4, 3, dtype=torch.int64), TypeError, "Expected floating point scores .* but got int64"),
    ],
    ids=["one axis", "no case", "no region", "integers"],
)
def test_what_is_no_table_of_scores_is_refused(factor, c, error, message):
    with pytest.raises(error, match=message):
        factor(*([c] if factor in OF_ONE else [c, c]))


@pytest.mark.parametrize("factor", [*OF_ONE, *OF_TWO], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_arrays_give_arrays_and_tensors_tensors_of_the_same_numbers(factor, dtype):
    c = [scores(20, 3, seed=seed).to(dtype) for seed in range(1 if factor in OF_ONE else 2)]
    result, array = factor(*c), factor(*(x.numpy() for x in c))
    assert type(result) is torch.Tensor
    assert result.dtype == dtype
    assert isinstance(array, np.ndarray | np.generic)
    np.testing.assert_array_equal(result.numpy(), array.astype(result.numpy().dtype))


@pytest.mark.parametrize("factor", OF_TWO, ids=lambda f: f.__name__)
def test_unpaired_scores_are_refused(factor):
    with pytest.raises(ValueError, match=r"Expected paired scores .* but got \[\(5, 3\), \(4, 3\)\]. Pair"):
        factor(torch.rand(5, 3), torch.rand(4, 3))
