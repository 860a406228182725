"""Fidelity: whether limits of KID hold, and how often a set with a planted fault is called as good as real."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from calibration.study import COVERS, DESCRIBED, NEVER_MORE_THAN_1_IN_20, Cell
from synthtrust.audits.fidelity.controls import BLURRED, REPEATED
from synthtrust.audits.fidelity.measures import (
    EmbeddedSets,
    PlantedFaults,
    Resampling,
    diversity_rows,
    quality_rows,
    row,
)
from synthtrust.audits.fidelity.verdict import FidelityThresholds, fidelity_verdict
from synthtrust.metrics.embeddings import ReferencePca
from synthtrust.metrics.functional.kernel_distance import kernel_test
from synthtrust.metrics.functional.planted_collapse import planted_collapse
from synthtrust.metrics.functional.planted_shift import planted_shift
from synthtrust.verdicts import Subject

CHAPTER = "Fidelity: equivalence to planted faults"
SHIFT, REPEATS = 0.5, 2
N_LATENT, N_FEATURES = 24, 40
SPREADS = np.linspace(2, 0.3, N_LATENT)
WEIGHTS = [np.random.default_rng(space).normal(size=(N_LATENT, N_FEATURES)) for space in range(3)]
BOUNDED, SKEWED = "bounded", "skewed"
FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    BOUNDED: lambda x: np.tanh(x / 6) + 0.3 * x / 6,
    SKEWED: lambda x: np.exp(x / 12),
}
"""Features of a case, of a mixture of its latent attributes."""

Arrays = dict[str, np.ndarray]


def latents(rng, n, shift=0.0):
    """Return latent attributes of n cases; the three strongest are shifted by so many standard deviations."""
    return (rng.normal(size=(n, N_LATENT)) + shift * (np.arange(N_LATENT) < 3)) * SPREADS


def in_coordinates(n_real, n_synthetic, space, kind, rng, shift=0.0):
    """Return training, real and synthetic latents in the coordinates that the audit takes, learned anew."""
    sets = [latents(rng, max(n_real, n_synthetic)), latents(rng, n_real), latents(rng, n_synthetic, shift)]
    return embedded(sets, space, kind)


def embedded(sets, space, kind):
    """Return latents of training, real and synthetic cases in the coordinates of one feature space."""
    trained, real, synthetic = (torch.from_numpy(FEATURES[kind](x @ WEIGHTS[space])) for x in sets)
    most = min(max(min(len(real) // 2, len(synthetic)) // 5, 1), 32)
    pca = ReferencePca(most=most).fit(trained)
    return EmbeddedSets(pca.transform(real), pca.transform(synthetic), pca, pca.transform(trained))


def step(rng, d, length=SHIFT, last=False):
    """Return the planted shift with random signs, over the leading or over the last coordinates."""
    n = min(3, d)
    shift = np.zeros(d)
    shift[d - n if last else 0 : d if last else n] = rng.choice([-1, 1], size=n) * length / n**0.5
    return torch.from_numpy(shift)


def squared_distance(length, d):
    """Return the true KID of standard normal sets whose means are so far apart, in d dimensions."""
    square = length**2
    return 3 * square / d + 3 * square**2 / d**2 + (square**3 + 6 * square**2 + 3 * square * (d + 2)) / d**3


def interval(m, n, d, length, rng, repetitions) -> Arrays:
    """Simulate the interval of KID of normal sets."""
    truth, covered = squared_distance(length, d), []
    for _ in range(repetitions):
        x, y = (torch.from_numpy(rng.normal(size=(size, d))) for size in (m, n))
        y[:, 0] += length
        estimate = kernel_test(x, y, n_permutations=1)
        covered.append(estimate.low <= truth <= estimate.high)
    return {"covered": np.array(covered, dtype=float)}


LEADING = "shown to be nearer: set shifted as planted"
LAST = "shown to be nearer: set shifted as far along its last coordinates"
PERFECT = "shown to be nearer: perfect set"


def nearer(m, n, kind, rng, repetitions) -> Arrays:
    """Simulate KID beside the planted shift in one feature space."""
    outcomes: dict[str, list[bool]] = {LEADING: [], LAST: [], PERFECT: []}
    for _ in range(repetitions):
        both = in_coordinates(m, n, 0, kind, rng)
        d = both.real.shape[1]
        shifts = {LEADING: step(rng, d), LAST: step(rng, d, last=True), PERFECT: torch.zeros(d)}
        for outcome, shift in shifts.items():
            outcomes[outcome].append(planted_shift(both.real, both.synthetic + shift, shift=SHIFT).is_below)
    return {outcome: np.array(values, dtype=float) for outcome, values in outcomes.items()}


REPEATED_SET = "shown to cover more: every case there twice"
MODES = "shown to cover more: drawn from half as many modes"
FRESH = "shown to cover more: perfect set"


def wider(m, n, rng, repetitions) -> Arrays:
    """Simulate coverage beside the planted mode collapse in one feature space."""
    outcomes: dict[str, list[bool]] = {REPEATED_SET: [], MODES: [], FRESH: []}
    for _ in range(repetitions):
        both = in_coordinates(m, n, 0, BOUNDED, rng)
        half = both.synthetic[: n // 2]
        sets = {
            REPEATED_SET: half.repeat(REPEATS, 1),
            MODES: half[torch.from_numpy(rng.integers(0, n // 2, n))],
            FRESH: both.synthetic,
        }
        for outcome, synthetic in sets.items():
            outcomes[outcome].append(planted_collapse(both.real, synthetic, repeats=REPEATS).is_above)
    return {outcome: np.array(values, dtype=float) for outcome, values in outcomes.items()}


NOTICED = [row("set", space, fault, 1.0) for space in "abc" for fault in (BLURRED, REPEATED)]
RESAMPLING = Resampling(n_draws=20, n_permutations=499)
SUPPORTED, REJECTED = "SUPPORTED", "NOT SUPPORTED"
ONE_SPACE = "SUPPORTED although one space of three has the planted shift"


def rows_of(both, space, faults):
    """Return the rows that the verdict rests on in one feature space."""
    return quality_rows("set", space, both, RESAMPLING, faults) + diversity_rows("set", space, both, RESAMPLING, faults)


def decided(rows, faults) -> str:
    """Return the verdict of the audit on such rows."""
    thresholds = FidelityThresholds(20, 50, 0.01, 0.9, faults.shift, faults.repeats)
    return fidelity_verdict(Subject("set"), rows, [], NOTICED, thresholds, known=True).verdict


def verdict(n, shift, faults, rng, repetitions) -> Arrays:
    """Simulate the verdict over three feature spaces of the same cases, planted faults of images taken as noticed.

    With no shift of the latents one space is then given the planted shift, while the others stay perfect.
    """
    outcomes: dict[str, list[bool]] = {SUPPORTED: [], REJECTED: [], ONE_SPACE: []}
    for _ in range(repetitions):
        sets = [latents(rng, n), latents(rng, n), latents(rng, n, shift)]
        spaces = {name: embedded(sets, index, BOUNDED) for index, name in enumerate("abc")}
        rows = {name: rows_of(both, name, faults) for name, both in spaces.items()}
        given = decided([r for name in "abc" for r in rows[name]], faults)
        outcomes[SUPPORTED].append(given == SUPPORTED)
        outcomes[REJECTED].append(given == REJECTED)
        if not shift:
            a = spaces["a"]
            worse = EmbeddedSets(a.real, a.synthetic + step(rng, a.real.shape[1], faults.shift), a.pca, a.trained)
            rows["a"] = rows_of(worse, "a", faults)
            outcomes[ONE_SPACE].append(decided([r for name in "abc" for r in rows[name]], faults) == SUPPORTED)
    return {outcome: np.array(values, dtype=float) for outcome, values in outcomes.items()}


def _cells() -> list[Cell]:
    cells = []
    for m, n, d in ((20, 20, 2), (30, 30, 3), (50, 50, 5), (50, 150, 5), (200, 60, 12)):
        for length in (0.0, 0.5, 1.0, 2.0):
            truth = f"normal sets {length:g} sd apart, {m} real and {n} synthetic patients, {d} coordinates"
            simulate = partial(interval, m, n, d, length)
            everyday = 150 if (m, length) == (50, 1.0) and n == m else 0
            cells.append(Cell(CHAPTER, "interval of KID", truth, {"covered": COVERS}, simulate, 1000, everyday))
    false = {LEADING: NEVER_MORE_THAN_1_IN_20, LAST: NEVER_MORE_THAN_1_IN_20, PERFECT: DESCRIBED}
    for m, n, repetitions in (
        (20, 20, 1000), (50, 50, 1000), (50, 150, 600), (150, 50, 600), (100, 100, 1000), (300, 300, 400),
        (1000, 1000, 150),
    ):  # fmt: skip
        for kind in FEATURES if m < 1000 else [BOUNDED]:
            truth = f"{kind} features, {m} real and {n} synthetic patients, planted shift {SHIFT:g} sd"
            everyday = 100 if (m, n, kind) == (50, 50, BOUNDED) else 0
            cells.append(
                Cell(CHAPTER, "KID below a fault", truth, false, partial(nearer, m, n, kind), repetitions, everyday)
            )
    false = {REPEATED_SET: NEVER_MORE_THAN_1_IN_20, MODES: NEVER_MORE_THAN_1_IN_20, FRESH: DESCRIBED}
    for m, n, repetitions in (
        (20, 20, 1000), (50, 50, 1000), (50, 150, 1000), (150, 50, 1000), (100, 100, 1000), (300, 300, 400),
        (1000, 1000, 50),
    ):  # fmt: skip
        truth = f"{m} real and {n} synthetic patients, planted collapse of {REPEATS} repeats"
        everyday = 100 if (m, n) == (50, 50) else 0
        cells.append(Cell(CHAPTER, "coverage above a fault", truth, false, partial(wider, m, n), repetitions, everyday))
    never, default, lenient = NEVER_MORE_THAN_1_IN_20, PlantedFaults(SHIFT, REPEATS), PlantedFaults(0.8, 3)
    for n, faults, repetitions in (
        (20, default, 50), (50, default, 100), (100, default, 150), (300, default, 50), (1000, default, 3),
        (50, lenient, 100), (100, lenient, 100),
    ):  # fmt: skip
        promises = {SUPPORTED: DESCRIBED, REJECTED: never, ONE_SPACE: never}
        truth = f"perfect set, {n} real and {n} synthetic patients, {described(faults)}"
        simulate = partial(verdict, n, 0.0, faults)
        cells.append(Cell(CHAPTER, "verdict, three spaces", truth, promises, simulate, repetitions))
    for n, repetitions in ((50, 100), (300, 25)):
        promises = {SUPPORTED: never, REJECTED: DESCRIBED}
        truth = f"three leading latents shifted by 0.3 sd, {n} real and {n} synthetic patients, {described(default)}"
        simulate = partial(verdict, n, 0.3, default)
        cells.append(Cell(CHAPTER, "verdict, three spaces", truth, promises, simulate, repetitions))
    return cells


def described(faults) -> str:
    """Name the planted faults in the truth of a cell."""
    return f"planted shift {faults.shift:g} sd and {faults.repeats} repeats"


CELLS = _cells()
