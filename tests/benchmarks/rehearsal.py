"""Station: a study at the scale of a paper, rehearsed with tiny voxels: what each part of it costs, and how it grows.

Counts are those of a study on BraTS: cases of four modalities and a label map, two twins of each, 11 shares of real
cases and 3 seeds. Only the voxels are few, so that what is left is what grows with the counts.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from benchmarks.measure import Comparison
from benchmarks.page import evaluate
from benchmarks.planted_sweep import planted_sweep, write_sweep
from benchmarks.sweep import TINY, config, write_stand_ins
from synthtrust.audits.trust import Trust
from synthtrust.audits.utility import Utility
from synthtrust.cases import Case, Cohort, read_manifest
from synthtrust.cases.checks.duplicates import check_duplicates
from synthtrust.cases.checks.listing import readable
from synthtrust.data.cache import prepare
from synthtrust.files import sha256_of
from synthtrust.generators import synthesize
from synthtrust.quiet import quiet_libraries
from synthtrust.runs import find_runs
from synthtrust.runs.build import build_data, chosen_cases, kept_in
from synthtrust.runs.made import make

STATION = "Rehearsal of a study at the scale of a paper"
SEEDS_OF_SETS = (0, 1)
SHARE_TESTED = 5  # one case in five is tested on
ALPHAS = 11


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return every station of a study at two numbers of cases, 1,251 the larger."""
    quiet_libraries()
    for n in (10, 30) if is_quick else (125, 1251):
        yield from _stations_of_cases(folder / f"study_{n}", n, rounds=1 if is_quick else 3)
        yield from _stations_of_runs(folder / f"sweep_{n}", n, 2 if is_quick else ALPHAS, rounds=1 if is_quick else 3)


def _work(words: str, n: int, work: Callable[[], Any], **options: Any) -> Comparison:
    """Return a piece of work on `n` cases, whose growth is told apart by its words."""
    return Comparison(STATION, f"{n:,} cases: {words}", work, "", size=n, grows_with=f"cases ({words})", **options)


def _count(expected: int, what: str, of: Callable[[Any], int] = len) -> Callable[[Any, Any], str]:
    """Return what refuses a result that has not so many of something, and says how many it has."""

    def agreement(result: Any, _: Any) -> str:
        if of(result) != expected:
            raise ValueError(f"Expected {expected} {what}, but got {of(result)}.")
        return f"{expected:,} {what}"

    return agreement


def _cases_of(cohort: Cohort) -> int:
    return len(cohort.cases)


def _stations_of_cases(folder: Path, n: int, rounds: int) -> Iterator[Comparison]:
    """Return what is done with cases, twins and cache before a network is trained."""
    release = write_stand_ins(folder / "release", n)
    cohort_words = ("cases=brats", f"cases.root={release}", "generator=replay", "duplicates=allow")
    cfg = config(folder, *TINY, *cohort_words)
    kept, synthetic, cache = kept_in(cfg), folder / "synthetic", Path(cfg.paths.cache)
    kept.mkdir(parents=True)
    read = _count(n, "cases", _cases_of)

    yield _work("reading every header", n, lambda: chosen_cases(cfg), agreement=read, is_done_once=True)
    cohort = chosen_cases(cfg)
    files = [path for case in cohort.cases for path in case.files.values()]
    yield _work("sha256 of every file", n, lambda: [sha256_of(path) for path in files],
                agreement=_count(5 * n, "files"), rounds=rounds)  # fmt: skip

    def listed() -> Path:
        if _cases_of(readable(cohort, kept)) != n:
            raise ValueError("Expected every case to be readable.")
        return kept

    yield _work("reading every voxel", n, listed, is_done_once=True, leaves=Path)
    yield _work("asking whether a file has changed", n, listed, rounds=rounds)
    splits = make(cfg.split)(cohort.cases)
    yield _work("split, and search for duplicates", n,
                lambda: check_duplicates(make(cfg.split)(cohort.cases), "allow", kept), rounds=rounds)  # fmt: skip

    def painted() -> Path:
        for seed in SEEDS_OF_SETS:
            synthesize(_generator(cfg, seed), cohort, splits.train, cohort.cases, synthetic, inspected=kept)
        return synthetic

    yield _work("painting two twins of each", n, painted, is_done_once=True, leaves=Path)
    yield _work("finding two twins of each", n, painted, rounds=rounds)
    sets = sorted(path.parent for path in synthetic.glob("*/manifest.json"))
    counted = _count(2 * n, "twins")
    yield _work("reading the manifests of twins", n, lambda: _twins(sets), agreement=counted, rounds=rounds)
    yield _work("the same, and every hash", n, lambda: _twins(sets, verify=True), agreement=counted, rounds=rounds)
    every = [*cohort.cases, *_twins(sets)]

    def cached() -> Path:
        if len(prepare(every, cohort.modalities, cache)) != 3 * n:
            raise ValueError("Expected every case and twin to be prepared.")
        return cache

    yield _work("filling the cache", n, cached, is_done_once=True, leaves=Path)
    yield _work("finding all in the cache", n, cached, rounds=rounds)
    yield _work("all that a further run does before its first step", n, lambda: build_data(cfg), rounds=rounds)


def _generator(cfg: DictConfig, seed: int) -> Any:
    node = OmegaConf.create(OmegaConf.to_container(cfg.generator, resolve=True))
    node.seed = seed
    return make(node, _convert_="all")


def _twins(sets: Sequence[Path], *, verify: bool = False) -> list[Case]:
    return [case for folder in sets for case in read_manifest(folder, verify=verify).cases]


def _stations_of_runs(folder: Path, n: int, n_alphas: int, rounds: int) -> Iterator[Comparison]:
    """Return what is done with the finished runs of a sweep, which are planted, tested on one case in five."""
    planted = planted_sweep(n // SHARE_TESTED, n_alphas)
    numbers, written = count(), folder / "written"

    def write() -> Path:
        return write_sweep(folder / f"again_{next(numbers)}", planted, n // SHARE_TESTED)

    write_sweep(written, planted, n // SHARE_TESTED)
    runs = find_runs(written / "runs")
    words = f"{len(planted)} runs"
    scores = 2 * 3 * (n // SHARE_TESTED) * len(planted)  # sources, regions

    def read() -> pd.DataFrame:
        return pd.concat([run.scores() for run in find_runs(written / "runs")])

    yield _work(f"writing the tables of {words}", n, write, rounds=rounds, leaves=Path)
    yield _work(f"reading the scores of {words}", n, read, agreement=_count(scores, "scores"), rounds=rounds)
    yield _work(f"audit of trust, {words}", n, lambda: Trust()(runs), rounds=rounds)
    yield _work(f"audit of utility, {words}", n, lambda: Utility()(runs), rounds=rounds)
    yield _work(f"`evaluate.py audit=[trust,utility] pictures=0`, {words}", n, lambda: evaluate(written), rounds=rounds)
