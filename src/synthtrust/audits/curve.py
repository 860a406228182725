"""The main measure over alpha, with its band and the alphas that may be the best."""

from collections.abc import Iterator, Mapping

import numpy as np

from synthtrust.audits.scores import Row
from synthtrust.audits.utility.measures import Estimate
from synthtrust.metrics import functional as formulas


def curve_rows(arms: Mapping[float, Estimate], *, n_boot: int, confidence: float, seed: int) -> Iterator[Row]:
    """Yield one measure over alpha on one kind of test cases; all arms are of one mode."""
    estimates = [arms[alpha] for alpha in sorted(arms)]
    n_seeds = min(len(estimate.patients) for estimate in estimates)
    band = None
    if len(arms) > 1:
        curves = np.stack([estimate.patients[:n_seeds] for estimate in estimates])  # (A, S, P)
        band = formulas.alpha_band(curves, n_boot=n_boot, seed=seed, level=confidence)
    for i, (alpha, estimate) in enumerate(zip(sorted(arms), estimates, strict=True)):
        low, high = estimate.interval(confidence)
        within = np.clip((band.low[i], band.high[i]) if band else (np.nan, np.nan), *estimate.limits)
        yield {
            "alpha": alpha, "value": float(estimate.values.mean()), "ci_low": low, "ci_high": high,
            "confidence": confidence,
            "band_low": float(within[0]), "band_high": float(within[1]),
            "not_excluded": bool(band.not_excluded[i]) if band else True,
            "n_cases": estimate.n_cases, "n_patients": estimate.n_patients, "n_seeds": len(estimate.values),
            "note": _note(band is not None, n_seeds, max(len(other.patients) for other in estimates)),
        }  # fmt: skip


def _note(has_band: bool, n_seeds: int, most: int) -> str:
    notes = []
    if not has_band:
        notes.append("The band and the set of alphas not excluded need two alphas.")
    elif n_seeds < most:
        notes.append(f"The band takes the first {n_seeds} seeds of each alpha, since some alphas have no more.")
    if n_seeds == 1:
        notes.append("Seeds not assessed: the intervals are about these trained weights, not about the recipe.")
    return " ".join(notes)
