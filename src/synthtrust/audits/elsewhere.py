"""TSTR against TRTR on the cases of another cohort, beside the test cases of the study's own."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from synthtrust.audits.gap_difference import Arms, gap_difference
from synthtrust.audits.scores import Row, ScoredRun, gather_scores, task_of
from synthtrust.audits.utility.comparison import compare
from synthtrust.audits.utility.estimate import OVERALL, Estimate
from synthtrust.audits.utility.measures import MAIN, measure
from synthtrust.audits.utility.shared_trtr import share_trtr

OWN, OTHER, DIFFERENCE = "own", "other", "difference"
"""Where a gap was measured; the difference is the other cohort less the own test cases."""

ARMS = ("tstr", "tstr_low", "tstr_high", "trtr", "trtr_low", "trtr_high")


def elsewhere_rows(own: Sequence[ScoredRun], other: Sequence[ScoredRun], confidence: float) -> list[Row]:
    """Compare TSTR with TRTR on both kinds of cases, in the main measure, for each generator and mode that has both.

    The same networks were scored on both, and patients of two cohorts are independent: what both gaps share are the
    training seeds alone.

    Args:
        own: Finished runs, with the scores of their own test cases.
        other: The same runs, with their scores on the other cohort.
        confidence: Coverage of each interval.

    Returns:
        Rows with generator, mode, measure, cases (``own``, ``other`` or ``difference``), tstr and trtr with their
        ``_low`` and ``_high`` (NaN of the difference), gap (TSTR - TRTR, or the difference of both gaps), ci_low,
        ci_high, confidence, n_cases, n_patients, n_seeds.

    Raises:
        Refusal: If the runs cannot be compared.
    """
    task = task_of(own)
    tables = [_arms(runs, task) for runs in (own, other)]
    rows: list[Row] = []
    for key in tables[0]:
        if key not in tables[1]:
            continue
        here, there = (table[key] for table in tables)
        subject = dict(zip(("generator", "mode"), key, strict=True)) | {"measure": MAIN[task]}
        rows += [{**subject, **row} for row in _three(here, there, confidence)]
    return rows


def _arms(runs: Sequence[ScoredRun], task: str) -> dict[tuple[str, str], Arms]:
    """Return TSTR and TRTR on real cases for each generator and mode that has both."""
    scores, _ = share_trtr(gather_scores(runs, side_by_side=True))
    rule = str(runs[0].facts().get("empty") or "brats")
    scores = scores[scores["source"] == "real"]
    arms = {}
    for key, rows in scores.groupby(["generator", "mode"], sort=False):
        if {0.0, 1.0} <= set(rows["alpha"]):
            tstr, trtr = (_main(rows, alpha, task, rule) for alpha in (0.0, 1.0))
            arms[str(key[0]), str(key[1])] = (tstr, trtr)
    return arms


def _main(rows: pd.DataFrame, alpha: float, task: str, rule: str) -> Estimate:
    return measure(rows, alpha, "real", task, rule)[MAIN[task], OVERALL]


def _three(here: Arms, there: Arms, confidence: float) -> Iterator[Row]:
    """Yield the gap on the own test cases, on the other cohort, and how much they differ."""
    for name, (tstr, trtr) in ((OWN, here), (OTHER, there)):
        row = compare(tstr, trtr, confidence)
        yield {
            "cases": name,
            "tstr": row["value"], "tstr_low": row["value_low"], "tstr_high": row["value_high"],
            "trtr": row["reference"], "trtr_low": row["reference_low"], "trtr_high": row["reference_high"],
            "gap": row["gap"], "ci_low": row["ci_low"], "ci_high": row["ci_high"], "confidence": confidence,
            "n_cases": row["n_cases"], "n_patients": row["n_patients"],
            "n_seeds": min(row["n_seeds"], row["n_seeds_reference"]),
        }  # fmt: skip
    difference = gap_difference(here, there, confidence)
    yield {
        "cases": DIFFERENCE, **dict.fromkeys(ARMS, np.nan),
        "gap": difference.value, "ci_low": difference.low, "ci_high": difference.high, "confidence": confidence,
        "n_cases": difference.n_cases, "n_patients": difference.n_patients, "n_seeds": difference.n_seeds,
    }  # fmt: skip
