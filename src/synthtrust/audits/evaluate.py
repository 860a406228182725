"""From runs to the page: ask every audit, gather the facts, draw."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from synthtrust.audits.pictures import twin_slices
from synthtrust.runs import Run, find_runs, make, read_cases, score_cohort

log = logging.getLogger(__name__)

SHARED_FACTS = (
    "cohort", "licence", "cases", "patients", "generator", "overlap", "network", "parameters", "steps", "batch_size",
    "patch_size", "mode", "regions", "empty", "device", "devices", "cores", "python", "versions",
)  # fmt: skip
"""Facts of a run that every run of a sweep shares."""


def evaluate_runs(cfg: DictConfig) -> Path:
    """Audit the runs in a folder, and write one page about them.

    Returns:
        The page.

    Raises:
        FileNotFoundError: If there is no finished run.
        ValueError: If the runs cannot be compared.
    """
    runs = find_runs(cfg.runs)
    tables: dict[str, dict[str, pd.DataFrame]] = {"cases": {"volumes": runs[0].volumes()}}
    tables |= {name: audit(runs) for name, audit in make(cfg.audit, _convert_="all").items()}
    pictures = twin_slices(runs, cfg.pictures) if cfg.pictures else []
    folder = Path(cfg.folder or Path(cfg.paths.reports) / Path(cfg.runs).resolve().name)
    page: Path = make(cfg.report)(folder=folder, facts=facts_of(runs), tables=tables, pictures=pictures)
    log.info("The report on %d runs is at %s", len(runs), page)
    return page


def score_elsewhere(cfg: DictConfig) -> pd.DataFrame:
    """Score the cases of ``cfg.cases`` with every run, and print the mean Dice per region."""
    cohort = read_cases(cfg).complete(skip_refused=cfg.cases.get("skip_refused", False))
    scores = pd.concat(
        score_cohort(run, cohort, cfg.paths.cache, allow_overlap=cfg.allow_overlap).assign(run=run.name)
        for run in find_runs(cfg.runs)
    )
    means = scores.groupby(["run", "region"], sort=False)["dice"].mean().unstack()
    log.info("Mean Dice on %d cases of %s\n%s", len(cohort.cases), cohort.name, means.round(4).to_string())
    return scores


def facts_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the facts that the runs share, and those in which they differ as a list over runs."""
    facts = [run.facts() for run in runs]
    seconds = [fact["seconds"] for fact in facts]
    shared = {
        name: facts[0].get(name) for name in SHARED_FACTS if all(fact.get(name) == facts[0].get(name) for fact in facts)
    }
    differing = {name: sorted({str(fact.get(name)) for fact in facts}) for name in SHARED_FACTS if name not in shared}
    return {
        **shared,
        **differing,
        "runs": len(runs),
        "alphas": sorted({fact["alpha"] for fact in facts}),
        "seeds": sorted({fact["seed"] for fact in facts}),
        "minutes_of_training": round(sum(seconds) / 60, 1),
        "peak_memory_gib": max(fact["peak_memory_gib"] for fact in facts),
        "command": facts[0]["command"],
    }
