"""Size: what the interval of a slope on the logarithm of the volume covers, and how often it is read wrongly."""

from functools import partial
from itertools import product

import numpy as np

from calibration.study import COVERS, NEVER_MORE_THAN_1_IN_20, Cell
from synthtrust.audits.size.reading import bounds
from synthtrust.metrics.functional import size_slope

MARGIN = 0.05
REGIONS = 3


def arm(rng, log, patient, slope, seeds, spread, shape):
    """Return Dice ``(S, P * K)``: more scattered where less is to be segmented, another slope under each seed."""
    own = 0.03 * rng.standard_gamma(1.0, shape) * (1.5 - np.tanh(log)) + patient
    level = 0.7 + slope * log - own
    of_seed = spread * rng.normal(size=(seeds, 1, 1)) + spread * rng.normal(size=(seeds, 1, 1)) * log
    return (level + of_seed + 0.03 * rng.normal(size=(seeds, *shape))).reshape(seeds, -1)


def tstr_and_trtr(rng, repetitions, slope, spread, patients, seeds):
    """Draw volumes of three regions that a patient has alike, and a loss that grows as they get smaller."""
    shape = (patients, REGIONS)
    groups = np.tile(np.arange(REGIONS), patients).tolist()
    members = np.repeat(np.arange(patients), REGIONS).tolist()
    outcomes = {name: [] for name in ("slope covered", "called kept", "called lost")}
    for _ in range(repetitions):
        log = 0.5 * rng.normal(size=(patients, 1)) + 0.4 * rng.normal(size=shape)
        patient = 0.04 * rng.normal(size=(patients, 1))
        arms = [arm(rng, log, patient, of_arm, seeds, spread, shape) for of_arm in (0.05 + slope, 0.05)]
        volume = (10 ** (log + np.arange(REGIONS))).ravel()
        found = size_slope(volume, arms, groups, members)
        lower, upper = bounds(found, 0.95)
        outcomes["slope covered"].append(found.low <= slope <= found.high)
        outcomes["called kept"].append(upper < MARGIN)
        outcomes["called lost"].append(lower > MARGIN)
    return {name: np.array(values, float) for name, values in outcomes.items()}


CHAPTER = "Size"
CELLS = [
    Cell(
        CHAPTER, "slope of TSTR - TRTR on the logarithm of the volume",
        f"slope {MARGIN:g} of a limit of {MARGIN:g}, seed spread {spread:g}, {patients} patients, {seeds} seeds",
        {
            "slope covered": COVERS,
            "called kept": NEVER_MORE_THAN_1_IN_20,
            "called lost": NEVER_MORE_THAN_1_IN_20,
        },
        partial(tstr_and_trtr, slope=MARGIN, spread=spread, patients=patients, seeds=seeds), 1000,
        everyday=60 if (spread, patients, seeds) == (0.03, 30, 3) else 0,
    )
    for spread, patients, seeds in product((0.005, 0.03), (30, 100), (2, 3, 5))
]  # fmt: skip
