"""What the numbers of the trust audit say, in sentences."""

import math
from collections.abc import Mapping

import pandas as pd

from synthtrust.report.words import count, estimate, listing, number, short


def answers_of(tables: Mapping[str, pd.DataFrame], *, main: bool) -> list[str]:
    """Say what the numbers say; only the main mix is asked for what it lacks."""
    curve = tables["curve"][tables["curve"]["source"] == "real"]
    answers = [_contrast_answer(row) for row in tables["contrast"].to_dict("records")]
    if main and not answers:
        answers.append(
            "TSTR against TRTR was not compared: it needs runs at α = 0 (synthetic training only) and α = 1 (real)."
        )
    if len(curve) > 1:
        left = listing([short(a) for a in curve.loc[curve["not_excluded"].astype(bool), "alpha"]])
        answers.append(
            f"Shares of real training cases not excluded as the best for real test cases: α = {left}, of "
            f"{len(curve)} tried. The highest mean alone names no best share."
        )
    else:
        only = curve.iloc[0]
        answers.append(
            f"One share only, α = {short(only['alpha'])}: mean Dice on real test cases "
            f"{estimate(only['value'], only['ci_low'], only['ci_high'])}. A curve needs two alphas."
        )
    if curve["n_seeds"].min() == 1:
        answers.append(
            "Seeds not assessed: at least one share was trained once, so its intervals are about these trained weights "
            "and leave out how much another training run would differ."
        )
    return answers


def _contrast_answer(row: Mapping) -> str:
    seeds = sorted({row["n_seeds_tstr"], row["n_seeds_trtr"]})
    n = f"{count(row['n_cases'], 'test case')} of {count(row['n_patients'], 'patient')}, " + (
        f"{count(seeds[0], 'seed')} each" if len(seeds) == 1 else f"{seeds[0]} to {seeds[1]} seeds"
    )
    numbers = (
        f"On real test cases, training on synthetic cases alone (TSTR) reaches a mean Dice of "
        f"{estimate(row['tstr'], row['tstr_low'], row['tstr_high'])}, training on real cases alone (TRTR) "
        f"{estimate(row['trtr'], row['trtr_low'], row['trtr_high'])}: a gap of "
        f"{estimate(row['gap'], row['ci_low'], row['ci_high'], sign=True)} ({n})."
    )
    if row["depends_on_empty_rule"]:
        return f"{numbers} Inconclusive: whether there is a gap depends on the rule for empty regions, see below."
    meaning = {
        "lower": "The whole interval lies below zero: synthetic training cases in place of real ones cost performance.",
        "higher": "The whole interval lies above zero: synthetic training cases did better than the real ones here.",
    }
    undecided = (
        "The interval contains zero: neither a gap nor its absence was shown; "
        f"a loss of up to {number(max(-row['ci_low'], 0.0))} remains possible."
        if math.isfinite(row["ci_low"])
        else "Too few patients for an interval."
    )
    return f"{numbers} {meaning.get(row['verdict'], undecided)}"
