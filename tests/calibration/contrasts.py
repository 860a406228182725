"""Paired contrasts of trust factors: how often a difference that is not there is shown, and what intervals cover."""

from functools import cache, partial
from itertools import product

import numpy as np
from scipy.special import expit

from calibration.study import COVERS, NEVER_MORE_THAN_1_IN_20, Cell
from synthtrust.metrics.functional import (
    alpha_slope,
    case_consistency,
    crossing,
    minimum_place,
    overall_performance,
    region_order,
    source_contrast,
    variability,
)

ALPHAS = (0.0, 0.5, 1.0)
SPREAD = 0.1
"""Standard deviation over training seeds [logit]."""
FAILURE = -2.2
"""Normal score below which a region is missed altogether, in about 2 % of the cases."""


def draw(rng, n_patients, seeds, levels=((0.0, 0.0),) * 3):
    """Return arms with three exchangeable regions; ``levels`` of real and synthetic cases at each alpha [logit]."""
    patient, failure = rng.normal(size=(n_patients, 1)), rng.normal(size=(n_patients, 3))
    region = rng.normal(size=(n_patients, 3))
    case = [1.2 + 0.6 * patient + 0.6 * region + 0.4 * rng.normal(size=(n_patients, 3)) for _ in range(2)]
    arms = {}
    for alpha, level in zip(ALPHAS, levels, strict=True):
        sources = []
        for source in range(2):
            noise = SPREAD * rng.normal(size=(seeds, 1, 1)) + 0.3 * rng.normal(size=(seeds, n_patients, 3))
            dice = expit(case[source] + level[source] + noise)
            dice[failure + 0.4 * rng.normal(size=dice.shape) < FAILURE] = 0.0
            sources.append(dice)
        arms[alpha] = list(zip(*sources, strict=True))
    return arms


def no_difference(rng, repetitions, n_patients, seeds):
    """Draw sources, regions and alphas that do not differ in truth."""
    names = ("T2", "T5", "slope of T1", "order of T3", "minimum of T4", "all alphas kept")
    shown = {name: np.zeros(repetitions) for name in names}
    for i in range(repetitions):
        arms = draw(rng, n_patients, seeds)
        real, synthetic = ([(pair[source],) for pair in arms[1.0]] for source in range(2))
        shown["T2"][i] = source_contrast(case_consistency, real, synthetic)[0].p <= 0.05
        shown["T5"][i] = np.mean([c.p <= 0.05 for c in source_contrast(variability, real, synthetic)])
        on_real = {alpha: [(pair[0],) for pair in arm] for alpha, arm in arms.items()}
        shown["slope of T1"][i] = alpha_slope(overall_performance, on_real)[0].p <= 0.05
        shown["order of T3"][i] = region_order([0, 1, 2], arms[1.0]).p <= 0.05
        places = minimum_place(0.5, arms)
        shown["minimum of T4"][i] = np.mean([place.p <= 0.05 for place in places])
        shown["all alphas kept"][i] = np.mean([0.5 in place.not_excluded for place in places])
    return shown


@cache
def mean_score(level):
    """Return the mean Dice of all patients at a level."""
    arms = draw(np.random.default_rng(0), 200_000, 1, ((level, 0.0),) * 3)
    return float(np.mean(arms[0.0][0][0]))


def crossings(rng, repetitions, n_patients, seeds):
    """Draw real cases that gain over alpha and cross twins between .5 and 1, or that are level with them at 0."""
    levels = ((-0.4, 0.0), (-0.1, 0.0), (0.3, 0.0))
    gains = [mean_score(real) - mean_score(0.0) for real, _ in levels]
    true = 0.5 - gains[1] * 0.5 / (gains[2] - gains[1])
    covered, shown = np.zeros(repetitions), np.zeros(repetitions)
    for i in range(repetitions):
        place = crossing(overall_performance, draw(rng, n_patients, seeds, levels))
        covered[i] = place.low <= true <= place.high
        level_at_0 = draw(rng, n_patients, seeds, ((0.0, 0.0), (0.3, 0.0), (0.9, 0.0)))
        shown[i] = crossing(overall_performance, level_at_0).p <= 0.05
    return {"covered": covered, "crossing shown": shown}


CHAPTER = "Paired contrasts of trust factors"
NULLS = dict.fromkeys(("T2", "T5", "slope of T1", "order of T3", "minimum of T4"), NEVER_MORE_THAN_1_IN_20)
CELLS = [
    *(
        Cell(
            CHAPTER, "differences shown that are not there", f"{n} patients, {s} seeds",
            NULLS | {"all alphas kept": COVERS}, partial(no_difference, n_patients=n, seeds=s), 300,
        )
        for n, s in product((30, 100), (2, 3, 5))
    ),
    *(
        Cell(
            CHAPTER, "crossing of T1", f"{n} patients, {s} seeds",
            {"covered": COVERS, "crossing shown": NEVER_MORE_THAN_1_IN_20},
            partial(crossings, n_patients=n, seeds=s), 100,
        )
        for n, s in product((30, 100), (3,))
    ),
]  # fmt: skip
