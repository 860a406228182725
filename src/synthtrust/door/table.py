"""The end of a sweep: each job writes its status into its folder, and the sweep prints all of them as a table."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.conventions import EXPORT, FACTS, LAST, STATUS, VALIDATION, is_tstr
from synthtrust.door.refusals import in_one_line
from synthtrust.door.rules import value_of
from synthtrust.door.sweep import Job
from synthtrust.files import read_json, write_json
from synthtrust.stages import duration

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
    # not by `Path.is_file`, which fails in a folder that may not be looked into
    return next((stage for file, stage in STAGES.items() if os.path.isfile(folder / file)), "finished")  # noqa: PTH113


@dataclass(frozen=True)
class Ended:
    """How a job of a sweep ended."""

    status: str
    """``finished``, ``found`` or ``resumed``; ``failed``, ``no status``, ``interrupted`` or ``not started``."""
    why: str = ""
    """Why it failed."""

    @classmethod
    def by(cls, stage: str, error: BaseException | None) -> "Ended":
        """Return how a job ended that began at a stage and raised an error, or none."""
        if error is None:
            return cls(stage)
        return cls("failed", in_one_line(error) or f"{type(error).__name__}: {' '.join(str(error).split())}")


def write_status(folder: Path, ended: Ended) -> None:
    """Write how a job ended into its folder, for the process that began the sweep."""
    write_json(folder / STATUS, {"status": ended.status, "why": ended.why})


def forget(jobs: Sequence[Job]) -> None:
    """Remove the statuses that an earlier sweep left in the folders of these jobs."""
    for job in jobs:
        with suppress(OSError):  # there is none, or the folder is of no use, which the job itself will say
            (job.folder / STATUS).unlink()


def print_table(
    jobs: Sequence[Job], begun: Collection[int] | None = None, ended: Mapping[int, Ended] | None = None
) -> bool:
    """Print how each job ended, and return whether none failed.

    Args:
        jobs: All jobs of the sweep.
        begun: The numbers of those that were begun, of a sweep that was interrupted; None if all were.
        ended: How those ended that this process has seen; the others have left a status in their folder.
    """
    statuses = [(ended or {}).get(job.number) or _status(job, begun) for job in jobs]
    scores = [scores_of(job, jobs) for job in jobs]
    title = f"The {len(jobs)} runs in {', '.join(dict.fromkeys(str(job.folder.parent) for job in jobs))}"
    table = Table("Run", "Status", title=escape(title))
    measured = any(score is not None for score in scores)
    for header in ("Real", "Synthetic", "Time") if measured else ():
        table.add_column(header, justify="right")
    if any(status.why for status in statuses):
        table.add_column("Why", overflow="fold")
    for job, status, score in zip(jobs, statuses, scores, strict=True):
        numbers = (*_numbers(score), _time(job)) if measured else ()
        cells = (job.folder.name, status.status, *numbers, status.why)[: len(table.columns)]
        table.add_row(*map(escape, cells), style="red" if status.status in FAILED else None)
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    return not any(status.status in FAILED for status in statuses)


def scores_of(job: Job, jobs: Sequence[Job]) -> Scores | None:
    """Return the scores of the run of a job, None if it has none.

    That of TSTR on real cases is left out of a sweep without TRTR, beside which alone it says something.
    """
    facts = facts_of(job)
    test = facts.get("test")
    if not isinstance(test, dict) or "measure" not in test:
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


def _status(job: Job, begun: Collection[int] | None) -> Ended:
    """Return how a job ended by what it left in its folder; one that was killed leaves nothing."""
    try:
        status = read_json(job.folder / STATUS)
        return Ended(str(status["status"]), str(status["why"]))
    except (FileNotFoundError, NotADirectoryError):
        if begun is not None:
            stage = stage_of(job.folder)
            return Ended(INTERRUPTED if job.number in begun else stage if stage in DONE else NOT_STARTED)
        return Ended("no status", f"The job was killed, or wrote elsewhere; see the log in {job.folder}.")
    except (OSError, ValueError, TypeError, KeyError) as error:  # no status of ours
        return Ended("no status", f"{job.folder / STATUS} cannot be read: {error}")
