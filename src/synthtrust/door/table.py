"""How the jobs of a sweep ended: each leaves a word in its folder, and the sweep prints them as a table."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.conventions import FACTS, LAST
from synthtrust.door.refusals import in_one_line
from synthtrust.door.sweep import Job
from synthtrust.files import write_json

STATUS = "status.json"
"""How the last sweep ended in a run's folder."""

FAILED = ("failed", "no word")
STAGES = {FACTS: "found", LAST: "resumed"}
"""File of a run -> what a job does that finds it there."""


def stage_of(folder: Path) -> str:
    """Return whether a run is found or resumed in a folder, or finished when the job has come to its end."""
    return next((stage for file, stage in STAGES.items() if (folder / file).is_file()), "finished")


def write_status(folder: Path, stage: str, error: BaseException | None) -> None:
    """Leave a word on how a job ended."""
    why = "" if error is None else in_one_line(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"
    write_json(folder / STATUS, {"status": stage if error is None else "failed", "why": why})


def forget(jobs: Sequence[Job]) -> None:
    """Remove what an earlier sweep left in the folders of these jobs."""
    for job in jobs:
        with suppress(FileNotFoundError):
            (job.folder / STATUS).unlink()


def print_table(jobs: Sequence[Job]) -> bool:
    """Print how each job ended, and return whether none failed."""
    words = [_word(job.folder) for job in jobs]
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    table = Table("Job", "Status", title="How the jobs ended")
    for header in ("Set", "Folder", "Why"):
        table.add_column(header, overflow="fold")
    for job, (status, why) in zip(jobs, words, strict=True):
        swept = " ".join(text for text in job.overrides if text not in shared)
        cells = (str(job.number), status, swept, str(job.folder), why)
        table.add_row(*map(escape, cells), style="red" if status in FAILED else None)
    Console().print(table)
    return not any(status in FAILED for status, _ in words)


def _word(folder: Path) -> tuple[str, str]:
    """Return how a job ended, and why it failed; a job that was killed leaves no word."""
    try:
        status = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "no word", f"It was killed, or lies elsewhere; see the log in {folder}."
    return status["status"], status["why"]
