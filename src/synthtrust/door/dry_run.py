"""What a command would do, said without doing any of it: the runs in their order, what comes first, and the cost."""

from collections.abc import Sequence

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from synthtrust.door.plan import announcement, planned
from synthtrust.door.preparation import first_jobs
from synthtrust.door.rules import value_of
from synthtrust.door.sweep import Job
from synthtrust.door.table import DONE, WIDTH, stage_of
from synthtrust.stages import duration

AT_ONCE = ("hydra.launcher.n_jobs", "hydra.launcher.array_parallelism")
"""Where launchers are told how many jobs run at once."""

WORDS = {"finished": "to do", "resumed": "to go on", "found": "finished"}
"""The status that a job will have if it succeeds -> what it means before it begins."""


def print_dry_run(jobs: Sequence[Job], config: DictConfig) -> None:
    """Print the runs of a command in their order, the job that paints and preprocesses for each, and the time it takes.

    Args:
        jobs: The runs; one for a command without a sweep.
        config: The config of the command, with that of the launcher.
    """
    firsts = first_jobs(jobs)
    table = Table("#", "Run", "Before it", "Twins and cache by", title=f"{_runs(len(jobs))}; nothing was begun")
    for job in jobs:
        first = firsts[job.number]
        cells = (
            str(job.number),
            job.folder.name,
            WORDS[stage_of(job.folder)],
            "" if first is job else first.folder.name,
        )
        table.add_row(*map(escape, cells))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    for line in cost(jobs, config):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def cost(jobs: Sequence[Job], config: DictConfig) -> list[str]:
    """Return in lines what a sweep makes first, and how long it takes, one run after the other and at once."""
    new = [job for job in jobs if stage_of(job.folder) not in DONE]
    firsts = first_jobs(new)
    makers = {first.number: first for first in firsts.values()}
    served = [sum(first.number == number for first in firsts.values()) for number in makers]
    lines = []
    if new:
        names = ", ".join(f"{job.folder.name} (for {n})" for job, n in zip(makers.values(), served, strict=True))
        lines.append(f"Twins and cache are made once for each of: {names}. stage=prepare makes them, and nothing else.")
    sweep = planned(jobs)
    lines.append(announcement(jobs, sweep))
    at_once = _at_once(config)
    if (each := sweep.each) is not None and at_once > 1 and new:
        rounds = -(-len(new) // at_once)
        lines.append(f"With {at_once} jobs at once about {duration(rounds * each)}, on {at_once} machines or devices.")
    return lines


def _runs(number: int) -> str:
    return f"{number} run{'s' * (number != 1)}"


def _at_once(config: DictConfig) -> int:
    """Return how many jobs a launcher runs at once, 1 where it does not say."""
    known = (value_of(config, key) for key in AT_ONCE)
    return max([1, *(value for value in known if isinstance(value, int))])
