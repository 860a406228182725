"""Worth in real cases: what its limits cover when patients, training seeds and training cases all vary."""

from functools import partial
from itertools import product

import numpy as np

from calibration.study import COVERS, DESCRIBED, Cell
from synthtrust.metrics.functional import worth_in_real_cases

SIZES = (10, 20, 40, 80, 160)


def level(n):
    """Return the true mean Dice of a training on n real cases: a straight line over the logarithm of n."""
    return 0.55 + 0.06 * np.log2(n / 10)


def studies(rng, repetitions, patients, seeds, truth, spread):
    """Draw a mix that is worth a true number of real cases, and the arms of the learning curve."""
    outcomes = {name: np.zeros(repetitions) for name in ("covered", "two finite limits")}
    for i in range(repetitions):
        case = 0.08 * rng.standard_t(5, size=patients)

        def arm(n, case=case):
            answer = 0.03 * rng.normal(size=patients)  # of a patient to these training cases
            noise = spread * rng.normal(size=(seeds, 1)) + 0.03 * rng.normal(size=(seeds, patients))
            return np.clip(level(n) + case + answer + noise, 0, 1)

        worth = worth_in_real_cases(arm(truth), {n: arm(n) for n in SIZES})
        outcomes["covered"][i] = worth.low <= truth <= worth.high
        outcomes["two finite limits"][i] = worth.low > 0 and np.isfinite(worth.high)
    return outcomes


CELLS = [
    Cell(
        "Worth in real cases", "number of real cases", f"{n} patients, {s} seeds, spread {spread:g}, worth {truth}",
        {"covered": COVERS, "two finite limits": DESCRIBED},
        partial(studies, patients=n, seeds=s, truth=truth, spread=spread), 200,
    )
    for n, s, truth, spread in product((30, 100), (2, 3), (28, 80), (0.01,))
] + [
    Cell(
        "Worth in real cases", "number of real cases", f"{n} patients, 3 seeds, spread {spread:g}, worth 40",
        {"covered": COVERS, "two finite limits": DESCRIBED},
        partial(studies, patients=n, seeds=3, truth=40, spread=spread), 200,
    )
    for n, spread in ((30, 0.0), (100, 0.03))
]  # fmt: skip
