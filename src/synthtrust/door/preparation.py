"""What jobs of a sweep share: a synthetic set and preprocessed cases, which one of them makes before the others."""

import json
from collections.abc import Sequence

from omegaconf import DictConfig

from synthtrust.door.rules import value_of
from synthtrust.door.sweep import Job

DECISIVE = (
    "cases",
    "split",
    "duplicates",
    "allow_overlap",
    "generator",
    "paths.cases",
    "paths.synthetic",
    "paths.cache",
)
"""What decides which cases are read, and which are painted from whom, beside parts of ``data``."""

OF_THE_TRAINING = (
    "alpha", "seed", "mode", "n_real", "n_synthetic", "val", "allow_real_val", "val_pairs", "steps_per_epoch",
    "batch_size", "patch_size", "foreground", "augment", "num_workers",
)  # fmt: skip
"""Parts of ``data`` that decide nothing about what is painted and preprocessed."""


def first_jobs(jobs: Sequence[Job]) -> dict[int, Job]:
    """Return the first job with the same synthetic set and cache, for each job by its number."""
    firsts: dict[str, Job] = {}
    return {job.number: firsts.setdefault(_made_by(job.config), job) for job in jobs}


def _made_by(config: DictConfig) -> str:
    """Return as a text all that decides what a job paints and preprocesses."""
    values = {key: value_of(config, key) for key in DECISIVE}
    data = value_of(config, "data") or {}
    kept = {name: value for name, value in data.items() if name not in OF_THE_TRAINING}
    return json.dumps({**values, "data": kept}, sort_keys=True, default=str)
