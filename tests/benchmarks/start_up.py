"""Station: starting the two commands, against importing the libraries that they stand on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Comparison

ROOT = Path(__file__).parents[2]
GOAL = "at most 1.2 times the peer's time, help under 1 s"


def command(*arguments: str, status: int = 0) -> Callable[[], str]:
    """Return a function that runs Python with these arguments in the project's folder and returns its last line."""

    def run() -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != status:
            raise RuntimeError(f"Expected status {status} of {arguments}, but got {done.returncode}: {done.stderr}")
        return (done.stdout + done.stderr).strip().splitlines()[-1] if done.stdout + done.stderr else ""

    return run


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return help, a refusal and the imports of a run."""
    rounds = 1 if is_quick else 5
    imports = command("-c", "import torch, lightning")
    for work, product in (
        ("`train.py --help`", command("train.py", "--help")),
        ("`evaluate.py --help`", command("evaluate.py", "--help")),
        ("a wrong value is refused", command("train.py", "alpha=2", status=1)),
    ):
        yield Comparison("Start of a command", work, product, GOAL, imports, "`import torch, lightning`", rounds=rounds)
