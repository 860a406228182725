"""What stands at the end of the page, so that it can be attached to a submission: settings, data and every run."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthtrust.report.formatting import number, short
from synthtrust.report.layout import Section, Table
from synthtrust.report.settings import in_words
from synthtrust.report.verdicts import AxisVerdict

FACTS = {
    "study": "Study",
    "date": "Date of the evaluation",
    "task": "Task",
    "cohort": "Cohort",
    "licence": "Licence of the real cases",
    "cases": "Cases",
    "patients": "Patients",
    "overlap": "Overlap of the generator's patients with those it is scored on",
    "generators": "Generators",
    "network": "Network",
    "parameters": "Parameters",
    "steps": "Optimizer steps of each run",
    "batch_size": "Batch size",
    "patch_size": "Patch [voxels]",
    "image_size": "Image [pixels]",
    "mode": "How training sets were mixed",
    "val": "Cases on which checkpoints were chosen",
    "regions": "Regions",
    "classes": "Classes",
    "empty": "Rule for empty regions",
    "runs": "Runs",
    "alphas": "Shares of real cases, α",
    "seeds": "Training seeds",
    "splits": "Splits",
    "minutes_of_training": "Training, all runs [min]",
    "peak_memory_gib": "Peak memory [GiB]",
    "device": "Processor",
    "devices": "Devices of each run",
    "cores": "Cores",
    "python": "Python",
    "versions": "Versions",
    "remarks": "Remarks on the set",
    "repeated_cases": "Repeated cases in the set",
}
"""Fact of a study -> what the page calls it, in this order; others follow by their own name."""
LEFT_OUT = ("command", "generator", "generators_differ")
"""Facts that stand elsewhere on the page: the commands and the recipes in the table of runs."""
MOST_LISTED = 12
RUN_COLUMNS = {
    "name": "Run", "generator": "Generator", "mode": "Mix", "alpha": "α", "seed": "Seed", "n_real": "Real cases",
    "n_synthetic": "Synthetic cases", "steps": "Steps", "minutes": "Training [min]", "device": "Processor",
    "command": "Command",
}  # fmt: skip
"""Column of the rows of runs -> its heading."""


def settings_section(verdicts: Sequence[AxisVerdict]) -> Section:
    """Lay out what was settled before looking, axis by axis, by its key in the config."""
    rows = {
        (axis.axis, key, str(value)): {
            "Setting": in_words(key), "Axis": axis.axis, "Threshold": str(value), "Key": key,
        }
        for axis in verdicts
        for finding in axis.findings
        for key, value in finding.thresholds.items()
    }  # fmt: skip
    return Section(
        "Settings",
        "The thresholds of every verdict, by the keys that the command takes.",
        tables=(Table("Settled before looking", pd.DataFrame(list(rows.values())), inference="no estimates"),),
    )


def provenance_section(facts: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> Section:
    """Lay out where the numbers come from: the data, the machine, and the command of every run."""
    names = [*FACTS, *(name for name in facts if name not in FACTS and name not in LEFT_OUT)]
    pairs = [(FACTS.get(name, name.replace("_", " ").capitalize()), _text(facts[name])) for name in names
             if facts.get(name) not in (None, "", [], {})]  # fmt: skip
    tables = [Table("The study", pd.DataFrame(pairs, columns=["Fact", "Value"]), inference="no estimates")]
    if runs:
        tables.append(_runs(runs))
    elif facts.get("command"):
        command = pd.DataFrame([("Command", str(facts["command"]))], columns=["Fact", "Value"])
        tables.append(Table("How it was made", command, inference="no estimates"))
    return Section("Data and provenance", "Where every number comes from.", tables=tuple(tables))


def _runs(runs: Sequence[Mapping[str, Any]]) -> Table:
    minutes = [float(run["minutes"]) for run in runs if run.get("minutes") is not None]
    columns = {heading: [_cell(run.get(key), key) for run in runs] for key, heading in RUN_COLUMNS.items()}
    kept = {heading: cells for heading, cells in columns.items() if any(cells)}
    total = f"{number(sum(minutes), 1)} minutes of training in all, interruptions left out." if minutes else ""
    return Table("Every run", pd.DataFrame(kept), total, "no estimates")


def _cell(value: Any, key: str) -> str:
    if value is None:
        return ""
    if key == "minutes":
        return number(float(value), 1)
    return short(value) if isinstance(value, float) else str(value)


def _text(value: Any) -> str:
    """Write a fact on one line; long lists are counted, and what is nested is written part by part.

    >>> _text({"train": 7, "test": 2}), _text([0, 1]), _text(list(range(99))), _text({"status": "none", "word": "none"})
    ('train 7, test 2', '0, 1', '99 entries', 'none')
    """
    if isinstance(value, Mapping):
        if "word" in value:
            return str(value["word"])
        parts = (f"{name} {_text(part)}" for name, part in value.items() if part not in (None, [], {}))
        return ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(map(str, value)) if len(value) <= MOST_LISTED else f"{len(value)} entries"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)
