"""Areas under ROC curves: what their intervals cover, and how often a true loss at the margin is called harmless."""

from functools import cache, partial
from itertools import product

import numpy as np
from scipy import stats

from calibration.study import COVERS, NEVER_MORE_THAN_1_IN_20, Cell, Promise
from synthtrust.metrics.functional import area_gap, area_interval, area_ratio, auc_interval
from synthtrust.metrics.functional.placements import auc_by_class

MARGIN, SHARE = 0.05, 0.9
SEED_SPREAD = 0.05
"""Standard deviation over training seeds of how far the classes lie apart [standard deviations of a class]."""
SHARES = (0.8, 0.12, 0.08)
"""Parts of the variance of a score: the case in both arms, the case in one arm, the case under one seed."""
SIZES = ((10, 10), (15, 15), (10, 40), (25, 25), (50, 50), (125, 125))
FEW = ((2, 28), (3, 27), (5, 45))
"""Fewer patients on one side than SUPPORTED asks for: the bound has to hold all the same."""


def scores(rng, repetitions, sizes, distances, seeds=3):
    """Return the scores of several arms: positives ``(R, S, m)`` and negatives ``(R, S, n)`` of each."""
    m, n = sizes
    shared, single, trained = np.sqrt(SHARES)
    case = rng.normal(size=(repetitions, 1, m + n))
    arms = []
    for distance in distances:
        score = shared * case + single * rng.normal(size=case.shape)
        score = score + trained * rng.normal(size=(repetitions, seeds, m + n))
        shift = distance + SEED_SPREAD * rng.normal(size=(repetitions, seeds, 1))
        score[..., :m] += shift
        arms.append(score)
    return arms


@cache
def distance_of(area, seeds_vary=True):
    """Return how far two normal classes lie apart for the area, averaged over training seeds."""
    variance = 2 + (SEED_SPREAD**2 if seeds_vary else 0)  # the mean over a normal shift is a normal area again
    return float(stats.norm.ppf(area) * variance**0.5)


def contributions(score, m):
    """Return what each patient adds to the area, ``(S, P)``, of the scores of the seeds ``(S, P)``."""
    truth = (np.arange(score.shape[1]) < m).astype(int)
    return np.stack([auc_by_class(np.stack([-s, s], 1), truth)[1][:, 1] for s in score])


def one_area(rng, repetitions, area, sizes, seeds):
    (arm,) = scores(rng, repetitions, sizes, [distance_of(area)], seeds)
    intervals = [area_interval(contributions(score, sizes[0]), *sizes) for score in arm]
    return {
        "covered": np.array([i.low <= area <= i.high for i in intervals], float),
        "zero length": np.array([i.low == i.high for i in intervals], float),
    }


def two_arms(rng, repetitions, area, loss, sizes):
    arms = scores(rng, repetitions, sizes, [distance_of(area - loss), distance_of(area)])
    covered, harmless, kept = [], [], []
    for first, second in zip(*arms, strict=True):
        a, b = contributions(first, sizes[0]), contributions(second, sizes[0])
        gap = area_gap(a, b, *sizes)
        covered.append(gap.low <= -loss <= gap.high)
        harmless.append(gap.lower_bound > -MARGIN)
        kept.append(area_ratio(a, b, *sizes, chance=0.5).lower_bound > SHARE)
    return {
        "covered": np.array(covered, float),
        "loss shown to be below the margin": np.array(harmless, float),
        "share shown to be kept": np.array(kept, float),
    }


def membership(rng, repetitions, area, sizes):
    """Draw scores of patients, some of them with several images, as the privacy audit has them."""
    m, n = sizes
    patients = np.concatenate([np.repeat(np.arange(m // 2), 2), np.arange(m // 2, m - m // 2)])
    values = []
    for _ in range(repetitions):
        effect = rng.normal(size=(m,)) * 0.5**0.5
        positive = effect[patients] + rng.normal(size=len(patients)) * 0.5**0.5 + distance_of(area, False)
        found = auc_interval(positive, rng.normal(size=n), positive_groups=patients.tolist())
        values.append(found.low <= area <= found.high)
    return {"covered": np.array(values, float)}


PULL = 2.4


def classes(rng, n_cases, pull, *, case=None):
    """Return the probabilities of four classes ``(M, 4)`` and the classes ``(M,)``, as many of each."""
    truth = np.arange(n_cases) % 4
    score = (rng.normal(size=(n_cases, 4)) if case is None else case) + pull * np.eye(4)[truth]
    return score, truth


@cache
def macro_area(pull):
    """Return the true macro area, from 100,000 cases."""
    return float(np.mean(auc_by_class(*classes(np.random.default_rng(5), 100_000, pull))[0]))


@cache
def pull_of(area):
    """Return the pull that gives a macro area."""
    low, high = 0.0, 8.0
    while high - low > 3e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if macro_area(middle) < area else (low, middle)
    return (low + high) / 2


def four_classes(rng, repetitions, area, loss, n):
    covered, gap_covered, harmless = [], [], []
    pulls = pull_of(area - loss), pull_of(area)
    true = macro_area(pulls[1]), macro_area(pulls[0]) - macro_area(pulls[1])
    for _ in range(repetitions):
        case = rng.normal(size=(4 * n, 4))
        arms = []
        for pull in pulls:
            own = 0.8**0.5 * case + 0.12**0.5 * rng.normal(size=case.shape)
            seeds = [classes(rng, 4 * n, pull, case=own + 0.08**0.5 * rng.normal(size=case.shape)) for _ in range(3)]
            arms.append(np.stack([auc_by_class(*seed)[1].mean(axis=1) for seed in seeds]))
        counts = np.full(4, n), np.full(4, 3 * n)
        whole, gap = area_interval(arms[1], *counts), area_gap(*arms, *counts)
        covered.append(whole.low <= true[0] <= whole.high)
        gap_covered.append(gap.low <= true[1] <= gap.high)
        harmless.append(gap.lower_bound > -MARGIN)
    return {
        "covered": np.array(covered, float),
        "gap covered": np.array(gap_covered, float),
        "loss shown to be below the margin": np.array(harmless, float),
    }


def _size(sizes):
    return f"{sizes[0]} / {sizes[1]} patients"


CHAPTER = "Areas under ROC curves"
NO_LENGTH = Promise(0.0, 0.0, 0.0)
CELLS = [
    *(
        Cell(
            CHAPTER, "one area", f"{area:g}, {_size(sizes)}, 3 seeds", {"covered": COVERS, "zero length": NO_LENGTH},
            partial(one_area, area=area, sizes=sizes, seeds=3), 500,
        )
        for area, sizes in product((0.86, 0.95, 0.99), (*SIZES, *FEW))
    ),
    *(
        Cell(
            CHAPTER, "TSTR - TRTR", f"TRTR {area:g}, loss {MARGIN:g}, {_size(sizes)}, 3 seeds",
            {
                "covered": COVERS,
                "loss shown to be below the margin": NEVER_MORE_THAN_1_IN_20,
            },
            partial(two_arms, area=area, loss=MARGIN, sizes=sizes), 500,
            everyday=120 if (area, sizes) in ((0.99, (15, 15)), (0.95, (2, 28))) else 0,
        )
        for area, sizes in product((0.86, 0.95, 0.99), (*SIZES, *FEW))
    ),
    *(
        Cell(
            CHAPTER, "share kept of what lies above .5", f"TRTR {area:g}, share {SHARE:g}, {_size(sizes)}, 3 seeds",
            {"share shown to be kept": NEVER_MORE_THAN_1_IN_20},
            partial(two_arms, area=area, loss=(1 - SHARE) * (area - 0.5), sizes=sizes), 500,
        )
        for area, sizes in product((0.86, 0.99), ((15, 15), (10, 40), (50, 50)))
    ),
    *(
        Cell(
            CHAPTER, "TSTR - TRTR, macro area of 4 classes",
            f"TRTR {area:g}, loss {loss:g}, {n} patients a class, 3 seeds",
            {"covered": COVERS, "gap covered": COVERS}
            | ({"loss shown to be below the margin": NEVER_MORE_THAN_1_IN_20} if loss == MARGIN else {}),
            partial(four_classes, area=area, loss=loss, n=n), 400,
        )
        for area, loss, n in product((0.95, 0.998), (0.024, MARGIN), (10, 25, 50))
    ),
    *(
        Cell(
            CHAPTER, "membership area, a third of the patients with two images", f"{area:g}, {_size(sizes)}",
            {"covered": COVERS}, partial(membership, area=area, sizes=sizes), 1000,
        )
        for area, sizes in product((0.5, 0.8, 0.97), ((20, 20), (100, 60)))
    ),
]  # fmt: skip
