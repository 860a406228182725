"""Station: the page, from tables to files, and the command that reads finished runs and writes it."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Comparison
from benchmarks.planted_sweep import planted_sweep, planted_volumes, write_sweep
from synthtrust.audits.trust import Trust
from synthtrust.audits.utility import Utility
from synthtrust.report import write_report

STATION = "The page"
ROOT = Path(__file__).parents[2]


def evaluate(folder: Path) -> str:
    """Run the command on stored runs, and say whether the page is there."""
    words = (f"runs={folder / 'runs'}", f"folder={folder / 'report'}", "audit=[trust,utility]", "pictures=0")
    program = [sys.executable, str(ROOT / "evaluate.py"), *words]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / "report" / "index.html").is_file():
        raise RuntimeError(f"Expected a page, but got {done.stdout[-500:]} {done.stderr[-2000:]}")
    return "a page"


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return the page of a paper's sweep at two numbers of cases, and the whole command."""
    alphas = 2 if is_quick else 11
    for n_cases in (20, 40) if is_quick else (251, 1004):
        runs = planted_sweep(n_cases, alphas)
        tables = {
            "cases": {"volumes": planted_volumes(n_cases)}, "trust": Trust()(runs), "utility": Utility()(runs),
        }  # fmt: skip
        facts = {"study": "planted", **runs[0].facts()}
        yield Comparison(
            STATION, f"tables to files, {alphas} alphas, {n_cases} cases",
            partial(write_report, folder / f"report_{n_cases}", facts, tables), "2 s", rounds=3, size=float(n_cases),
            grows_with="cases",
        )  # fmt: skip
        stored = folder / f"stored_{n_cases}"
        write_sweep(stored, runs, n_cases)
        yield Comparison(
            STATION, f"`evaluate.py audit=[trust,utility] pictures=0`, {len(runs)} runs, {n_cases} cases",
            partial(evaluate, stored), "without PyTorch", partial(_torch, stored), "`import torch, lightning, monai`",
            rounds=3, size=float(n_cases), grows_with="cases (whole command)",
        )  # fmt: skip


def _torch(folder: Path) -> str:
    """Import what the command did before it read a run."""
    program = [sys.executable, "-c", "import torch, lightning, monai"]
    subprocess.run(program, cwd=folder, check=True, capture_output=True)
    return ""
