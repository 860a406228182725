"""The seven criteria of the FDA's scorecard for synthetic medical data, filled with what the audits measured.

Source: Zamzmi et al., Scorecard for synthetic medical data evaluation, Communications Engineering 4:130 (2025). The
criteria and their meaning are theirs; what stands under each is measured in this project's way, or not measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthtrust.conventions import NOT_ASSESSED
from synthtrust.report.formatting import estimate, listing, number
from synthtrust.report.verdicts import AxisVerdict

Tables = Mapping[str, Mapping[str, pd.DataFrame]]
NOT_MEASURED = "Not measured."


@dataclass(frozen=True)
class Criterion:
    """One line of the scorecard."""

    name: str
    question: str
    answer: str
    """What was measured, in whole sentences; or that nothing was."""
    is_measured: bool


def scorecard(
    tables: Tables, synthetic_set: Mapping[str, Any], verdicts: Sequence[AxisVerdict]
) -> list[dict[str, Any]]:
    """Return the seven criteria for one set as plain values: name, question, answer, is_measured.

    Args:
        tables: Audit name -> table name -> tidy table, as for the page.
        synthetic_set: What the card knows of the set, see `synthtrust.report.card.write_cards`.
        verdicts: Those that concern the set.
    """
    answers = {
        "Congruence": _fidelity(tables, synthetic_set, "quality", "KID") + _verdict(verdicts, "fidelity"),
        "Coverage": _fidelity(tables, synthetic_set, "diversity", "coverage, all cases"),
        "Constraint": _constraint(synthetic_set),
        "Completeness": _completeness(synthetic_set),
        "Consistency": _consistency(tables, synthetic_set),
        "Comprehension": _comprehension(synthetic_set),
        "Compliance": _compliance(verdicts, synthetic_set),
    }
    return [
        asdict(Criterion(name, QUESTIONS[name], answer.strip() or NOT_MEASURED, bool(answer.strip())))
        for name, answer in answers.items()
    ]


QUESTIONS = {
    "Congruence": "Are the synthetic cases distributed like real ones?",
    "Coverage": "Do they show the variety of real ones?",
    "Constraint": "Do they keep to what anatomy and geometry allow?",
    "Completeness": "Has every case all that the task needs?",
    "Consistency": "Is the quality the same in every group?",
    "Comprehension": "Is it told how the set was made?",
    "Compliance": "Does it keep to privacy and to formats?",
}


def _fidelity(tables: Tables, synthetic_set: Mapping[str, Any], table: str, measure: str) -> str:
    """Tell one measure of fidelity in each space, beside what random halves of the real cases give."""
    rows = tables.get("fidelity", {}).get(table)
    if rows is None or not len(rows):
        return ""
    own = rows[(rows["set"] == synthetic_set["name"]) & (rows["measure"] == measure)]
    told = [
        f"{row['space']} {estimate(row['value'], row['ci_low'], row['ci_high'])}"
        + (f" (real halves {number(row['floor'])})" if np.isfinite(row["floor"]) else "")
        for row in own.to_dict("records")
    ]
    return f"{measure[0].upper()}{measure[1:]}: {'; '.join(told)}. " if told else ""


def _verdict(verdicts: Sequence[AxisVerdict], axis: str) -> str:
    (verdict,) = (found for found in verdicts if found.axis == axis)
    return "" if verdict.verdict == NOT_ASSESSED else f"{axis.capitalize()}: {verdict.verdict}."


def _constraint(synthetic_set: Mapping[str, Any]) -> str:
    """Tell the geometry alone: no rule of anatomy is checked."""
    if not synthetic_set["cases"]:
        return ""
    return (
        "Grid, orientation, units and background are compared with the real cases, and a set that differs, is mirrored "
        "or is turned is refused before it is used. No rule of anatomy is checked."
    )


def _completeness(synthetic_set: Mapping[str, Any]) -> str:
    """Tell what every case has, since a manifest that lacks a file or a label is refused."""
    labels = synthetic_set["labels"]
    label = f"a label ({listing(labels)})" if labels else "no label"
    return f"Each of {synthetic_set['cases']} cases has {listing(synthetic_set['modalities'])}, and {label}."


def _consistency(tables: Tables, synthetic_set: Mapping[str, Any]) -> str:
    """Tell over which range TSTR less TRTR lies from class to class, or from region to region."""
    rows = tables.get("utility", {}).get("per_class")
    if rows is None or not len(rows):
        return ""
    name = str(synthetic_set["generator"]).rpartition(".")[2]
    own = rows[(rows["generator"] == name) & (rows["source"] == "real") & rows["alpha"].isin((0.0, 1.0))]
    if own.empty or set(own["alpha"]) != {0.0, 1.0}:
        return ""
    measure = str(own["measure"].iloc[0])
    of_measure = own[own["measure"] == measure].drop_duplicates(["class", "alpha"])
    by_class = of_measure.pivot(index="class", columns="alpha", values="value")
    gaps = (by_class[0.0] - by_class[1.0]).dropna()
    if gaps.empty:
        return ""
    kind = {"region": "regions", "class": "classes", "finding": "findings"}[str(own["kind"].iloc[0])]
    return (
        f"TSTR less TRTR lies from {number(gaps.min(), sign=True)} ({gaps.idxmin()}) to "
        f"{number(gaps.max(), sign=True)} ({gaps.idxmax()}) over {kind} (described, not inferred). Groups of patients "
        "are not compared on this card."
    )


def _comprehension(synthetic_set: Mapping[str, Any]) -> str:
    """Tell which facts about the making the set states."""
    facts = {
        "the generator": synthetic_set["generator"],
        "its settings": synthetic_set["recipe"],
        "the cases that it learned from": synthetic_set["training_ids"] is not None,
        "the licence": synthetic_set["licence"] not in ("", "unknown"),
        "the intended use": synthetic_set["intended_use"],
        "a hash of every file": synthetic_set["manifest_sha256"],
    }
    stated, missing = ([name for name, value in facts.items() if bool(value) == known] for known in (True, False))
    text = f"Stated in the manifest: {listing(stated)}." if stated else ""
    return f"{text} Not stated: {listing(missing)}." if missing else text


def _compliance(verdicts: Sequence[AxisVerdict], synthetic_set: Mapping[str, Any]) -> str:
    """Tell the verdict on privacy; law is nobody's measurement."""
    privacy = _verdict(verdicts, "privacy")
    if not privacy:
        return ""
    return f"{privacy} Files are NIfTI or PNG with a manifest. No law or regulation was looked at."
