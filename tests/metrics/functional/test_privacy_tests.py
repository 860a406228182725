"""P1 to P4 accuse those who copied, acquit those who did not, and say when they cannot tell."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from synthtrust.metrics.functional.copy_search import copy_search
from synthtrust.metrics.functional.membership import membership_auc
from synthtrust.metrics.functional.nearest_share import nearest_real_share
from synthtrust.metrics.functional.twin_leak import paired_twin_test, region_residual_similarity


def similarities(rng, n):
    return np.sort(rng.normal(0.55, 0.04, (n, 6)))[:, ::-1]


# P1


def test_the_copy_scores_are_the_equations():
    rng = np.random.default_rng(0)
    ours, unseen = similarities(rng, 7), similarities(rng, 25)

    def robust(values, reference):
        return (values - np.median(reference)) / stats.median_abs_deviation(reference) / 1.4826

    def rho(s):
        d = np.sqrt(2 * (1 - s))
        return np.log(d[:, 0] / d[:, 1:].mean(axis=1))

    found = copy_search(ours, unseen)
    np.testing.assert_allclose(found.z, robust(np.arctanh(ours[:, 0]), np.arctanh(unseen[:, 0])))
    np.testing.assert_allclose(found.r, robust(rho(ours), rho(unseen)))
    assert found.n_holdout == 25


def test_a_copy_must_be_near_to_one_image_only():
    unseen = similarities(np.random.default_rng(0), 40)
    one, all_alike = np.array([0.97, 0.6, 0.6, 0.6, 0.6, 0.6]), np.full(6, 0.97)  # low diversity is no leak
    found = copy_search(np.stack([one, all_alike]), unseen)
    assert found.copy.tolist() == [True, False]
    assert not found.suspect.any()


def test_an_exact_copy_has_finite_scores():
    found = copy_search([[1.0, 0.5, 0.5, 0.5, 0.5, 0.5]], similarities(np.random.default_rng(0), 20))
    assert found.copy.all()
    assert np.isfinite([found.z, found.r]).all()


@pytest.mark.parametrize(
    ("ours", "unseen", "message"),
    [
        (np.full((3, 5), 0.5), np.full((20, 6), 0.5), "At least 6 training images"),
        (np.full((3, 6), math.nan), np.full((20, 6), 0.5), "from -1 to 1"),
        (np.arange(6)[None] / 10, np.full((20, 6), 0.5), "best first"),
        (np.full((3, 6), 0.5), np.full((9, 6), 0.5), "at least 10 unseen patients"),
        (np.full((3, 6), 0.5), np.full((20, 6), 0.5), "20 equal ones"),
    ],
)
def test_what_the_copy_search_cannot_use_is_refused(ours, unseen, message):
    with pytest.raises(ValueError, match=message):
        copy_search(ours, unseen)


# P2


def test_a_replay_with_replacement_has_the_area_of_theory():
    rng = np.random.default_rng(0)
    areas, rates = [], []
    for seed in range(20):
        covered = np.isin(np.arange(200), rng.integers(0, 200, 200))
        members = np.where(covered, 1.0, rng.normal(0, 0.1, 200))
        found = membership_auc(members, rng.normal(0, 0.1, 200), n_permutations=99, seed=seed)
        areas.append(found.auc.value)
        rates.append(found.tpr[0.05])
        assert found.auc.p == 0.01
    c = 1 - (1 - 1 / 200) ** 200
    assert np.mean(areas) == pytest.approx(c + 0.5 * (1 - c), abs=0.01)  # .817
    assert np.mean(rates) == pytest.approx(c + 0.05 * (1 - c), abs=0.02)  # .65


def test_an_honest_set_is_acquitted_and_its_control_holds():
    rng = np.random.default_rng(1)
    found = membership_auc(rng.normal(size=100), rng.normal(size=100))
    assert found.auc.low < 0.5 < found.auc.high
    assert found.auc.p > 0.01
    assert found.null.low < 0.5 < found.null.high
    assert found.null.level == 0.99
    assert math.isnan(found.tpr[0.01])  # one image of 100: needs 200
    assert found.null.n_positive + found.null.n_negative == 100


def test_the_null_control_keeps_patients_whole():
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(24), 3)
    found = membership_auc(rng.normal(size=72), rng.normal(size=30), patients.tolist(), [f"h{i}" for i in range(30)])
    assert (found.auc.n_positive, found.null.n_positive, found.null.n_negative) == (24, 12, 12)


def test_membership_needs_patients_who_are_on_one_side():
    with pytest.raises(
        ValueError, match=r"at least 10 patients on each side for membership inference, but got 9 and 30"
    ):
        membership_auc(np.arange(9.0), np.arange(30.0))
    with pytest.raises(ValueError, match="one side only"):
        membership_auc(np.arange(10.0), np.arange(10.0), list(range(10)), list(range(9, 19)))


# P3


def test_the_share_of_a_replay_is_1_and_of_an_honest_set_a_half():
    rng = np.random.default_rng(0)
    train = np.repeat([True, False], 50)
    replay = nearest_real_share(rng.integers(0, 50, 50), train)
    honest = nearest_real_share(rng.integers(0, 100, 50), train)
    assert (replay.value, replay.p, replay.low) == (1.0, 0.001, 1.0)
    assert honest.low < 0.5 < honest.high
    assert honest.p > 0.01


def test_hubs_do_not_make_a_leak():
    rng = np.random.default_rng(0)
    train = np.repeat([True, False], 30)
    p, naive = [], []
    for seed in range(200):
        hubs = rng.permutation(60)[:4]  # a blurred generator: four real images are nearest to all 100
        found = nearest_real_share(rng.choice(hubs, 100), train, n_permutations=199, n_boot=50, seed=seed)
        p.append(found.p)
        naive.append(stats.binomtest(round(100 * found.value), 100, alternative="greater").pvalue)
    assert np.mean(np.array(p) <= 0.05) < 0.11
    assert np.mean(np.array(naive) <= 0.05) > 0.2


def test_the_share_is_over_patients():
    patients = np.repeat(np.arange(24), 2).tolist()
    found = nearest_real_share([0, 1, 2, 47], np.arange(48) < 24, patients)
    assert (found.value, found.n_train, found.n_holdout, found.expected) == (0.75, 12, 12, 0.5)
    with pytest.raises(ValueError, match=r"one side only, but got \['12'\]"):
        nearest_real_share([0, 1], np.arange(48) < 25, patients)
    with pytest.raises(ValueError, match="but got 5 and 19"):
        nearest_real_share([0, 1], np.arange(24) < 5)
    with pytest.raises(ValueError, match="index from 0 to 23"):
        nearest_real_share([24], np.arange(24) < 12)


# P4


@pytest.fixture
def twins():
    """Return what makes a twin: a real image, its label and another texture on the same label."""
    rng = np.random.default_rng(0)
    label = torch.zeros(9, 8, 7, dtype=torch.int64)
    label[2:7, 2:6, 1:6] = 1
    label[4:6, 3:5, 2:5] = 2
    real, other = (torch.from_numpy(rng.normal(size=(2, 9, 8, 7))) + 5 * label for _ in range(2))
    return real, other, label


def test_the_residual_similarity_ignores_what_the_mask_explains(twins):
    real, other, label = twins
    assert region_residual_similarity(real, 3 * real + 100 * label, label, [0, 1, 2]) == pytest.approx(1)
    assert abs(region_residual_similarity(real, other, label, [0, 1, 2])) < 0.15
    half = torch.stack([real[0], other[1]])
    assert region_residual_similarity(real, half, label, [0, 1, 2]) == pytest.approx(0.5, abs=0.1)


def test_a_twin_without_texture_has_no_similarity(twins):
    real, _, label = twins
    assert math.isnan(region_residual_similarity(real, 5.0 * label.expand(2, -1, -1, -1), label, [1, 2]))
    assert math.isnan(region_residual_similarity(real, real, label, [3]))
    with pytest.raises(ValueError, match="on one label map"):
        region_residual_similarity(real, real, label[1:], [1])
    with pytest.raises(ValueError, match="finite intensities"):
        region_residual_similarity(real, torch.full_like(real, math.nan), label, [1])


def test_twins_of_seen_and_unseen_masks_are_compared():
    rng = np.random.default_rng(0)
    honest = paired_twin_test(rng.normal(0.5, 0.1, 60), rng.normal(0.5, 0.1, 60))
    leaking = paired_twin_test(rng.normal(0.9, 0.05, 60), rng.normal(0.5, 0.1, 60))
    assert honest.low < 0.5 < honest.high
    assert leaking.value > 0.99
    assert leaking.p == 0.001
    with pytest.raises(ValueError, match="paired-twin test, but got 60 and 4"):
        paired_twin_test(rng.normal(size=60), rng.normal(size=4))
