"""Trust factors: what their intervals cover, with zeros, skew, missing regions and one to five training seeds."""

from functools import cache, partial
from itertools import product

import numpy as np
import torch
from scipy.special import expit

from calibration.study import COVERS, Cell
from synthtrust.audits.factors import PAIRED_FACTORS, SINGLE_SOURCE_FACTORS

FACTORS = {**SINGLE_SOURCE_FACTORS, **PAIRED_FACTORS}
LEVELS = np.array([1.6, 1.1, 0.7])
"""Mean Dice of the three regions [logit]."""
FAILURE = np.array([-9.0, -2.2, -1.7])
"""Normal score below which a region is missed altogether (Dice 0), by about 0, 2 and 6 % of the cases."""
SPREAD = 0.1
"""Standard deviation over training seeds of the level of all regions [logit]."""
SOURCE_LOSS = 0.4
"""How much harder twins are [logit]."""


def draw(rng, seeds, n_cases, missing, shifts):
    """Return real and synthetic scores ``(S, M, 3)``; ``shifts`` ``(2, S)`` says how each seed differs [logit]."""
    patient, region, failure = (rng.normal(size=(n_cases, k)) for k in (1, 3, 3))
    absent = rng.random(n_cases) < missing
    sources = []
    for source in range(2):
        own = LEVELS - SOURCE_LOSS * source + 0.6 * patient + 0.6 * region + 0.4 * rng.normal(size=(n_cases, 3))
        dice = expit(own + shifts[source][:, None, None] + 0.3 * rng.normal(size=(seeds, n_cases, 3)))
        dice[failure + 0.4 * rng.normal(size=dice.shape) < FAILURE] = 0.0
        dice[:, absent, 2] = np.nan
        sources.append(dice)
    return sources


def quadratic(i, j):
    return np.array([1.0, i, j, i * i, j * j, i * j])


@cache
def surfaces(missing):
    """Return each factor of all patients as a quadratic in how the seed differs on real cases and on twins."""
    grid = list(product((-1.5, 0.0, 1.5), repeat=2))
    values = {name: [] for name in FACTORS}
    for i, j in grid:
        shifts = np.array([[i], [j]]) * SPREAD
        arrays = [torch.as_tensor(x) for x in draw(np.random.default_rng(7), 1, 60_000, missing, shifts)]
        for name, factor in FACTORS.items():
            arguments = arrays if name in PAIRED_FACTORS else arrays[:1]
            values[name].append(np.atleast_1d(factor.formula(*arguments).numpy()[0]))
    design = np.array([quadratic(i, j) for i, j in grid])
    return {name: np.linalg.lstsq(design, np.array(v), rcond=None)[0] for name, v in values.items()}


def truths(missing, shifts):
    """Return each factor of the recipe, or with one seed that of these trained weights."""
    at = quadratic(*shifts[:, 0] / SPREAD) if shifts.shape[1] == 1 else np.array([1.0, 0, 0, 1, 1, 0])  # the mean
    return {name: at @ surface for name, surface in surfaces(missing).items()}


def one_study(rng, repetitions, n_patients, seeds, missing=0.0):
    """Return for each factor in which share of the regions its intervals cover; NaN where none is given."""
    covered = {name: np.full(repetitions, np.nan) for name in FACTORS}
    for i in range(repetitions):
        shifts = SPREAD * rng.normal(size=(2, seeds))
        real, synthetic = draw(rng, seeds, n_patients, missing, shifts)
        true = truths(missing, shifts)
        for name, factor in FACTORS.items():
            arms = [real, synthetic] if name in PAIRED_FACTORS else [real]
            intervals = factor.intervals(list(zip(*arms, strict=True)))
            given = [
                interval.low <= truth <= interval.high
                for interval, truth in zip(intervals, true[name], strict=True)
                if np.isfinite(interval.low)
            ]
            covered[name][i] = np.mean(given) if given else np.nan
    return covered


CHAPTER = "Trust factors"
SIZES = ((10, 1), (10, 2), (10, 3), (10, 5), (30, 1), (30, 2), (30, 3), (30, 5), (50, 1), (50, 2), (50, 3), (50, 5))
LARGE = ((251, 1), (251, 2), (251, 3), (251, 5))


def _cell(n_patients, seeds, missing, repetitions, everyday=0):
    words = f"{n_patients} patients, {seeds} seed{'s' if seeds > 1 else ''}"
    if missing:
        words += f", a region that {100 * missing:g} % lack"
    return Cell(
        CHAPTER, "all factors, mean over three regions", words, dict.fromkeys(FACTORS, COVERS),
        partial(one_study, n_patients=n_patients, seeds=seeds, missing=missing), repetitions, everyday,
    )  # fmt: skip


CELLS = [
    *(_cell(n, s, 0.0, 300, 60 if (n, s) == (30, 3) else 0) for n, s in SIZES),
    *(_cell(n, s, 0.0, 300 if s == 1 else 150) for n, s in LARGE),
    *(_cell(n, s, 0.6, 300) for n, s in ((30, 1), (60, 3), (100, 2))),
]
