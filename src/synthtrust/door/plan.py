"""What a sweep is going to do: how many runs, how many of them are there already, and how long they may take."""

import json
from collections.abc import Sequence
from contextlib import suppress

from synthtrust.conventions import FACTS, SWEEP
from synthtrust.door.sweep import Job
from synthtrust.door.table import DONE, stage_of
from synthtrust.door.unfinished import read_plan
from synthtrust.files import write_json
from synthtrust.stages import Sweep, duration


def planned(jobs: Sequence[Job]) -> Sweep:
    """Return how many runs a sweep has and how many are to train, with the times of earlier runs of the same study."""
    to_train = [job for job in jobs if stage_of(job.folder) not in DONE]
    return Sweep(runs=len(jobs), to_train=len(to_train), known=_known_seconds(jobs))


def announcement(jobs: Sequence[Job], sweep: Sweep) -> str:
    """Return in a line what a sweep is going to do, and how long it may take.

    >>> announcement([], Sweep(runs=33, to_train=33, known=[]))
    'A sweep of 33 runs. How long it takes is not known yet: a line says so after the first steps of the first run.'
    """
    stages = [stage_of(job.folder) for job in jobs]
    n_resumed = stages.count("resumed")
    known = {"finished": sweep.runs - sweep.to_train, "cut short": n_resumed}
    parts = [f"{number} {words}" for words, number in known.items() if number]
    parts += [f"{sweep.to_train - n_resumed} new"] if parts and sweep.to_train > n_resumed else []
    counts = f"A sweep of {sweep.runs} run{'s' * (sweep.runs != 1)}" + (f" ({', '.join(parts)})." if parts else ".")
    if not sweep.to_train:
        return counts
    left = sweep.left()
    if left is None:
        return f"{counts} How long it takes is not known yet: a line says so after the first steps of the first run."
    low, high = duration(min(sweep.known)), duration(max(sweep.known))
    spread = low if low == high else f"{low} to {high}"
    return f"{counts} About {duration(left)}: {len(sweep.known)} earlier took {spread} each."


def write_plan(jobs: Sequence[Job], command: str) -> None:
    """Write into the folder of a sweep which runs it has and the command that makes them, so that none is missed."""
    for folder in dict.fromkeys(job.folder.parent for job in jobs):
        runs = read_plan(folder)
        runs |= {job.folder.name: command for job in jobs if job.folder.parent == folder}
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SWEEP, {"runs": runs})


def _known_seconds(jobs: Sequence[Job]) -> list[float]:
    """Return how long finished runs beside those of a sweep took, of as many steps."""
    seconds = []
    for folder in dict.fromkeys(job.folder.parent for job in jobs):
        for path in sorted(folder.glob(f"*/{FACTS}")):
            with suppress(OSError, ValueError, TypeError, KeyError):
                facts = json.loads(path.read_text(encoding="utf-8"))
                if facts["steps"] == jobs[0].config.get("steps"):
                    seconds.append(float(facts["seconds"]))
    return seconds
