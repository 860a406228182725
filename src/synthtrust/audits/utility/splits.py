"""TSTR against TRTR over repeated splits: each split by itself, and the mean with the doubt of other training sets."""

from collections.abc import Iterator, Mapping, Sequence

from synthtrust.audits.scores import Row, ScoredRun
from synthtrust.metrics.functional import over_splits, split_overlap

FEWEST_SPLITS = 3
"""Splits, below which their spread says too little."""


def patients_of(runs: Sequence[ScoredRun]) -> tuple[set[str], int]:
    """Return the test patients of a split, and how many patients all of its parts have; 0 if the runs do not say it."""
    scores = runs[0].scores()
    counts = runs[0].facts().get("patients") or {}
    return set(scores.loc[scores["source"] == "real", "patient"].astype(str)), sum(counts.values())


def split_rows(
    compared: Mapping[int, Row], patients: Mapping[int, tuple[set[str], int]], confidence: float
) -> Iterator[Row]:
    """Yield a row for each split, and one of all: the mean gap, with limits where there are splits enough.

    Args:
        compared: By number of the split, its comparison of TSTR with TRTR in the main measure.
        patients: By number of the split what `patients_of` says.
        confidence: Coverage.

    Returns:
        Rows with the columns split (a number, or ``all``), measure, value, reference, gap, ci_low, ci_high, gap_lower,
        gap_upper, confidence, n_patients, n_splits, overlap and note. The limits of one split are about its own
        training patients, those of all about the recipe on training sets of this size.
    """
    for number, row in compared.items():
        kept = ("measure", "value", "reference", "gap", "ci_low", "ci_high", "gap_lower", "gap_upper", "confidence",
                "n_patients")  # fmt: skip
        yield {"split": str(number), **{name: row[name] for name in kept}, "n_splits": 1, "overlap": 1.0, "note": ""}
    tests, everybody = [patients[n][0] for n in compared], min(patients[n][1] for n in compared)
    overlap = split_overlap(tests, everybody) if everybody else float("nan")
    n, rows, note = len(compared), list(compared.values()), ""
    if not everybody:
        note = "No interval over splits: the runs do not say how many patients they were trained on."
    elif n < FEWEST_SPLITS:
        note = f"No interval over splits: {n} say too little of how they vary; it takes {FEWEST_SPLITS}."
    elif overlap == 1:
        note = "No interval over splits: they have the same patients."
    result = over_splits([row["gap"] for row in rows], 0.0 if note else overlap, confidence)
    nothing = float("nan")
    limits = (nothing,) * 4 if note else (result.low, result.high, result.lower_bound, result.upper_bound)
    value, reference = (sum(row[name] for row in rows) / n for name in ("value", "reference"))
    yield {
        "split": "all", "measure": rows[0]["measure"], "value": value, "reference": reference, "gap": result.value,
        **dict(zip(("ci_low", "ci_high", "gap_lower", "gap_upper"), limits, strict=True)), "confidence": confidence,
        "n_patients": len(set().union(*tests)), "n_splits": n, "overlap": overlap, "note": note,
    }  # fmt: skip
