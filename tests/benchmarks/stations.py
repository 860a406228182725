"""The stations: modules of this folder with a function `comparisons`, and how one of them is measured."""

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks.document import Limits, chapters
from benchmarks.measure import Row, bandwidth, compare, float32_peak
from synthtrust.allocation import use_large_pages


def stations() -> list[str]:
    """Return the modules of this folder that make comparisons."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    return [name for name in names if hasattr(importlib.import_module(f"benchmarks.{name}"), "comparisons")]


def why_not(station: str) -> str:
    """Return why a station cannot be measured on this machine; empty if it can."""
    ask = getattr(importlib.import_module(f"benchmarks.{station}"), "why_not", None)
    return ask() if ask else ""


def limits_of_this_machine() -> Limits:
    """Measure what this processor can do at best."""
    return Limits(bandwidth(), float32_peak())


def measure(station: str, is_quick: bool) -> str:
    """Measure one station in a process of its own and return its chapter; rows are printed as they come."""
    use_large_pages()  # as the commands do it, before torch is imported
    module = importlib.import_module(f"benchmarks.{station}")
    limits = limits_of_this_machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix=f"benchmark_{station}_") as folder:
        for comparison in module.comparisons(Path(folder), is_quick):
            rows.append(compare(comparison))
            sys.stdout.write(chapters(rows[-1:], limits))
            sys.stdout.flush()
    return chapters(rows, limits)
