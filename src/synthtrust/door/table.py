"""The end of a sweep: each job writes its status into its folder, and the sweep prints all of them as a table."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.conventions import EXPORT, FACTS, LAST, VALIDATION, is_tstr
from synthtrust.door.refusals import in_one_line
from synthtrust.door.rules import value_of
from synthtrust.door.sweep import Job
from synthtrust.files import write_json
from synthtrust.progress import duration

STATUS = "status.json"
"""The file in a run's folder with the status of its last job."""

FAILED = ("failed", "no status")
NOT_STARTED, INTERRUPTED = "not started", "interrupted"
PREPARED = "prepared"
"""The status of a job that paints and preprocesses, and does not train."""
DONE = ("found",)
"""Statuses of a run that is there before its job begins."""
STAGES = {FACTS: "found", VALIDATION: "found", LAST: "resumed", EXPORT: "found"}
"""File of a run -> the status of a job whose folder has that file when it begins."""

WIDTH = 120
"""Columns of the table where no terminal says how many there are."""


@dataclass(frozen=True)
class Scores:
    """The headline scores of a finished run."""

    measure: str
    real: float | None
    synthetic: float | None

    def line(self) -> str:
        """Return the scores in words.

        >>> Scores("Mean Dice", 0.8123, 0.84).line()
        'Mean Dice 0.812 on real and 0.840 on synthetic test cases'
        """
        known = {"real": self.real, "synthetic": self.synthetic}
        parts = [f"{value:.3f} on {source}" for source, value in known.items() if value is not None]
        return f"{self.measure} {' and '.join(parts)} test cases" if parts else ""


def stage_of(folder: Path) -> str:
    """Return the status that a job will have if it succeeds: ``found``, ``resumed`` or ``finished``."""
    return next((stage for file, stage in STAGES.items() if (folder / file).is_file()), "finished")


def write_status(folder: Path, stage: str, error: BaseException | None) -> None:
    """Write how a job ended into its folder."""
    why = "" if error is None else in_one_line(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"
    write_json(folder / STATUS, {"status": stage if error is None else "failed", "why": why})


def forget(jobs: Sequence[Job]) -> None:
    """Remove the statuses that an earlier sweep left in the folders of these jobs."""
    for job in jobs:
        with suppress(FileNotFoundError):
            (job.folder / STATUS).unlink()


def print_table(jobs: Sequence[Job], begun: Collection[int] | None = None) -> bool:
    """Print how each job ended, and return whether none failed.

    Args:
        jobs: All jobs of the sweep.
        begun: The numbers of those that were begun, of a sweep that was interrupted; None if all were.
    """
    statuses = [_status(job, begun) for job in jobs]
    scores = [scores_of(job, jobs) for job in jobs]
    title = f"The {len(jobs)} runs in {', '.join(dict.fromkeys(str(job.folder.parent) for job in jobs))}"
    table = Table("Run", "Status", title=title)
    measured = any(score is not None for score in scores)
    for header in ("Real", "Synthetic", "Time") if measured else ():
        table.add_column(header, justify="right")
    if any(why for _, why in statuses):
        table.add_column("Why", overflow="fold")
    for job, (status, why), score in zip(jobs, statuses, scores, strict=True):
        numbers = (*_numbers(score), _time(job)) if measured else ()
        cells = (job.folder.name, status, *numbers, why)[: len(table.columns)]
        table.add_row(*map(escape, cells), style="red" if status in FAILED else None)
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    return not any(status in FAILED for status, _ in statuses)


def scores_of(job: Job, jobs: Sequence[Job]) -> Scores | None:
    """Return the scores of the run of a job, None if it has none.

    That of TSTR on real cases is left out of a sweep without TRTR, beside which alone it says something.
    """
    facts = facts_of(job)
    test = facts.get("test") or {}
    if not test:
        return None
    mode = str(value_of(job.config, "data.mode", "complement"))
    alone = is_tstr(job.config.alpha, mode) and not any(other.config.alpha == 1 for other in jobs)
    return Scores(str(test["measure"]), None if alone else test.get("real"), test.get("synthetic"))


def facts_of(job: Job) -> dict[str, Any]:
    """Return what a finished run says of itself; empty if it is not finished."""
    facts: Any = {}
    with suppress(OSError, ValueError):
        facts = json.loads((job.folder / FACTS).read_text(encoding="utf-8"))
    return facts if isinstance(facts, dict) else {}


def _numbers(scores: Scores | None) -> tuple[str, str]:
    real, synthetic = (None, None) if scores is None else (scores.real, scores.synthetic)
    return tuple("" if value is None else f"{value:.3f}" for value in (real, synthetic))  # type: ignore[return-value]


def _time(job: Job) -> str:
    seconds = facts_of(job).get("seconds")
    return "" if seconds is None else duration(float(seconds))


def _status(job: Job, begun: Collection[int] | None) -> tuple[str, str]:
    """Return how a job ended, and why it failed; a job that was killed leaves no status."""
    try:
        status = json.loads((job.folder / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        if begun is not None:
            stage = stage_of(job.folder)
            return (INTERRUPTED if job.number in begun else stage if stage in DONE else NOT_STARTED), ""
        return "no status", f"The job was killed, or wrote elsewhere; see the log in {job.folder}."
    return status["status"], status["why"]
