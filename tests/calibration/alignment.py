"""Alignment: how often a region exactly at floor + margin is called alike, or differing, by mistake."""

from functools import cache, partial
from itertools import combinations, product

import numpy as np
from scipy.special import expit

from calibration.study import COVERS, NEVER_MORE_THAN_1_IN_20, Cell
from synthtrust.audits.alignment import AlignmentThresholds, RegionEvidence, alignment
from synthtrust.audits.factors import PAIRED_FACTORS
from synthtrust.audits.utility.estimate import Estimate
from synthtrust.metrics.functional import gap_above_floor, gap_floor
from synthtrust.verdicts import Subject

REGIONS = ("ET", "ED", "NCR")
EDGE = "the region at the margin called alike"
"""Whatever the others are, which have to be alike as well for SUPPORTED."""


def draw(rng, seeds, n_patients, spread, losses, n_regions=3):
    """Return scores of real cases and twins ``(S, M, K)``; twins are harder by ``losses`` ``(K,)`` [logit]."""
    patient, region = rng.normal(size=(n_patients, 1)), rng.normal(size=(n_patients, n_regions))
    sources = []
    for source in range(2):
        own = 1.2 - losses * source + 0.6 * patient + 0.6 * region + 0.4 * rng.normal(size=(n_patients, n_regions))
        seed = spread * rng.normal(size=(seeds, 1, n_regions))
        sources.append(expit(own + seed + 0.3 * rng.normal(size=(seeds, n_patients, n_regions))))
    return sources


@cache
def true_excess(spread, loss):
    """Return T4 less its floor of all patients and seeds."""
    rng, values = np.random.default_rng(0), []
    for _ in range(20):
        real, synthetic = draw(rng, 30, 4000, spread, np.full(1, loss), n_regions=1)
        floor = np.mean([np.abs(real[i] - real[j]).mean() for i, j in combinations(range(30), 2)])
        values.append(np.abs(real - synthetic).mean() - floor)
    return float(np.mean(values))


def verdicts(rng, repetitions, n_patients, seeds, spread, losses):
    """Return the verdicts where the first region lies exactly at the margin, and the coverage of its interval."""
    margin = true_excess(spread, losses[0])
    thresholds = AlignmentThresholds(margin, min_seeds=3, min_patients=10)
    outcomes = {name: np.zeros(repetitions) for name in ("SUPPORTED", "NOT SUPPORTED", "covered", EDGE)}
    for i in range(repetitions):
        real, synthetic = (list(x) for x in draw(rng, seeds, n_patients, spread, np.array(losses)))
        pairs = list(zip(real, synthetic, strict=True))
        excesses = gap_above_floor(real, synthetic)
        correlations = PAIRED_FACTORS["correlation"].intervals(pairs)
        gaps, floors = PAIRED_FACTORS["T4"].intervals(pairs), gap_floor(real)
        evidence = []
        for k, name in enumerate(REGIONS):
            patients = np.stack(real)[:, :, k]
            skill = Estimate(
                patients.mean(axis=1), patients, 0.0, n_patients, n_patients,
                carriers={name: n_patients}, trivial="position",
            )  # fmt: skip
            evidence.append(RegionEvidence(name, gaps[k], floors[k], excesses[k], correlations[k], skill))
        verdict = alignment(evidence, thresholds, 0.95, Subject(generator="planted")).verdict
        if verdict in outcomes:
            outcomes[verdict][i] = 1
        outcomes[EDGE][i] = excesses[0].uncertainty.p_below(margin) <= 0.05
        outcomes["covered"][i] = excesses[0].low <= margin <= excesses[0].high
    return outcomes


CHAPTER = "Alignment"
SPREADS = (0.05, 0.2, 0.4)


def _cell(n_patients, seeds, spread, losses, words, promises, everyday=0):
    truth = f"{words}, {n_patients} patients, {seeds} seeds, seed spread {spread:g} logit"
    simulate = partial(verdicts, n_patients=n_patients, seeds=seeds, spread=spread, losses=losses)
    return Cell(CHAPTER, "T4 less its floor, three regions", truth, promises, simulate, 200, everyday)


AT_EDGE = {"SUPPORTED": NEVER_MORE_THAN_1_IN_20, EDGE: NEVER_MORE_THAN_1_IN_20, "covered": COVERS}
ALL_AT_EDGE = {"NOT SUPPORTED": NEVER_MORE_THAN_1_IN_20}
CELLS = [
    *(
        _cell(n, s, spread, (0.4, 0.1, 0.1), "one region at floor + margin", AT_EDGE,
              60 if (n, s, spread) == (30, 3, 0.2) else 0)
        for n, s, spread in product((30, 251), (3, 5), SPREADS)
    ),
    *(
        _cell(n, s, spread, (0.4, 0.4, 0.4), "all regions at floor + margin", ALL_AT_EDGE)
        for n, s, spread in product((10, 30, 251), (3, 5), SPREADS)
    ),
]  # fmt: skip
