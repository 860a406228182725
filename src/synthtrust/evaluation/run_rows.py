"""The runs behind a page, one row each: what was trained on what, for how long, and by which command."""

from collections.abc import Mapping, Sequence
from typing import Any

from synthtrust.audits.generator_names import generator_names
from synthtrust.runs import Run


def run_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return the rows of the page's table of runs, see `synthtrust.report.appendix.RUN_COLUMNS`."""
    return [
        {
            "name": run.name,
            "generator": generator,
            **{name: facts.get(name) for name in ("mode", "alpha", "seed", "n_real", "n_synthetic", "steps", "device")},
            "minutes": None if (seconds := training_seconds(facts)) is None else round(seconds / 60, 2),
            "command": facts.get("command"),
        }
        for run, generator, facts in zip(runs, generator_names(runs), (run.facts() for run in runs), strict=True)
    ]


def training_seconds(facts: Mapping[str, Any]) -> float | None:
    """Return how long a run trained, over all its interruptions; None where that is not known, as of other trainers.

    Runs of older versions know the seconds since they were last resumed, data and scoring among them.

    >>> training_seconds({"seconds": 9.5, "training_seconds": 20.0}), training_seconds({"seconds": 9.5})
    (20.0, 9.5)
    """
    seconds = facts.get("training_seconds", facts.get("seconds"))
    return None if seconds is None else float(seconds)
