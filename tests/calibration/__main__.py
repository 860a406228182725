"""Simulate every cell and write docs/calibration.md: ``python -m calibration [chapter ...]`` in the folder of tests."""

import argparse
import importlib
import os
import pkgutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import calibration
from calibration.study import Cell, Rate, markdown, rates

DOCUMENT = Path(__file__).parents[2] / "docs" / "calibration.md"


def chapters() -> dict[str, list[Cell]]:
    """Return the cells of every module of this folder that has some, by the module's name."""
    names = [module.name for module in pkgutil.iter_modules(calibration.__path__) if module.name != "__main__"]
    modules = {name: importlib.import_module(f"calibration.{name}") for name in sorted(names)}
    return {name: list(module.CELLS) for name, module in modules.items() if hasattr(module, "CELLS")}


def simulate(task: tuple[str, int, int, float]) -> list[Rate]:
    """Simulate one cell in a process of its own: module, index, seed, and the share of its repetitions."""
    name, index, seed, share = task
    cell = importlib.import_module(f"calibration.{name}").CELLS[index]
    started = time.monotonic()
    result = rates(cell, seed, max(int(cell.repetitions * share), 1))
    for rate in result:
        mark = "" if rate.is_kept else "  NOT KEPT"
        seconds = time.monotonic() - started
        sys.stdout.write(
            f"{name} | {cell.quantity} | {cell.truth} | {rate.outcome} {rate.rate:.3f} +- {rate.error:.3f} "
            f"of {rate.n}{mark} | {seconds:.0f} s\n"
        )
        sys.stdout.flush()
    return result


def updated(document: str, written: str) -> str:
    r"""Return the document with some chapters in the place of those of the same titles, and new ones at the end.

    >>> updated("# Rates\n\n## A\n\nold\n\n## B\n\nkept\n", "\n## A\n\nnew\n")
    '# Rates\n\n## A\n\nnew\n\n## B\n\nkept\n'
    """
    head, *_ = document.partition("\n## ")
    parts = {part.partition("\n")[0]: part for text in (document, written) for part in text.split("\n## ")[1:]}
    return "\n## ".join([head, *parts.values()])


def main() -> int:
    """Simulate, write the document or the named chapters in it, and fail if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", help="modules of this folder; all of them by default")
    parser.add_argument("--seed", type=int, default=0, help="of all draws")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--share", type=float, default=1.0, help="share of the repetitions, to look without writing")
    options = parser.parse_args()
    by_name = chapters()
    if unknown := set(options.chapters) - set(by_name):
        parser.error(f"Expected chapters of {sorted(by_name)}, but got {sorted(unknown)}.")
    names = options.chapters or list(by_name)
    tasks = [(name, i, options.seed, options.share) for name in names for i in range(len(by_name[name]))]
    with ProcessPoolExecutor(options.jobs) as pool:
        results = [rate for rates in pool.map(simulate, tasks) for rate in rates]
    if options.share == 1:
        head = (Path(__file__).parent / "head.md").read_text().format(seed=options.seed)
        written = markdown(results)
        DOCUMENT.write_text(updated(DOCUMENT.read_text(), written) if options.chapters else head + written)
    return int(not all(rate.is_kept for rate in results))


if __name__ == "__main__":
    sys.exit(main())
