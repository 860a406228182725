"""The band over alphas does not cry wolf where single intervals do, and still finds what is there."""

import numpy as np
import pytest
from scipy import stats

from synthtrust.metrics.functional import alpha_band, gap_interval


def identical(rng: np.random.Generator, n_alphas: int = 11, n_seeds: int = 1, n_patients: int = 60) -> np.ndarray:
    """Curves ``(A, S, P)`` of a recipe for which alpha makes no difference; the true mean is .8 everywhere."""
    patient = rng.beta(8, 2, n_patients)
    return patient + rng.normal(0, 0.05, (n_alphas, n_seeds, n_patients))


def test_identical_alphas_are_told_apart_by_single_intervals_but_not_by_the_band():
    rng, n_studies = np.random.default_rng(0), 200
    single = together = missed = 0
    for study in range(n_studies):
        curves = identical(rng)
        band = alpha_band(curves, n_boot=400, seed=study)
        gaps = [gap_interval(curve, curves[0]) for curve in curves[1:]]
        single += any(not gap.low <= 0 <= gap.high for gap in gaps)
        together += not band.not_excluded.all()
        missed += not ((band.low <= 0.8) & (band.high >= 0.8)).all()
    assert single / n_studies > 0.2
    for level in (together, missed):
        assert level / n_studies < 0.05 + 3 * (0.05 * 0.95 / n_studies) ** 0.5


def test_seeds_widen_the_band():
    rng = np.random.default_rng(1)
    curves = identical(rng, n_alphas=5, n_seeds=3)
    noisy = curves + rng.normal(0, 0.05, (5, 3, 1))
    quiet, loud = alpha_band(curves), alpha_band(noisy)
    assert ((loud.high - loud.low) > (quiet.high - quiet.low)).all()
    assert (loud.n_cases, loud.n_seeds, loud.level) == (60, 3, 0.95)


def test_an_alpha_with_more_spread_leaves_the_others_alone():
    curves = identical(np.random.default_rng(8), n_alphas=4)
    spread = curves * np.array([100, 1, 1, 1])[:, None, None]
    calm, wild = alpha_band(curves), alpha_band(spread)
    np.testing.assert_allclose(wild.low[1:], calm.low[1:], rtol=1e-9)
    np.testing.assert_allclose(wild.low[0], 100 * calm.low[0], rtol=1e-9)


def test_where_only_seeds_differ_the_band_is_that_of_their_pooled_variance():
    seeds = np.random.default_rng(9).normal(0.8, 0.03, (2, 6, 1))
    band = alpha_band(np.broadcast_to(seeds, (2, 6, 40)), n_boot=20000)
    error = np.sqrt(seeds[:, :, 0].var(axis=1, ddof=1).mean() / 6)
    quantile = stats.t.ppf((1 + 0.95**0.5) / 2, 10)  # two alphas, 2 * (6 - 1) degrees of freedom
    np.testing.assert_allclose(band.high - band.mean, quantile * error, rtol=0.04)  # the common error makes it narrower


def test_seeds_that_differ_do_not_exclude_anything_by_chance():
    rng = np.random.default_rng(2)
    excluded = 0
    for study in range(100):
        curves = identical(rng, n_seeds=3) + rng.normal(0, 0.03, (11, 3, 1))
        excluded += not alpha_band(curves, n_boot=300, seed=study).not_excluded.all()
    assert excluded <= 12  # 5 expected at the nominal level


def test_an_alpha_that_is_worse_is_excluded_and_the_best_two_are_kept():
    curves = identical(np.random.default_rng(3), n_alphas=4) + np.array([-0.2, -0.1, 0.0, 0.0])[:, None, None]
    band = alpha_band(curves)
    assert band.not_excluded.tolist() == [False, False, True, True]
    assert (band.low < band.mean).all()
    assert (band.mean < band.high).all()


def test_the_best_alpha_is_never_excluded():
    rng = np.random.default_rng(4)
    for _ in range(20):
        band = alpha_band(identical(rng, n_alphas=3, n_patients=6), n_boot=100)
        assert band.not_excluded[band.mean.argmax()]


def test_the_very_same_scores_at_two_alphas_are_no_reason_to_stumble():
    curve = np.random.default_rng(5).beta(8, 2, (1, 1, 30))
    band = alpha_band(np.concatenate([curve, curve, curve - 0.1]))
    assert band.not_excluded.tolist() == [True, True, False]


def test_patients_without_a_score_are_left_out_and_one_patient_excludes_nothing():
    curves = identical(np.random.default_rng(6), n_alphas=3)
    curves[1, 0, 7] = np.nan
    assert alpha_band(curves).n_cases == 59
    alone = alpha_band(curves[:, :, :1])
    assert alone.not_excluded.all()
    assert np.isnan(alone.low).all()


def test_the_seed_of_the_resampling_decides():
    curves = identical(np.random.default_rng(7), n_seeds=2)
    assert (alpha_band(curves, seed=1).low == alpha_band(curves, seed=1).low).all()
    assert (alpha_band(curves, seed=1).low != alpha_band(curves, seed=2).low).all()


@pytest.mark.parametrize("shape", [(3, 5), (1, 2, 5), (3, 0, 5)])
def test_what_is_no_set_of_curves_is_refused(shape):
    with pytest.raises(ValueError, match="Expected curves of shape"):
        alpha_band(np.ones(shape))


@pytest.mark.parametrize("draw", range(4))
@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_no_interval_of_one_alpha_is_wider_than_the_band(draw, seeds):
    rng = np.random.default_rng(draw)
    curves = (
        0.7 + 0.1 * rng.normal(size=(1, 1, 25)) + rng.uniform(0, 0.1, (5, seeds, 1)) * rng.normal(size=(5, seeds, 1))
    )
    band = alpha_band(curves + 0.02 * rng.normal(size=(5, seeds, 25)), n_boot=400)
    assert (band.low <= band.point_low).all()
    assert (band.point_low < band.mean).all()
    assert (band.point_high <= band.high).all()
