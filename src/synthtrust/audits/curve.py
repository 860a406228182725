"""The mean Dice over alpha with its band, and TSTR against TRTR."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from synthtrust.audits.scores import SOURCES, Row, arm, with_empty_rule
from synthtrust.metrics import functional as formulas


def curve_rows(scores: pd.DataFrame, alphas: Sequence[float], *, n_boot: int, level: float, seed: int) -> Iterator[Row]:
    """Yield the mean Dice over alpha for each kind of test cases, the scores being of one mode."""
    for source in (source for source in SOURCES if source in set(scores["source"])):
        arms = [arm(scores, alpha, source) for alpha in alphas]
        n_seeds = min(len(one.scores) for one in arms)
        band = None
        if len(alphas) > 1:
            curves = np.stack([one.by_patient()[:n_seeds] for one in arms])  # (A, S, P)
            band = formulas.alpha_band(curves, n_boot=n_boot, seed=seed, level=level)
        for i, (alpha, one) in enumerate(zip(alphas, arms, strict=True)):
            mean = formulas.mean_interval(one.by_patient(), level)
            yield {
                "source": source, "alpha": alpha, "value": mean.value,
                "ci_low": mean.low, "ci_high": mean.high, "level": level,
                "band_low": band.low[i] if band else np.nan, "band_high": band.high[i] if band else np.nan,
                "not_excluded": bool(band.not_excluded[i]) if band else True,
                "n_cases": len(one.patients), "n_patients": mean.n_cases, "n_seeds": mean.n_seeds,
                "note": _curve_note(band is not None, n_seeds, max(len(other.scores) for other in arms)),
            }  # fmt: skip


def contrast_rows(scores: pd.DataFrame, alphas: Sequence[float], level: float) -> Iterator[Row]:
    """Yield TSTR against TRTR, if both were trained."""
    if not {0.0, 1.0} <= set(alphas):
        return
    verdicts = {rule: _gap(with_empty_rule(scores, rule), level)[1] for rule in ("brats", "nan")}
    gap, verdict = _gap(scores, level)
    tstr, trtr = (arm(scores, alpha, "real") for alpha in (0.0, 1.0))
    low, high = (formulas.mean_interval(one.by_patient(), level) for one in (tstr, trtr))
    yield {
        "contrast": "TSTR - TRTR", "source": "real",
        "tstr": low.value, "tstr_low": low.low, "tstr_high": low.high,
        "trtr": high.value, "trtr_low": high.low, "trtr_high": high.high,
        "gap": gap.value, "ci_low": gap.low, "ci_high": gap.high, "df": gap.df,
        "n_cases": len(tstr.patients), "n_patients": gap.n_cases,
        "n_seeds_tstr": low.n_seeds, "n_seeds_trtr": high.n_seeds, "level": level,
        "target": "training recipe" if gap.n_seeds > 1 else "these trained weights",
        "verdict": verdict, "depends_on_empty_rule": len(set(verdicts.values())) > 1,
    }  # fmt: skip


def _gap(scores: pd.DataFrame, level: float) -> tuple[formulas.GapInterval, str]:
    tstr, trtr = (arm(scores, alpha, "real").by_patient() for alpha in (0.0, 1.0))  # each (S, P)
    gap = formulas.gap_interval(tstr, trtr, level)
    if gap.high < 0:
        return gap, "lower"
    return gap, "higher" if gap.low > 0 else "not distinguished"


def _curve_note(has_band: bool, n_seeds: int, most: int) -> str:
    notes = []
    if not has_band:
        notes.append("The band and the set of alphas not excluded need two alphas.")
    elif n_seeds < most:
        notes.append(f"The band takes the first {n_seeds} seeds of each alpha, since some alphas have no more.")
    if n_seeds == 1:
        notes.append("Seeds not assessed: the intervals are about these trained weights, not about the recipe.")
    return " ".join(notes)
