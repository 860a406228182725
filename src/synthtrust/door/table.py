"""The end of a sweep: each job writes its status into its folder, and the sweep prints all of them as a table."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.conventions import EXPORT, FACTS, LAST
from synthtrust.door.refusals import in_one_line
from synthtrust.door.sweep import Job
from synthtrust.files import write_json

STATUS = "status.json"
"""The file in a run's folder with the status of its last job."""

FAILED = ("failed", "no status")
STAGES = {FACTS: "found", LAST: "resumed", EXPORT: "found"}
"""File of a run -> the status of a job whose folder has that file when it begins."""


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


def print_table(jobs: Sequence[Job]) -> bool:
    """Print how each job ended, and return whether none failed."""
    statuses = [_status(job.folder) for job in jobs]
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    table = Table("Job", "Status", title="How the jobs ended")
    for header in ("Set", "Folder", "Why"):
        table.add_column(header, overflow="fold")
    for job, (status, why) in zip(jobs, statuses, strict=True):
        swept = " ".join(text for text in job.overrides if text not in shared)
        cells = (str(job.number), status, swept, str(job.folder), why)
        table.add_row(*map(escape, cells), style="red" if status in FAILED else None)
    Console().print(table)
    return not any(status in FAILED for status, _ in statuses)


def _status(folder: Path) -> tuple[str, str]:
    """Return how a job ended, and why it failed; a job that was killed leaves no status."""
    try:
        status = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "no status", f"The job was killed, or wrote elsewhere; see the log in {folder}."
    return status["status"], status["why"]
