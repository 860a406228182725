"""What this project wrote itself and somebody has damaged since: runs, checkpoints, cache."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from helpers.configs import compose_quickly
from helpers.tiny_runs import tiny_config
from soak.fuzz import Target, WrongError
from synthtrust.conventions import CONFIG, FACTS, SCORES, TRIVIAL
from synthtrust.evaluation import evaluate_runs
from synthtrust.runs import find_runs, score_cohort, train_run
from synthtrust.runs.build import build_data
from synthtrust.runs.predictions import VOLUMES
from synthtrust.runs.run import DATA
from synthtrust.testing import tiny_cohort

SHAPE = (12, 14, 16)
WORDS = ("generator=replay", "duplicates=allow", "split.test=3", "steps=2", "val_every=2")


def own_files(folder: Path) -> list[tuple[Target, float]]:
    """Train two tiny runs in a folder, and return what reads them with its share of the mutated files."""
    tiny_cohort(folder / "real", 8, SHAPE)
    configs = [tiny_config(folder, *WORDS, f"alpha={alpha}", name=f"alpha_{alpha}_seed_0") for alpha in (0.0, 1.0)]
    for cfg in configs:
        train_run(cfg)
    runs, cache = folder / "runs", folder / "cache"
    asked = ("audit=[trust,utility]", "audit.utility.n_boot=20", "pictures=0", f"runs={runs}")
    page = compose_quickly("evaluate", *asked, f"folder={folder / 'page'}", f"paths.cache={cache}")
    tables = [path for name in (FACTS, DATA, SCORES, VOLUMES, CONFIG, TRIVIAL) for path in sorted(runs.rglob(name))]
    remembered = [path for path in sorted(cache.glob("inspected/*")) if path.suffix in (".jsonl", ".npz")]
    of_the_runs = set(cache.rglob("*"))
    score = _scoring(folder, runs / "alpha_1.0_seed_0", cache)
    prepared = sorted(path for path in {*cache.rglob("*")} - of_the_runs if path.suffix in (".npy", ".json"))
    restore = _restoring(cache)
    return [
        (Target("tables and facts of runs", tables, lambda: evaluate_runs(page)), 1),
        (Target("checkpoints", sorted(runs.rglob("best.ckpt")), score), 1),
        (Target("cache of cases", prepared, score, restore), 1),
        (Target("cache of what was read", remembered, lambda: build_data(configs[0]), restore), 0.5),
    ]


def _restoring(folder: Path) -> Callable[[], None]:
    """Return what puts a folder back as it is now."""
    kept = folder.with_name(f"{folder.name}_as_it_was")
    shutil.copytree(folder, kept)

    def restore() -> None:
        for path in kept.rglob("*"):
            copy = folder / path.relative_to(kept)
            if path.is_file() and (not copy.is_file() or copy.read_bytes() != path.read_bytes()):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)

    return restore


def _scoring(folder: Path, run: Path, cache: Path) -> Callable[[], None]:
    """Return what scores the cases of a run with its checkpoint, and tells scores that are not those of the start."""

    def scores() -> pd.DataFrame:
        (stored,) = find_runs(run)
        cohort = tiny_cohort(folder / "other", 2, SHAPE, seed=5) if not (folder / "other").exists() else others[0]
        others[:] = [cohort]
        return score_cohort(stored, cohort, str(cache), allow_overlap=True).drop(columns="seconds")

    others: list = []
    expected = scores()

    def score() -> None:
        table = scores()
        if not table.equals(expected):
            raise WrongError("other scores of the same network on the same cases")

    return score
