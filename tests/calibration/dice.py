"""Mean Dice: what the intervals of means, gaps and ratios cover, how often a loss at the margin is called harmless."""

from functools import cache, partial
from itertools import product

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from calibration.study import COVERS, DESCRIBED, NEVER_MORE_THAN_1_IN_20, Cell, Promise
from synthtrust.audits.utility.power import Spread
from synthtrust.metrics.functional import alpha_band, gap_interval, mean_interval, ratio_interval

MARGIN, SHARE = 0.05, 0.9
NONE, SOME = -99.0, -1.9
"""Where a normal variable of a patient lies below this, the segmenter misses the tumour and Dice is 0."""


def dice(rng, centre, spread, missed, seeds, patient, misses):
    """Return the Dice of an arm ``(S, P)``: skewed, alike in both arms, with zeros, another mean under each seed."""
    shape = (seeds, len(patient))
    logit = centre + 0.9 * patient + 0.3 * rng.normal(size=len(patient))
    logit = logit + spread * rng.normal(size=(seeds, 1)) + 0.25 * rng.normal(size=shape)
    return np.where(misses + 0.5 * rng.normal(size=shape) < missed, 0, expit(logit))


@cache
def mean_dice(centre, spread, missed):
    """Return the true mean of an arm, from 400,000 patients."""
    q = np.random.default_rng(7).normal(size=(5, 400_000))
    logit = centre + 0.9 * q[0] + 0.3 * q[1] + spread * q[2] + 0.25 * q[3]
    return float(np.where(1.25**0.5 * q[4] < missed, 0, expit(logit)).mean())


@cache
def centre_of(mean, spread, missed):
    """Return the centre that gives a mean Dice."""
    return brentq(lambda centre: mean_dice(centre, spread, missed) - mean, -5, 8, xtol=1e-4)


def two_arms(rng, repetitions, trtr, loss, spread, missed, patients, seeds):
    centres = centre_of(trtr - loss, spread, missed), centre_of(trtr, spread, missed)
    outcomes = {name: [] for name in ("TRTR covered", "gap covered", "ratio covered", "harmless", "share kept")}
    for _ in range(repetitions):
        patient, misses = rng.normal(size=(2, patients))
        a, b = (dice(rng, centre, spread, missed, seeds, patient, misses) for centre in centres)
        mean, gap, ratio = mean_interval(b), gap_interval(a, b), ratio_interval(a, b)
        outcomes["TRTR covered"].append(mean.low <= trtr <= mean.high)
        outcomes["gap covered"].append(gap.low <= -loss <= gap.high)
        outcomes["ratio covered"].append(ratio.low <= 1 - loss / trtr <= ratio.high)
        outcomes["harmless"].append(gap.lower_bound > -MARGIN)
        outcomes["share kept"].append(ratio.lower_bound > SHARE)
    return {name: np.array(values, float) for name, values in outcomes.items()}


def curve(rng, repetitions, alphas, spread, patients, seeds):
    """Draw shares of real cases that are all as good, with the same patients."""
    centre = centre_of(0.7, spread, NONE)
    outcomes = {name: [] for name in ("band covers the curve", "bars covered", "all shares kept")}
    for _ in range(repetitions):
        patient, misses = rng.normal(size=(2, patients))
        arms = [dice(rng, centre, spread, NONE, seeds, patient, misses) for _ in range(alphas)]
        band = alpha_band(np.stack(arms), n_boot=400, seed=int(rng.integers(2**31)))
        outcomes["band covers the curve"].append(bool(((band.low <= 0.7) & (band.high >= 0.7)).all()))
        outcomes["bars covered"].append(np.mean((band.point_low <= 0.7) & (band.point_high >= 0.7)))
        outcomes["all shares kept"].append(bool(band.not_excluded.all()))
    return {name: np.array(values, float) for name, values in outcomes.items()}


def predicted_power(rng, repetitions, patients, seeds):
    """Compare the power that a plan promises with how often studies of that size succeed."""
    spread, loss = Spread(patients=0.12, seeds=2**0.5 * 0.012), 0.02
    shown = []
    for _ in range(repetitions):
        effect = 0.12 * rng.normal(size=patients)
        a, b = (0.012 * rng.normal(size=(seeds, 1)) + mean for mean in (0.7 - loss + effect, 0.7))
        shown.append(gap_interval(a + 0 * effect, b + 0 * effect).lower_bound > -MARGIN)
    return {"shown": np.array(shown, float)}, spread.power(MARGIN - loss, patients, seeds)


def as_planned(rng, repetitions, patients, seeds):
    outcomes, power = predicted_power(rng, repetitions, patients, seeds)
    return {"studies that succeed, less the power planned": outcomes["shown"] - power}


CHAPTER = "Mean Dice"
CELLS = [
    *(
        Cell(
            CHAPTER, "TRTR, TSTR - TRTR and TSTR / TRTR",
            f"TRTR {trtr:g}, loss {MARGIN:g}, seed spread {spread:g} (logit), "
            f"{'zeros' if missed == SOME else 'no zeros'}, {patients} patients, {seeds} seeds",
            {
                "TRTR covered": Promise(0.9, 1.0, 0.95) if patients < 30 else COVERS,
                "gap covered": COVERS,
                "ratio covered": COVERS,
                "harmless": NEVER_MORE_THAN_1_IN_20,
            },
            partial(two_arms, trtr=trtr, loss=MARGIN, spread=spread, missed=missed, patients=patients, seeds=seeds),
            1000, everyday=200 if (trtr, spread, missed, patients, seeds) == (0.7, 0.2, SOME, 30, 3) else 0,
        )
        for trtr, spread, missed, patients, seeds in product(
            (0.85, 0.7), (0.05, 0.2), (NONE, SOME), (30, 50, 251), (3, 5)
        )
        if not (trtr == 0.85 and missed == SOME)  # zeros leave no mean of .85
    ),
    *(
        Cell(
            CHAPTER, "TRTR, TSTR - TRTR and TSTR / TRTR: two seeds",
            f"TRTR 0.7, loss {MARGIN:g}, seed spread {spread:g} (logit), {patients} patients, 2 seeds",
            {**dict.fromkeys(("TRTR covered", "gap covered", "ratio covered"), COVERS),
             "harmless": NEVER_MORE_THAN_1_IN_20},
            partial(two_arms, trtr=0.7, loss=MARGIN, spread=spread, missed=NONE, patients=patients, seeds=2), 1000,
            everyday=200 if (spread, patients) == (0.2, 251) else 0,
        )
        for spread, patients in product((0.05, 0.1, 0.2), (30, 251))
    ),
    *(
        Cell(
            CHAPTER, "shares that are all as good",
            f"{alphas} shares, Dice 0.7, seed spread {spread:g} (logit), {patients} patients, {seeds} seeds",
            dict.fromkeys(("band covers the curve", "bars covered", "all shares kept"), COVERS),
            partial(curve, alphas=alphas, spread=spread, patients=patients, seeds=seeds), 600,
        )
        for alphas, spread, patients, seeds in (
            (2, 0.1, 30, 2), (2, 0.1, 251, 2), (3, 0.1, 251, 2), (5, 0.1, 251, 2), (3, 0.2, 251, 2), (3, 0.1, 251, 3),
        )
    ),
    *(
        Cell(
            CHAPTER, "share kept",
            f"TRTR {trtr:g}, share {SHARE:g}, seed spread 0.1 (logit), {patients} patients, 3 seeds",
            {"share kept": NEVER_MORE_THAN_1_IN_20},
            partial(
                two_arms, trtr=trtr, loss=(1 - SHARE) * trtr, spread=0.1, missed=NONE, patients=patients, seeds=3
            ), 1000,
        )
        for trtr, patients in product((0.85, 0.5), (30, 251))
    ),
    *(
        Cell(
            CHAPTER, "power of a plan", f"{patients} patients, {seeds} seeds",
            {"studies that succeed, less the power planned": Promise(-0.02 if seeds > 2 else -0.05, 0.02)},
            partial(as_planned, patients=patients, seeds=seeds), 4000,
        )
        for patients, seeds in product((30, 100), (2, 3, 5))
    ),
    Cell(
        CHAPTER, "one seed: the verdict is refused",
        "TRTR 0.7, loss 0.05, seed spread 0.2 (logit), 251 patients, 1 seed",
        {"gap covered": DESCRIBED, "harmless": DESCRIBED},
        partial(two_arms, trtr=0.7, loss=MARGIN, spread=0.2, missed=NONE, patients=251, seeds=1), 1000,
    ),
]  # fmt: skip
