"""Side measures of classifiers: what their intervals cover, with few patients of a class, and scores near their end."""

from functools import cache, partial

import numpy as np
from scipy.special import softmax

from calibration.study import COVERS, Cell, Promise
from synthtrust.audits.probabilities import ArmProbabilities
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.measures import OVERALL, classified
from synthtrust.metrics.functional import classification

TRUTHS = {
    "auprc": classification.average_precision,
    "balanced_accuracy": classification.recall,
    "f1": classification.f1,
    "mcc": classification.matthews,
    "brier": classification.brier,
    "calibration_error": classification.squared_calibration_error,
}
SEEDS = 3
SEED_SPREAD = 0.15
"""Standard deviation over training seeds of the log odds of a class."""
LOSS = 0.3
"""How much nearer the classes lie in the other arm [standard deviations of a case]."""
AT_TIMES = "brier", "calibration_error"
"""Measures that have no interval where few cases are classified wrongly."""
SELDOM = Promise(0.0, 0.07, 0.05)
"""How often an interval that is given may miss, counted over all studies."""
PARTS = "recall", "auprc"
"""Measures that are checked for the smallest class by itself, too."""


def probabilities(rng, target, case, distance, sharpness):
    """Return the probabilities of one seed ``(M, C)``: sharper or flatter than the cases deserve."""
    odds = case + distance * np.eye(case.shape[1])[target] + 0.4 * rng.normal(size=case.shape)
    return softmax(sharpness * (odds + SEED_SPREAD * rng.normal(size=case.shape[1])), axis=1)


@cache
def truth(sizes, distance, sharpness):
    """Return each measure of all patients, averaged over training seeds; the smallest class is the first."""
    rng = np.random.default_rng(7)
    target = np.repeat(np.arange(len(sizes)), np.array(sizes) * max(3000 // sum(sizes), 1))
    values = []
    for _ in range(200):
        p = probabilities(rng, target, rng.normal(size=(len(target), len(sizes))), distance, sharpness)
        measured = {name: formula(p, target) for name, formula in TRUTHS.items()}
        means = {name: float(np.mean(value)) for name, value in measured.items()}
        first = {"first recall": measured["balanced_accuracy"][0], "first auprc": measured["auprc"][0]}
        values.append(means | {name: float(value) for name, value in first.items()})
    return {name: float(np.mean([value[name] for value in values])) for name in values[0]}


def two_arms(rng, repetitions, sizes, distance, sharpness):
    """Draw two arms on the same cases, and look at each measure and its gap."""
    true, worse = (truth(sizes, at, sharpness) for at in (distance, distance - LOSS))
    target, names = np.repeat(np.arange(len(sizes)), sizes), tuple(f"class {c}" for c in range(len(sizes)))
    patients = tuple(f"p{i:04d}" for i in range(len(target)))
    outcomes = {outcome: np.full(repetitions, np.nan) for outcome in promises()}
    for i in range(repetitions):
        case = rng.normal(size=(len(target), len(sizes)))
        reference, arm = (
            classified(
                ArmProbabilities(
                    np.stack([probabilities(rng, target, case, at, sharpness) for _ in range(SEEDS)]),
                    target, patients, names,
                )
            )
            for at in (distance, distance - LOSS)
        )  # fmt: skip
        for name in TRUTHS:
            row = compare(arm[name, OVERALL], reference[name, OVERALL], 0.95)
            gap = worse[name] - true[name]
            value_in = inside(row["reference_low"], true[name], row["reference_high"])
            gap_in = inside(row["ci_low"], gap, row["ci_high"])
            if name in AT_TIMES:
                outcomes[f"{name} missed"][i], outcomes[f"gap of {name} missed"][i] = value_in == 0, gap_in == 0
            else:
                outcomes[f"{name} covered"][i], outcomes[f"gap of {name} covered"][i] = value_in, gap_in
        for name in PARTS:
            low, high = reference[name, "class 0"].interval(0.95)
            outcomes[f"{name} of the smallest class covered"][i] = inside(low, true[f"first {name}"], high)
        value = reference["calibration_error", OVERALL].values.mean()
        outcomes["calibration error less its truth"][i] = value - true["calibration_error"]
    return outcomes


def inside(low, value, high):
    """Return 1 or 0, NaN without an interval."""
    return float(low <= value <= high) if np.isfinite(low + high) else np.nan


def promises():
    """Return what every cell promises."""
    return {
        **{f"{of}{name} covered": COVERS for of in ("", "gap of ") for name in TRUTHS if name not in AT_TIMES},
        **{f"{of}{name} missed": SELDOM for of in ("", "gap of ") for name in AT_TIMES},
        **{f"{name} of the smallest class covered": COVERS for name in PARTS},
        "calibration error less its truth": Promise(-0.001, 0.001),
    }


CELLS = [
    Cell(
        "Side measures of a classifier", "TRTR, and TSTR - TRTR",
        f"{' / '.join(map(str, sizes))} patients, classes {distance:g} sd apart, log odds times {sharpness:g}, "
        f"{SEEDS} seeds",
        promises(), partial(two_arms, sizes=sizes, distance=distance, sharpness=sharpness),
        200, everyday=10 if sizes == (20, 80) else 0,
    )
    for sizes, distance, sharpness in (
        ((10, 10), 2.5, 1.5),
        ((3, 27), 1.5, 1.5),
        ((5, 45), 3.5, 1.5),
        ((50, 50), 1.5, 1.0),
        ((20, 80), 2.0, 1.5),
        ((50, 200), 2.5, 3.0),
        ((20, 230), 3.5, 3.0),
        ((10, 30, 60, 100), 2.5, 1.5),
    )
]  # fmt: skip
