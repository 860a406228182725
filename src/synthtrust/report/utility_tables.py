"""The tables of the chapter on utility: training against test cases, every measure, every class."""

from typing import Any

import pandas as pd

from synthtrust.report.factor_table import coverage, percent
from synthtrust.report.formatting import EstimateCell, number
from synthtrust.report.layout import Table
from synthtrust.report.sentences import MEASURES

TRAINED_ON = {0.0: "synthetic cases alone", 1.0: "real cases alone"}
CORNERS = {(0.0, "real"): "TSTR", (1.0, "real"): "TRTR", (1.0, "synthetic"): "TRTS", (0.0, "synthetic"): "TSTS"}
SOURCES = ("real", "synthetic")
SHORT = {
    "dice": "Dice", "surface_dice": "Surface Dice", "hd95": "HD95 [mm]", "lesion_dice": "Lesion Dice",
    "lesion_hd95": "Lesion HD95 [mm]", "auc": "AUC", "auprc": "AUPRC", "recall": "Recall", "f1": "F1",
}  # fmt: skip
DIGITS = {"calibration_error": 4, "hd95": 2, "lesion_hd95": 2}
"""Digits of the measures that are much smaller than 1, or much larger."""
TRIVIAL = {
    "auc": "A trivial predictor guesses: 0.5 for the AUC, the mean share of a class or finding for AUPRC, 1 over the "
    "number of classes for balanced accuracy (0.5 for findings), 0 for Matthews' correlation; n/a where it says "
    "nothing.",
    "position": "The trivial predictor knows position alone: for each region, the part of the head or body in which "
    "the real training cases have it most often.",
    "dice": "The trivial predictor predicts nothing.",
}


SURFACES = (
    "HD95 is the 95th percentile of the distances between both surfaces; the surface Dice is the share of both within "
    "a tolerance. Lesion-wise scores are means over lesions; one that is missed and one that is not there count 0, or "
    "the length of the volume's diagonal."
)


def two_by_two(performance: pd.DataFrame, main: str, suffix: str) -> Table | None:
    """Return the two by two table of training and test cases; None unless both kinds of training were run."""
    whole = performance[(performance["measure"] == main) & (performance["seed"] == "all")]
    cells = {(row["alpha"], row["source"]): row for row in rows_of(whole)}
    if not {(alpha, "real") for alpha in TRAINED_ON} <= cells.keys():
        return None
    rows = [
        {"Trained on": trained}
        | {f"Tested on {source} cases": _corner(cells.get((alpha, source)), alpha, source) for source in SOURCES}
        for alpha, trained in TRAINED_ON.items()
    ]
    caption = (
        f"TSTR is read against TRTR, in its column. A model of synthetic cases that does well on synthetic ones (TSTS) "
        f"shows no more than that it learned them. {coverage(whole)}"
    )
    name = MEASURES.get(main, "")
    return Table(
        f"Trained and tested on real and on synthetic cases: {name}{suffix}", pd.DataFrame(rows), caption, "intervals"
    )


def comparison_table(comparison: pd.DataFrame, first: str, title: str) -> Table:
    """Return every measure of two ways to train, with gap and ratios."""
    rows = [
        {
            "Measure": MEASURES.get(row["measure"], row["measure"]),
            first: _cell(row, "value"),
            "TRTR": _cell(row, "reference"),
            "Gap": _gap_cell(row),
            "Ratio": _cell(row, "ratio"),
            "Ratio of what lies above a trivial predictor": _cell(row, "ratio_above_chance"),
        }
        for row in rows_of(comparison)
    ]
    measures = set(comparison["measure"])
    coverage_text = f"{100 * comparison['confidence'].iloc[0]:g} %"
    return Table(
        title,
        pd.DataFrame(rows),
        f"On real test cases, with pointwise {coverage_text} intervals over patients and training seeds, each by "
        "itself. The verdict stands on the first row alone; the others are exploratory: of so many, some leave out "
        "zero by chance. "
        + TRIVIAL[_trivial(comparison)]
        + (f" {SURFACES}" if "hd95" in measures else "")
        + "".join(f" {note}" for note in dict.fromkeys(comparison["note"]) if note),
        "intervals",
    )


def _trivial(comparison: pd.DataFrame) -> str:
    """Return which trivial predictor the measures are read against; older tables of Dice know predicting nothing."""
    measure = str(comparison["measure"].iloc[0])
    positional = "trivial" in comparison and comparison["trivial"].iloc[0] == "position"
    return "position" if positional else measure


def splits_table(splits: pd.DataFrame, title: str) -> Table:
    """Return TSTR against TRTR on each split, and over all."""
    rows = [
        {
            "Split": "all" if row["split"] == "all" else str(row["split"]),
            "TSTR": number(row["value"]),
            "TRTR": number(row["reference"]),
            "Gap": EstimateCell(row["gap"], row["ci_low"], row["ci_high"], sign=True),
            "Test patients": row["n_patients"],
        }
        for row in rows_of(splits)
    ]
    whole = rows_of(splits)[-1]
    return Table(
        title,
        pd.DataFrame(rows),
        f"In {MEASURES.get(whole['measure'], whole['measure'])}, {100 * whole['confidence']:g} % intervals. Of one "
        "split: over test patients and training seeds, for its own training patients. Of all: over training patients "
        "as well. Splits share most of their patients, so that their spread shows only a part of what other patients "
        "would change; the interval takes the largest that it can hide at an overlap of "
        f"{number(whole['overlap'], 2)}, and is wide. {whole['note']}".rstrip(),
    )


def class_table(per_class: pd.DataFrame, title: str) -> Table | None:
    """Return every class, finding or region on real test cases: TSTR beside TRTR; None without both."""
    real = per_class[per_class["source"] == "real"]
    if not set(TRAINED_ON) <= set(real["alpha"]):
        return None
    rows = []
    for label, of_class in real.groupby("class", sort=False):
        cells = {(row["measure"], row["alpha"]): row for row in rows_of(of_class)}
        measures = list(dict.fromkeys(of_class["measure"]))
        first = cells[measures[0], 1.0]
        rows.append(
            {kind_of(per_class).capitalize(): str(label)}
            | {
                f"{SHORT.get(measure, measure)}, {CORNERS[alpha, 'real']}": _estimate(cells[measure, alpha])
                for measure in measures
                for alpha in TRAINED_ON
            }
            | {"Test cases": first["n_cases"], "Patients": first["n_patients"], "Remark": first["note"]}
        )
    frame = pd.DataFrame(rows)
    if not frame["Remark"].any():
        frame = frame.drop(columns="Remark")
    caption = (
        f"Exploratory. On real test cases; pointwise {percent(real)} intervals over patients and training seeds, each "
        "by itself."
    )
    return Table(title, frame, caption, "intervals")


def kind_of(per_class: pd.DataFrame) -> str:
    """Return what the rows are about, in one word; older tables do not say it."""
    if "kind" in per_class:
        return str(per_class["kind"].iloc[0])
    return "region" if set(per_class["measure"]) == {"dice"} else "class"


def worth_table(comparison: pd.DataFrame, generators: pd.DataFrame, main: str) -> Table:
    """Return one row per generator: TSTR against TRTR in the main measure."""
    compared = {
        row["generator"]: row for row in rows_of(comparison) if (row["contrast"], row["measure"]) == ("TSTR", main)
    }
    rows = []
    for row in rows_of(generators):
        cells = compared.get(row["generator"])
        rows.append(
            {
                "Generator": row["generator"],
                "TSTR": _cell(cells, "value") if cells else "n/a",
                "TRTR": _cell(cells, "reference") if cells else "n/a",
                "Gap": _gap_cell(cells) if cells else "n/a",
                "Runs": row["n_runs"],
            }
        )
    return Table(
        "TSTR against TRTR, each generator", pd.DataFrame(rows), f"In {MEASURES.get(main, main)}.", "intervals"
    )


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows, columns by name."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _corner(row: dict | None, alpha: float, source: str) -> str:
    return "n/a" if row is None else f"{CORNERS[alpha, source]} {_estimate(row)}"


def _estimate(row: dict) -> EstimateCell:
    return EstimateCell(row["value"], row["ci_low"], row["ci_high"], DIGITS.get(row["measure"], 3))


def _cell(row: dict, name: str) -> EstimateCell:
    return EstimateCell(row[name], row[f"{name}_low"], row[f"{name}_high"], DIGITS.get(row["measure"], 3))


def _gap_cell(row: dict) -> EstimateCell:
    return EstimateCell(row["gap"], row["ci_low"], row["ci_high"], DIGITS.get(row["measure"], 3), sign=True)
