"""A simulated study: a truth, what the formulas say of it in many repetitions, and how often they may be wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Outcomes = Mapping[str, NDArray[np.float64]]
"""Outcome, such as ``covered`` or ``SUPPORTED`` -> 1 or 0 in each repetition, NaN where nothing was given."""


@dataclass(frozen=True)
class Promise:
    """The rates that an outcome may have; the Monte-Carlo error comes on top."""

    low: float = 0.0
    high: float = 1.0
    nominal: float = float("nan")
    """The rate that is aimed at: .95 for an interval, .05 for a false verdict."""


COVERS = Promise(0.93, 1.0, 0.95)
"""An interval of 95 %: as often as it says, or more often."""
NEVER_MORE_THAN_1_IN_20 = Promise(0.0, 0.05, 0.05)
"""A false verdict, at the edge of its margin."""
DESCRIBED = Promise()
"""A rate that is written down and promised to nobody."""


@dataclass(frozen=True)
class Cell:
    """One truth under which a study is repeated."""

    chapter: str
    """The table that it stands in."""
    quantity: str
    """What is estimated or decided."""
    truth: str
    """The truth and the size of the study, in words."""
    promises: Mapping[str, Promise]
    """Outcome -> what it is allowed to be."""
    simulate: Callable[[np.random.Generator, int], Outcomes]
    """Takes a generator and a number of repetitions."""
    repetitions: int = 1000
    everyday: int = 0
    """Repetitions in the everyday suite; 0: the cell is simulated on demand alone."""


@dataclass(frozen=True)
class Rate:
    """How often an outcome came about under one truth."""

    cell: Cell
    outcome: str
    rate: float
    n: int
    """Repetitions that gave the outcome a value."""
    repetitions: int
    spread: float
    """Standard deviation of the outcome."""

    @property
    def promise(self) -> Promise:
        """What it is allowed to be."""
        return self.cell.promises[self.outcome]

    @property
    def error(self) -> float:
        """The Monte-Carlo standard error of the rate, at least that of the nominal rate."""
        nominal = self.promise.nominal
        least = sqrt(nominal * (1 - nominal)) if np.isfinite(nominal) else 0.0
        return max(self.spread, least) / sqrt(self.n) if self.n else float("nan")

    @property
    def is_kept(self) -> bool:
        """Whether the rate lies within what is promised, give or take two Monte-Carlo errors."""
        if not self.n:
            return True  # nothing was claimed
        return self.promise.low - 2 * self.error <= self.rate <= self.promise.high + 2 * self.error


def rates(cell: Cell, seed: int, repetitions: int | None = None) -> list[Rate]:
    """Simulate one cell and return the rate of every outcome that was promised something.

    The draws hang on the seed and on the words of the cell, never on its place in a list.
    """
    n = repetitions or cell.repetitions
    words = f"{cell.chapter}|{cell.quantity}|{cell.truth}".encode()
    outcomes = cell.simulate(np.random.default_rng([seed, *words]), n)
    result = []
    for outcome in cell.promises:
        values = np.asarray(outcomes[outcome], dtype=np.float64)
        defined = values[np.isfinite(values)]
        rate = float(defined.mean()) if len(defined) else float("nan")
        result.append(Rate(cell, outcome, rate, len(defined), n, float(defined.std()) if len(defined) else 0.0))
    return result


def markdown(results: Sequence[Rate]) -> str:
    """Return one table for each chapter, a row for each cell and outcome."""
    lines: list[str] = []
    for chapter in dict.fromkeys(rate.cell.chapter for rate in results):
        lines += [
            "",
            f"## {chapter}",
            "",
            "| quantity | truth | outcome | promised | rate | Monte-Carlo error | kept |",
        ]
        lines += ["| --- | --- | --- | --- | --- | --- | --- |"]
        for rate in results:
            if rate.cell.chapter == chapter:
                lines.append(f"| {rate.cell.quantity} | {rate.cell.truth} | {_row(rate)} |")
    return "\n".join(lines) + "\n"


def _row(rate: Rate) -> str:
    promise = rate.promise
    if promise == DESCRIBED:
        promised, kept = "described", ""
    else:
        promised = f"{promise.low:g} to {promise.high:g}"
        kept = "yes" if rate.is_kept else "**no**"
    given = "" if rate.n == rate.repetitions else f" (given in {rate.n} of {rate.repetitions})"
    shown = f"{rate.rate:.3f} | {rate.error:.3f}" if rate.n else "none given | "
    return f"{rate.outcome}{given} | {promised} | {shown} | {kept}"
