"""What the numbers of the utility audit say, in sentences."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthtrust.report.formatting import count, estimate, listing, number, short

MEASURES = {
    "dice": "Dice",
    "surface_dice": "surface Dice",
    "hd95": "HD95 [mm] (lower is better)",
    "lesion_dice": "lesion-wise Dice",
    "lesion_hd95": "lesion-wise HD95 [mm] (lower is better)",
    "auc": "AUC, mean over classes or findings, each against the rest",
    "auprc": "AUPRC (average precision)",
    "balanced_accuracy": "balanced accuracy",
    "recall": "recall (sensitivity)",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "brier": "Brier score (lower is better)",
    "calibration_error": "calibration error, squared, without its bias (lower is better)",
}
IN_SENTENCES = {
    "dice": "mean Dice",
    "auc": "area under the ROC curve",
    "hd95": "HD95 [mm]",
    "surface_dice": "surface Dice",
    "lesion_dice": "lesion-wise Dice",
    "lesion_hd95": "lesion-wise HD95 [mm]",
}
TRIVIAL_TEXTS = {
    "guessing": "guessing",
    "position": "the best label map by position alone",
    "nothing": "predicting nothing",
}
"""A model without skill -> what it does, in a sentence."""

Row = Mapping[str, Any]


def tstr_sentence(row: Row) -> str:
    """Say what TSTR is worth against TRTR, in one sentence with its doubt."""
    sentence = (
        f"On real test cases, training on synthetic cases alone (TSTR) reaches {_article(row)} "
        f"{IN_SENTENCES.get(row['measure'], row['measure'])} of {_both(row, 'value')}, training on real cases alone "
        f"(TRTR) {_both(row, 'reference')}: a gap of {estimate(row['gap'], row['ci_low'], row['ci_high'], sign=True)}"
        f"{_kept(row)} ({_n(row)})."
    )
    return f"{sentence} {_meaning(row)}".rstrip()


def augmentation_sentence(row: Row) -> str:
    """Say what synthetic cases beside all real ones do."""
    gap = estimate(row["gap"], row["ci_low"], row["ci_high"], sign=True)
    meaning = "the interval contains zero" if row["ci_low"] <= 0 <= row["ci_high"] else "the interval leaves out zero"
    return (
        f"All real cases with the synthetic ones added reach {_both(row, 'value')} against {_both(row, 'reference')} "
        f"of the real ones alone: a difference of {gap} ({_n(row)}); {meaning}."
    )


def best_shares(curve: pd.DataFrame) -> list[str]:
    """Say which shares of real cases may be the best for real test cases, and what was not assessed."""
    rows = curve[curve["source"] == "real"]
    answers = []
    if len(rows) > 1:
        left = listing([short(a) for a in rows.loc[rows["not_excluded"].astype(bool), "alpha"]])
        answers.append(
            f"Shares of real training cases not excluded as the best for real test cases: α = {left}, of "
            f"{len(rows)} tried. The highest mean alone names no best share."
        )
    else:
        only = rows.iloc[0]
        answers.append(
            f"One share only, α = {short(only['alpha'])}: {IN_SENTENCES.get(only['measure'], only['measure'])} on real "
            f"test cases {estimate(only['value'], only['ci_low'], only['ci_high'])}. A curve needs two alphas."
        )
    if rows["n_seeds"].min() == 1:
        answers.append(
            "Seeds not assessed: at least one share was trained once, so its intervals are about these trained weights "
            "and leave out how much another training run would differ."
        )
    return answers


NOT_COMPARED = (
    "TSTR against TRTR was not compared: it needs runs at α = 0 (synthetic training only) and α = 1 (real). "
    "Neither says anything without the other."
)


def _both(row: Row, name: str) -> str:
    return estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _kept(row: Row) -> str:
    """Name the ratio of the scores, and that of what lies above a trivial predictor where it is another one."""
    if not math.isfinite(row["ratio"]):
        return ""
    trivial = TRIVIAL_TEXTS[row.get("trivial") or ("nothing" if row["measure"] == "dice" else "guessing")]
    raw = estimate(row["ratio"], row["ratio_low"], row["ratio_high"])
    above = row["ratio_above_chance"]
    if not math.isfinite(above):
        return f", a ratio of {raw}, though not both were shown to lie above {trivial}"
    if abs(above - row["ratio"]) < 5e-4:
        return f", a ratio of {raw}"
    over = estimate(above, row["ratio_above_chance_low"], row["ratio_above_chance_high"])
    return f", a ratio of {raw}, and {over} of what lies above {trivial}"


def _meaning(row: Row) -> str:
    """Say what the gap may be, by the bounds that the verdict stands on."""
    if row["depends_on_empty_rule"]:
        return "Whether that is a loss depends on the rule for empty regions. "
    if not math.isfinite(row["gap_lower"]):
        return "Too few patients for an interval. "
    bounds = gap_bounds(row)
    return f"{bounds[0].upper()}{bounds[1:]} (one-sided {100 * row['confidence']:g} % bounds). "


def gap_bounds(row: Row) -> str:
    """Say within which one-sided bounds a loss or a gain lies."""
    most, least = -row["gap_lower"], -row["gap_upper"]
    if least > 0:
        return f"a loss of at least {least:.3f} and at most {most:.3f}"
    if most < 0:
        return f"a gain of at least {-most:.3f} and at most {-least:.3f}"
    return f"a loss of at most {max(most, 0):.3f}, or a gain of at most {max(-least, 0):.3f}"


def over_splits_sentence(row: Row) -> str:
    """Say what TSTR is worth against TRTR over repeated splits, so with other training patients."""
    splits = f"Over {row['n_splits']} splits, each with other training and test patients, the gap of TSTR to TRTR"
    if not math.isfinite(row["ci_low"]):
        return f"{splits} is {number(row['gap'], sign=True)}. {row['note']}"
    return (
        f"{splits} is {estimate(row['gap'], row['ci_low'], row['ci_high'], sign=True)}: this interval also holds for "
        f"training sets of this size from other patients ({count(row['n_patients'], 'patient')} tested on in all)."
    )


def _n(row: Row) -> str:
    seeds = sorted({row["n_seeds"], row["n_seeds_reference"]})
    trained = f"{count(seeds[0], 'seed')} each" if len(seeds) == 1 else f"{seeds[0]} to {seeds[1]} seeds"
    return f"{count(row['n_cases'], 'test case')} of {count(row['n_patients'], 'patient')}, {trained}"


def _article(row: Row) -> str:
    return "an" if row["measure"] == "auc" else "a"
