"""What is missing of a sweep: runs that are begun or planned and not finished, and the command that finishes them."""

import json
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthtrust.conventions import CONFIG, EXPORT, FACTS, SWEEP, VALIDATION

PROGRAM = re.compile(r"python (.*/)?train\.py|synthtrust-train")
"""How the program of a sweep is called."""
MOST_NAMED = 8
"""Runs that a line names."""


def read_plan(folder: Path) -> dict[str, str]:
    """Return the names of the runs that sweeps into a folder have, and the command of each; empty if none is known."""
    runs: Any = {}
    with suppress(OSError, ValueError, TypeError, KeyError):  # a damaged plan is none, and is written anew
        runs = json.loads((folder / SWEEP).read_text(encoding="utf-8"))["runs"]
    if not isinstance(runs, dict):
        return {}
    return {str(name): command if _is_ours(command) else "" for name, command in runs.items()}


def _is_ours(command: Any) -> bool:
    """Return whether a command that is shown, to be typed again, is one of this project and nothing more."""
    try:
        words = shlex.split(str(command))
    except ValueError:
        return False
    script = " ".join(words[:2]) if words[:1] == ["python"] else "".join(words[:1])
    return shlex.join(words) == command and str(command).isprintable() and PROGRAM.fullmatch(script) is not None


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
