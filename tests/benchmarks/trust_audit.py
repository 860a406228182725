"""Station: the audits of trust and utility at the scale of a paper, and all factors without each patient."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Comparison
from benchmarks.planted_sweep import planted_sweep
from synthtrust.audits.factors import PAIRED_FACTORS, SINGLE_SOURCE_FACTORS
from synthtrust.audits.trust import Trust
from synthtrust.audits.utility import Utility
from synthtrust.metrics.functional.factor_intervals import left_out

CASES, ALPHAS = 251, 11
STATION = "Audits of trust and utility"
GOALS = {"trust": "under 2 s and 300 MiB", "utility": "faster than 7 s"}


def in_pieces(name: str, audit: Callable[..., Any], n_cases: int, n_alphas: int, unit: str) -> Comparison:
    """Return an audit of three seeds; only its time is promised, since nobody else has these intervals."""
    work = f"{name}, {n_alphas} alphas, 3 seeds, 2 x {n_cases} cases, 3 regions"
    size = float(n_cases if unit == "cases" else n_alphas)
    grows = f"{unit} ({name})"
    runs = planted_sweep(n_cases, n_alphas)
    return Comparison(STATION, work, partial(audit(), runs), GOALS[name], rounds=3, size=size, grows_with=grows)


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return the audits at two numbers of cases and of alphas, and the jackknife of one alpha beside a loop."""
    cases, alphas = (20, 2) if is_quick else (CASES, ALPHAS)
    for name, audit in (("trust", Trust), ("utility", Utility)):
        yield in_pieces(name, audit, cases, alphas, "cases")
        yield in_pieces(name, audit, 4 * cases, alphas, "cases")
        yield in_pieces(name, audit, cases, alphas, "alphas")
        yield in_pieces(name, audit, cases, 4 * alphas, "alphas")
    table = planted_sweep(cases, 1)
    scores = np.stack([run.scores()["dice"].to_numpy().reshape(2, cases, -1) for run in table], axis=1)  # (2, S, M, K)
    members = np.arange(cases)

    def at_once() -> list[np.ndarray]:
        return [left_out(factor.formula, arrays, members) for factor, arrays in factors]

    def one_by_one() -> list[np.ndarray]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [
                np.stack([factor.formula(*(np.delete(x, p, axis=1) for x in arrays)) for p in members], axis=1)
                for factor, arrays in factors
            ]

    factors = [(factor, [scores[0]]) for factor in SINGLE_SOURCE_FACTORS.values()]
    factors += [(factor, list(scores)) for factor in PAIRED_FACTORS.values()]
    yield Comparison(
        STATION, f"ten factors without each of {cases} patients", at_once, "", one_by_one,
        "a loop in NumPy that deletes one patient after the other", same, rounds=3,
    )  # fmt: skip


def same(product: list[np.ndarray], peer: list[np.ndarray]) -> str:
    """Raise unless all factors agree."""
    difference = max(float(np.abs(a.reshape(b.shape) - b).max()) for a, b in zip(product, peer, strict=True))
    if not difference < 1e-12:
        raise ValueError(f"Expected equal factors, but got a difference of {difference}.")
    return f"largest difference {difference:.1g}"
