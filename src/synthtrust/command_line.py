"""The command of this process as it is typed, for messages that say how to go on."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def command_line() -> str:
    """Return the command of this process."""
    return shlex.join([*program(), *sys.argv[1:]])


def program() -> list[str]:
    """Return how the program of this process is called."""
    return _program(Path(sys.argv[0]))


def page_command(folders: Sequence[Path]) -> str:
    """Return the command that makes the page about the runs in some folders, in the form in which this one was typed.

    >>> page_command([Path("runs/a"), Path("runs/b")]).endswith("'runs=[runs/a,runs/b]'")
    True
    """
    paths = [str(_near(folder)) for folder in folders]
    word = f"runs={paths[0]}" if len(paths) == 1 else f"runs=[{','.join(paths)}]"
    script = Path(sys.argv[0])
    return shlex.join([*_program(script.with_name(script.name.replace("train", "evaluate"))), word])


def _program(script: Path) -> list[str]:
    """Return how a program is called: a file by Python, and an installed command by its name."""
    return ["python", str(script)] if script.suffix == ".py" else [script.name]


def _near(folder: Path) -> Path:
    """Return a folder as seen from here, if it lies below."""
    folder = folder.absolute()
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
