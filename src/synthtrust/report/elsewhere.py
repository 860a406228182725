"""The chapter on another cohort: TSTR against TRTR there and on the own test cases, and how the cases differ."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from synthtrust.report.formatting import count, estimate, two_lines
from synthtrust.report.layout import Chapter, Section, Table

CASES = {
    "own": "the study's own test cases",
    "other": "the other cohort",
    "difference": "the other cohort less the own test cases",
}


def elsewhere_chapter(tables: Mapping[str, pd.DataFrame]) -> Chapter:
    """Lay out ``gaps`` (`synthtrust.audits.elsewhere`) and ``shift`` (`synthtrust.cases.checks.shift`)."""
    gaps, shift = tables["gaps"], tables["shift"]
    sections = []
    if len(gaps):
        sections.append(_gaps(gaps))
    if len(shift):
        sections.append(_shift(shift))
    return Chapter(tuple(_answers(gaps)), (), tuple(sections))


def _answers(gaps: pd.DataFrame) -> Iterator[str]:
    """Say for each generator how the loss there compares with the loss on the own test cases."""
    for subject, rows in gaps.groupby(["generator", "mode"], sort=False):
        by_cases = {row["cases"]: row for row in rows.to_dict("records")}
        own, other, difference = (by_cases[name] for name in CASES)
        whose = f" ({subject[0]})" if gaps["generator"].nunique() > 1 else ""
        low, high = difference["ci_low"], difference["ci_high"]
        if not np.isfinite([low, high]).all():
            outcome = "how much both differ is not known from so few seeds or patients"
        elif low > 0:
            outcome = "there training on synthetic cases loses less, or gains more"
        elif high < 0:
            outcome = "there training on synthetic cases loses more"
        else:
            outcome = "that both differ was not shown"
        there, here = (count(int(row["n_patients"]), "patient") for row in (other, own))
        yield (
            f"TSTR less TRTR{whose} is {_gap(other)} on {there} of the other cohort and {_gap(own)} on {here} of the "
            f"study's own test cases, a difference of {_gap(difference)}: {outcome}."
        )


def _gap(row: Mapping) -> str:
    return estimate(row["gap"], row["ci_low"], row["ci_high"], sign=True)


def _gaps(gaps: pd.DataFrame) -> Section:
    several = gaps["generator"].nunique() > 1 or gaps["mode"].nunique() > 1
    rows = [
        {
            **({"Generator": f"{row['generator']}, {row['mode']}"} if several else {}),
            "Scored on": CASES[row["cases"]],
            "TSTR": _cell(row, "tstr"),
            "TRTR": _cell(row, "trtr"),
            "TSTR - TRTR": two_lines(row["gap"], row["ci_low"], row["ci_high"], sign=True),
            "Cases": str(row["n_cases"]),
            "Patients": str(row["n_patients"]),
            "Seeds": str(row["n_seeds"]),
        }
        for row in gaps.to_dict("records")
    ]
    level = f"{100 * gaps['confidence'].iloc[0]:g} %"
    return Section(
        "Another cohort beside the study's own test cases",
        "Whether what synthetic training costs is the same elsewhere: the networks of the study, scored on cases that "
        "neither they nor a generator learned from.",
        tables=(
            Table(
                "TSTR against TRTR, here and there",
                pd.DataFrame(rows),
                f"Intervals: {level}, over patients and training seeds. In the difference patients of both cohorts are "
                "independent, and the networks are the same.",
                "intervals",
            ),
        ),
        limit="One other cohort is one other place. It says nothing of a third.",
    )


def _cell(row: Mapping, arm: str) -> str:
    if not np.isfinite(row[arm]):
        return ""
    return two_lines(row[arm], row[f"{arm}_low"], row[f"{arm}_high"])


def _shift(shift: pd.DataFrame) -> Section:
    rows = [
        {
            "Of": row["modality"],
            "Property": row["property"],
            "Training cases": row["trained"],
            "Other cohort": row["other"],
        }
        for row in shift.to_dict("records")
    ]
    trained, other = int(shift["n_trained"].max()), int(shift["n_other"].max())
    n = f"{count(trained, 'training case')} and {count(other, 'other case')}"
    return Section(
        "How the cases differ",
        "What a network that learned on one cohort meets in the other.",
        tables=(
            Table(
                "Training cases and the other cohort, as they lie on disk",
                pd.DataFrame(rows),
                f"Median over {n}, in brackets the 5th and 95th percentile; of words the most frequent, and its share.",
            ),
        ),
    )
