"""A page from planted tables: what its audits, its pictures and its facts are."""

import math

import numpy as np
import pandas as pd

from synthtrust.audits.verdict import verdict_table
from synthtrust.report import SliceRow, Slices
from synthtrust.verdicts import Reason, Subject, Verdict

ALPHAS, REGIONS = (0.0, 0.5, 1.0), ("NCR", "ED", "ET")
COUNTS = {"confidence": 0.95, "n_cases": 40, "n_patients": 38, "n_seeds": 3, "note": ""}


def factor_rows():
    one = [("T1", "all"), ("T2", "all"), ("T2_regions", "all"), *(("T5", region) for region in REGIONS)]
    both = [(factor, region) for factor in ("T3", "T3_null", "correlation", "concordance", "T4", "signed_gap")
            for region in REGIONS]  # fmt: skip
    places = [(f, s, r) for f, r in one for s in ("real", "synthetic")] + [(f, "both", r) for f, r in both]
    for alpha in ALPHAS:
        for i, (factor, source, region) in enumerate([*places, *(("T4_floor", "real", region) for region in REGIONS)]):
            value = 0.5 + 0.01 * i + 0.1 * alpha
            yield {"mode": "complement", "alpha": alpha, "factor": factor, "source": source, "region": region,
                   "value": value, "ci_low": value - 0.04, "ci_high": value + 0.05} | COUNTS  # fmt: skip


def planted_tables():
    empty = [
        {"mode": "complement", "alpha": alpha, "source": "real", "region": "ET", "n_cases": 40, "n_seeds": 3,
         "n_empty_reference": 2, "n_empty_prediction": 3, "n_both_empty": 1, "dice_brats": 0.8, "dice_nan": math.nan,
         "ranking_flips": True}
        for alpha in ALPHAS
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    volumes = [
        {"case": f"c{i}", "patient": f"p{i}", "part": "train" if i % 3 else "test", "source": "real", "region": region,
         "volume_ml": 0.0 if region == "ET" and i < 2 else float(rng.lognormal(2, 1))}
        for i in range(12) for region in REGIONS
    ]  # fmt: skip
    pairs = [
        {"mode": "complement", "alpha": alpha, "case": case, "patient": case, "real": 0.6 + 0.1 * alpha,
         "synthetic": 0.7, "n_seeds": 3}
        for alpha in ALPHAS for case in ("<case 7>", "case 8")
    ]  # fmt: skip
    trust = {"factors": list(factor_rows()), "pairs": pairs, "empty": empty}
    return {
        "cases": {"volumes": pd.DataFrame(volumes)},
        "utility": utility_tables(),
        "trust": {name: pd.DataFrame(rows) for name, rows in trust.items()},
    }


def utility_tables():
    place = {"generator": "Tissue", "mode": "complement"}
    curve = [
        {**place, "source": source, "measure": "dice", "alpha": alpha, "value": 0.7 + 0.1 * alpha,
         "ci_low": 0.66 + 0.1 * alpha, "ci_high": 0.74 + 0.1 * alpha,
         "band_low": 0.65 + 0.1 * alpha, "band_high": 0.75 + 0.1 * alpha,
         "not_excluded": alpha > 0} | COUNTS
        for source in ("real", "synthetic") for alpha in ALPHAS
    ]  # fmt: skip
    comparison = {
        **place, "contrast": "TSTR", "against": "TRTR", "measure": "dice",
        "value": 0.7142, "value_low": 0.66, "value_high": 0.74,
        "reference": 0.8611, "reference_low": 0.82, "reference_high": 0.9,
        "gap": -0.1469, "ci_low": -0.2, "ci_high": -0.1, "gap_lower": -0.19, "gap_upper": -0.11,
        "ratio": 0.829, "ratio_low": 0.8, "ratio_high": 0.86, "ratio_lower": 0.81,
        "ratio_above_chance": 0.829, "ratio_above_chance_low": 0.8, "ratio_above_chance_high": 0.86,
        "ratio_above_chance_lower": 0.81, "reference_above_chance": 0.83,
        "n_cases": 40, "n_patients": 38, "n_seeds": 3, "n_seeds_reference": 3, "confidence": 0.95,
        "target": "training recipe", "note": "", "depends_on_empty_rule": False,
    }  # fmt: skip
    loss = Reason("gap", "The loss is shown.")
    verdict = Verdict(
        "utility", "NOT SUPPORTED", (loss,), "Better twins.", {"margin": 0.05}, Subject(generator="Tissue")
    )
    performance = [
        {**place, "alpha": row["alpha"], "source": row["source"], "measure": "dice", "seed": "all",
         "value": row["value"], "ci_low": row["ci_low"], "ci_high": row["ci_high"]} | COUNTS
        for row in curve
    ]  # fmt: skip
    per_class = [{**row, "class": region} for row in performance for region in REGIONS]
    generators = {"generator": "Tissue", "class": "synthtrust.generators.Tissue", "n_runs": 9, "expected_outcome": ""}
    rows = {"performance": performance, "curve": curve, "comparison": [comparison], "per_class": per_class,
            "generators": [generators]}  # fmt: skip
    return {name: pd.DataFrame(table) for name, table in rows.items()} | {"verdict": verdict_table([verdict])}


def planted_pictures():
    rows, columns = np.mgrid[:24, :18]
    label = ((rows - 12) ** 2 + (columns - 9) ** 2 < 20).astype(int)
    labels = np.stack([label * (columns < limit) for limit in (8, 10, 12)])
    images = dict.fromkeys(("t1", "t1ce", "t2", "flair"), (rows + columns) * (labels + 1.0))
    names = [f"network trained on {cases} cases: Dice 0.8" for cases in ("real", "synthetic")]
    predictions = dict.fromkeys(names, np.roll(labels, 1, 1))
    case = tuple(SliceRow(name, images, labels, predictions) for name in ("Real", "Twin"))
    return [
        Slices("<case 7>", "median Dice 0.8", case, {"NCR": [1], "ED": [2]}, (2.0, 1.0), heights=(4, 6, 8), first=1)
    ]


FACTS = {"cohort": "phantom", "generator": {"_target_": "Tissue", "cells": 4}, "ids": list(range(99)), "lost": math.nan}

RUNS = [
    {"name": f"alpha_{alpha}_seed_0", "generator": "Tissue", "mode": "complement", "alpha": alpha, "seed": 0,
     "n_real": 9, "n_synthetic": 9, "steps": 4, "minutes": 1.5, "device": "processor",
     "command": f"python train.py alpha={alpha}"}
    for alpha in (0.0, 1.0)
]  # fmt: skip
