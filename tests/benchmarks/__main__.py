"""Measure every station and write docs/benchmarks.md: ``python -m benchmarks [station ...]`` in the folder of tests."""

import argparse
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from benchmarks.stations import limits_of_this_machine, measure, stations, why_not
from calibration.__main__ import updated

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
PACKAGES = ("torch", "monai", "lightning", "numpy", "scipy", "torchmetrics")


def processor() -> str:
    """Return the name of the processor and which of the wide instructions it has."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", "").split()
    has = [
        f"{'with' if flag in flags else 'without'} {word}"
        for flag, word in (("avx512f", "AVX-512"), ("avx512_bf16", "bfloat16"))
    ]
    return f"{fields.get('model name', platform.machine())}, {os.cpu_count()} cores, {' and '.join(has)}"


def head() -> str:
    """Return the document's first lines: what was measured on which processor, with which versions."""
    text = (Path(__file__).parent / "head.md").read_text()
    limits = limits_of_this_machine()
    return text.format(
        processor=processor(),
        python=platform.python_version(),
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
        threads=os.environ.get("OMP_NUM_THREADS", "as many as there are cores"),
        bandwidth=f"{limits.bandwidth / 1e9:.1f}",
        float32=f"{limits.float32 / 1e9:.0f}",
        load=f"{os.getloadavg()[0]:.1f}",
    )


def main() -> None:
    """Measure, and write the document or the named chapters in it; a comparison whose results differ ends the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stations", nargs="*", help="modules of this folder; all of them by default")
    parser.add_argument("--quick", action="store_true", help="small sizes, to look without writing")
    options = parser.parse_args()
    known = stations()
    if unknown := set(options.stations) - set(known):
        parser.error(f"Expected stations of {known}, but got {sorted(unknown)}.")
    written = ""
    for station in options.stations or known:
        if why := why_not(station):
            sys.stdout.write(f"{station}: {why}; nothing was measured.\n")
            continue
        # A fresh process each time: no station measures memory or threads that another one left behind.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            written += pool.submit(measure, station, options.quick).result()
    if not options.quick:
        document = DOCUMENT.read_text() if options.stations and DOCUMENT.exists() else head()
        DOCUMENT.write_text(updated(document, written))


if __name__ == "__main__":
    main()
