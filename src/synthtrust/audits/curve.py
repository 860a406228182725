"""The main measure over alpha, with its band and the alphas that may be the best.

Bars and band stand on one model of variance: the spread over seeds is pooled over all shares. An area under the ROC
curve is taken to the logit scale and back, so that neither leaves its range nor has no length at an area of 1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from scipy.special import expit

from synthtrust.audits.scores import Row
from synthtrust.audits.utility.estimate import Estimate
from synthtrust.metrics import functional as formulas


def curve_rows(
    arms: Mapping[float, Estimate], *, n_boot: int, confidence: float, seed: int, lower_is_better: bool = False
) -> Iterator[Row]:
    """Yield one measure over alpha on one kind of test cases; all arms are of one mode.

    Where lower is better, such as for distances, the alphas that are not excluded are those that may be the lowest.
    """
    if lower_is_better:
        turned = {alpha: _turned(arm) for alpha, arm in arms.items()}
        for row in curve_rows(turned, n_boot=n_boot, confidence=confidence, seed=seed):
            ends = {low: -row[high] for low, high in ENDS} | {high: -row[low] for low, high in ENDS}
            yield {**row, **ends, "value": -row["value"]}
        return
    estimates = [arms[alpha] for alpha in sorted(arms)]
    n_seeds = min(len(estimate.patients) for estimate in estimates)
    band = None
    if len(arms) > 1:
        curves = np.stack([estimate.on_the_line()[:n_seeds] for estimate in estimates])  # (A, S, P)
        band = formulas.alpha_band(curves, n_boot=n_boot, seed=seed, level=confidence)
    for i, (alpha, estimate) in enumerate(zip(sorted(arms), estimates, strict=True)):
        if band is None:
            (low, high), within = estimate.interval(confidence), (np.nan, np.nan)
        else:
            low, high = _within_range(estimate, band.point_low[i], band.point_high[i])
            within = _within_range(estimate, band.low[i], band.high[i])
        yield {
            "alpha": alpha, "value": float(estimate.values.mean()), "ci_low": low, "ci_high": high,
            "confidence": confidence,
            "band_low": float(within[0]), "band_high": float(within[1]),
            "not_excluded": bool(band.not_excluded[i]) if band else True,
            "n_cases": estimate.n_cases, "n_patients": estimate.n_patients, "n_seeds": len(estimate.values),
            "note": _note(band is not None, n_seeds, max(len(other.patients) for other in estimates)),
        }  # fmt: skip


ENDS = (("ci_low", "ci_high"), ("band_low", "band_high"))
"""The lower and the upper limit of a point, and of the band."""


def _turned(arm: Estimate) -> Estimate:
    """Return the negative of a measure, of which the lowest value becomes the highest."""
    low, high = arm.limits
    return replace(arm, values=-arm.values, patients=-arm.patients, limits=(-high, -low))


def _within_range(estimate: Estimate, low: float, high: float) -> tuple[float, float]:
    """Bring limits back to the range of a measure."""
    if estimate.sides is not None:  # whose logit is drawn inwards a little, so that an area of 1 has one
        value = float(estimate.values.mean())
        return min(float(expit(low)), value), max(float(expit(high)), value)
    first, last = np.clip((low, high), *estimate.limits)
    return float(first), float(last)


def _note(has_band: bool, n_seeds: int, most: int) -> str:
    notes = []
    if not has_band:
        notes.append("The band and the set of alphas not excluded need two alphas.")
    elif n_seeds < most:
        notes.append(f"The band takes the first {n_seeds} seeds of each alpha, since some alphas have no more.")
    if n_seeds == 1:
        notes.append("Seeds not assessed: the intervals are about these trained weights, not about the recipe.")
    return " ".join(notes)
