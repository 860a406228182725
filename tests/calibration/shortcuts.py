"""Shortcuts: what the interval of an exchange of sources covers, and how often it is read wrongly."""

from functools import partial
from itertools import product

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from calibration.study import COVERS, NEVER_MORE_THAN_1_IN_20, Cell
from synthtrust.audits.shortcuts.contrast import Arm, bounds, contrast
from synthtrust.audits.utility.estimate import Estimate
from synthtrust.metrics.functional.placements import auc_by_class

MARGIN = 0.1
APART = 2.0
"""Difference of the output between two classes [standard deviations of a case]."""
SEEDS_OF_TRUTH = norm.ppf((np.arange(2001) + 0.5) / 2001)


def exchange(follows, spread):
    """Return the true exchange: area where the source agrees less that where it contradicts, over all networks."""
    of_seed = follows + spread * SEEDS_OF_TRUTH
    area = [norm.cdf((APART + sign * of_seed) / np.sqrt(2 * VARIANCE)).mean() for sign in (1, -1)]
    return float(area[0] - area[1])


VARIANCE = 1.0 + 0.3**2
"""Of the output of one network within a class: that of the case, and what is the network's own."""


def exchanged(rng, repetitions, follows, spread, patients, seeds):
    """Draw real images and their twins, and networks of both ends that follow the source by some."""
    ill = np.arange(patients) % 2
    names = tuple(map(str, range(patients)))
    truth = exchange(follows, spread)
    outcomes = {name: [] for name in ("exchange covered", "called bounded", "called used")}
    for _ in range(repetitions):
        shared = rng.normal(size=patients)
        cases = [np.sqrt(0.7) * shared + np.sqrt(0.3) * rng.normal(size=patients) for _ in range(2)]  # real, twin
        terms = []
        for alpha, sign in ((0.0, -1), (1.0, 1)):
            areas = {kind: [] for kind in (0, 1)}  # twins of the ill, twins of the healthy
            for _ in range(seeds):
                own = follows + spread * rng.normal()
                output = [case + APART * ill + 0.3 * rng.normal(size=patients) for case in cases]
                for kind, scored in areas.items():
                    is_twin = ill ^ kind
                    drawn = np.where(is_twin, output[1], output[0]) + sign * own * (is_twin - 0.5)
                    area, added = auc_by_class(np.stack([-drawn, drawn], axis=1), ill)
                    scored.append((area[1], added[:, 1]))
            for kind, scored in areas.items():
                estimate = Estimate(
                    np.array([area for area, _ in scored]), np.stack([added for _, added in scored]), 0.5, patients,
                    patients,
                )  # fmt: skip
                terms.append((0.5 * sign * (1 if kind == 0 else -1), Arm(alpha, estimate, names)))
        found = contrast(terms, 0.95)
        lower, upper = bounds(found, 0.95)
        outcomes["exchange covered"].append(found.low <= truth <= found.high)
        outcomes["called bounded"].append(upper < MARGIN)
        outcomes["called used"].append(lower > MARGIN)
    return {name: np.array(values, float) for name, values in outcomes.items()}


def at_the_margin(spread):
    """Return by how much networks follow the source where the exchange costs the margin."""
    return brentq(lambda follows: exchange(follows, spread) - MARGIN, 0.0, 2.0)


CHAPTER = "Shortcuts"
CELLS = [
    Cell(
        CHAPTER, "cost of exchanging the sources of test cases",
        f"{MARGIN:g} of a limit of {MARGIN:g}, spread of seeds {spread:g}, {patients} patients, {seeds} seeds",
        {
            "exchange covered": COVERS,
            "called bounded": NEVER_MORE_THAN_1_IN_20,
            "called used": NEVER_MORE_THAN_1_IN_20,
        },
        partial(exchanged, follows=at_the_margin(spread), spread=spread, patients=patients, seeds=seeds), 400,
        everyday=40 if (spread, patients, seeds) == (0.2, 40, 3) else 0,
    )
    for spread, (patients, seeds) in product((0.05, 0.2), ((40, 3), (160, 3), (160, 5)))
]  # fmt: skip
