"""What is missing of a sweep: runs that are begun or planned and not finished, and the command that finishes them."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthtrust.conventions import CONFIG, EXPORT, FACTS, SWEEP, VALIDATION

MOST_NAMED = 8
"""Runs that a line names."""


def read_plan(folder: Path) -> dict[str, str]:
    """Return the names of the runs that sweeps into a folder have, and the command of each; empty if none is known."""
    runs: Any = {}
    with suppress(OSError, ValueError, TypeError, KeyError):  # a damaged plan is none, and is written anew
        runs = json.loads((folder / SWEEP).read_text(encoding="utf-8"))["runs"]
    return {str(name): str(command) for name, command in runs.items()} if isinstance(runs, dict) else {}


@dataclass(frozen=True)
class Unfinished:
    """Runs in a folder that are begun or planned and not finished."""

    folder: Path
    runs: tuple[str, ...]
    """Their names."""
    commands: tuple[str, ...]
    """The commands that finish them, as far as sweeps have left them."""

    def line(self) -> str:
        """Say what is missing, and how it is finished.

        >>> Unfinished(Path("runs/demo"), ("alpha_0.5_seed_0",), ("synthtrust-train -m",)).line()
        'Not finished in runs/demo: alpha_0.5_seed_0. To finish: synthtrust-train -m'
        """
        names = ", ".join(self.runs[:MOST_NAMED])
        more = f" and {len(self.runs) - MOST_NAMED} more" if len(self.runs) > MOST_NAMED else ""
        how = "; ".join(self.commands) or "the command that began them"
        return f"Not finished in {self.folder}: {names}{more}. To finish: {how}"


def unfinished_in(folder: Path) -> list[Unfinished]:
    """Return the runs in a folder, or in the folders below, that are begun or planned and not finished, by folder."""
    plans = {path.parent: read_plan(path.parent) for path in sorted(folder.rglob(SWEEP))}
    begun = [path.parent for path in sorted(folder.rglob(CONFIG)) if not (path.parent / EXPORT).exists()]
    missing: dict[Path, dict[str, str]] = {}
    for home, names in plans.items():
        missing[home] = {name: command for name, command in names.items() if not _is_there(home / name)}
    for run in begun:
        if not _is_there(run):
            missing.setdefault(run.parent, {}).setdefault(run.name, "")
    return [
        Unfinished(home, tuple(sorted(names)), tuple(dict.fromkeys(filter(None, names.values()))))
        for home, names in missing.items()
        if names
    ]


def _is_there(run: Path) -> bool:
    return any((run / file).exists() for file in (FACTS, EXPORT, VALIDATION))
