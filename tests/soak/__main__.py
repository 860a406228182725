"""Soak everything and print one table: ``python -m soak [station ...]`` in the folder of tests; minutes to hours."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import synthtrust.evaluation
import synthtrust.runs  # noqa: F401  the processes of commands are to have their imports done
from helpers.configs import parse_each_text_once
from soak import canaries, disk, kills, ranks
from soak.fuzz import fuzz_apart
from soak.outcomes import Tally, examples, table
from soak.own_files import own_files
from soak.readers import readers
from synthtrust.plugins import find_plugins
from synthtrust.quiet import quiet_libraries

Station = Callable[[Path, float, int], list[Tally]]
"""Works in a folder, so many times the usual number of attempts, with the draws of a seed."""


def _readers(folder: Path, scale: float, seed: int) -> list[Tally]:
    return [fuzz_apart(target, round(150 * share * scale), seed) for target, share in readers(folder)]


def _own_files(folder: Path, scale: float, seed: int) -> list[Tally]:
    return [fuzz_apart(target, round(150 * share * scale), seed) for target, share in own_files(folder)]


STATIONS: dict[str, Station] = {
    "kills": lambda folder, scale, seed: [kills.kill(folder, round(60 * scale), seed)],
    "disk": lambda folder, scale, seed: [disk.fill(folder, round(25 * scale), seed)],
    "ranks": lambda folder, scale, seed: [ranks.compare(folder, round(10 * scale), seed)],
    "canaries": lambda folder, scale, seed: [canaries.release(folder, None if scale >= 1 else 1)],
    "readers": _readers,
    "own_files": _own_files,
}
"""In this order: those that start processes come before those that compute in this one."""


def main() -> None:
    """Soak the stations that were asked for; the exit code is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stations", nargs="*", help=f"of {', '.join(STATIONS)}; all of them by default")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of attempts")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn; another seed, other attempts")
    options = parser.parse_args()
    if unknown := set(options.stations) - set(STATIONS):
        parser.error(f"Expected stations of {list(STATIONS)}, but got {sorted(unknown)}.")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # processes are forked, which CUDA does not survive
    torch.set_num_threads(1)
    find_plugins()
    parse_each_text_once()
    quiet_libraries()
    tallies: list[Tally] = []
    for name in options.stations or STATIONS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"soak_{name}_") as folder:
            tallies += STATIONS[name](Path(folder) / "files", options.scale, options.seed)
        sys.stderr.write(f"{name}: {time.monotonic() - started:.0f} s\n")
    sys.stdout.write(f"{examples(tallies)}\n\n{table(tallies)}\n")
    sys.exit(any(tally.failures for tally in tallies))


if __name__ == "__main__":
    main()
