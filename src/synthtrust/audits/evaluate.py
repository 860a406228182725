"""From runs to the page: ask every audit, gather the facts, draw."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from synthtrust.audits.pictures import twin_slices
from synthtrust.audits.scores import NotApplicableError, task_of
from synthtrust.audits.sets import SyntheticSet, synthetic_sets
from synthtrust.cases import Mix
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.conventions import check_conditions
from synthtrust.files import sha256_of
from synthtrust.refusals import Refusal
from synthtrust.report.verdicts import failures
from synthtrust.runs import Run, find_runs, headline, make, score_cohort, usable_cases

log = logging.getLogger(__name__)

SHARED_FACTS = (
    "task", "cohort", "licence", "cases", "patients", "generator", "overlap", "network", "parameters", "steps",
    "batch_size", "patch_size", "image_size", "mode", "val", "regions", "classes", "empty", "device", "devices",
    "cores", "python", "versions",
)  # fmt: skip
"""Facts of a run that every run of a sweep shares."""

Tables = dict[str, pd.DataFrame]


def evaluate_runs(cfg: DictConfig) -> Path:
    """Audit the runs in one or several folders, and write one page about them.

    Audits that do not apply to such runs (the trust factors to classifiers) are left out, with a line in the log.

    Returns:
        The page.

    Raises:
        MissingFileRefusal: If there is no finished run.
        Refusal: If the runs cannot be compared, no audit applies to them, or a condition of ``fail_on`` holds; in
            the last case the page is there.
    """
    conditions = check_conditions(cfg.fail_on)
    folders = _folders(cfg)
    runs = [run for folder in folders for run in find_runs(folder, trusted=cfg.trusted)]
    segmented = task_of(runs) == "segmentation"
    cases = {"volumes": runs[0].volumes()} if segmented else {"classes": runs[0].classes()}
    tables = {"cases": cases, **ask(make(cfg.audit, _convert_="all"), runs)}
    pictures = twin_slices(runs, cfg.pictures) if cfg.pictures and segmented else []
    name = "_".join(Path(folder).resolve().name for folder in folders)
    folder = Path(cfg.folder or Path(cfg.paths.reports) / name)
    sets = [provenance(one) for one in synthetic_sets(runs)]
    page: Path = make(cfg.report)(folder=folder, facts=facts_of(runs), tables=tables, pictures=pictures, sets=sets)
    log.info("The report on %d runs is at %s", len(runs), page)
    if failed := failures(tables, conditions):
        raise Refusal(f"Expected no {' or '.join(conditions)}, but {', and '.join(failed)}. The page is at {page}.")
    return page


def provenance(one: SyntheticSet) -> dict[str, Any]:
    """Return where a synthetic set comes from, as its trust card tells it."""
    made_by, training_ids = one.manifest["made_by"], one.manifest.get("training_ids")
    return {
        "name": one.name,
        "cases": len(one.twins_of_train) + len(one.twins_of_holdout),
        "modalities": one.modalities,
        "labels": list(one.labels),
        "training_ids": None if training_ids is None else len(training_ids),
        "licence": one.manifest["licence"],
        "manifest_sha256": sha256_of(one.folder / MANIFEST),
        "generator": made_by["generator"],
        "recipe": made_by.get("parameters", {}),
        "intended_use": one.manifest["intended_use"],
        "mask_disclosure": bool(one.manifest.get("mask_disclosure")),
    }


def ask(audits: Mapping[str, Callable[..., Tables]], runs: Sequence[Run]) -> dict[str, Tables]:
    """Return the tables of every audit that applies to the runs, by its name.

    Raises:
        NotApplicableError: If none does.
        Refusal: If the runs cannot be compared.
    """
    tables, refusals = {}, []
    for name, audit in audits.items():
        try:
            tables[name] = audit(runs)
        except NotApplicableError as refusal:
            refusals.append(refusal)
            log.info("Left out, the %s audit: %s", name, refusal)
    if refusals and not tables:
        raise refusals[0]
    word = overlap_of(runs)
    return {name: _marked(some, word) for name, some in tables.items()}


def overlap_of(runs: Sequence[Run]) -> str:
    """Return in a few words whether a generator may know patients that it is scored on; ``none`` if not.

    Runs of older versions say it without the words, or not at all.
    """
    found = [run.facts().get("overlap") or {"status": "unknown"} for run in runs]
    words = {
        "unknown": "unknown training ids",
        "none": "none",
        "overlap": "scored on patients the generator learned from",
    }
    said = dict.fromkeys(str(one.get("word") or words[one["status"]]) for one in found)
    return "; ".join(word for word in said if word != "none") or "none"


def _marked(tables: Tables, word: str) -> Tables:
    """Write an overlap into every row of every table: none of these numbers is what it seems."""
    return tables if word == "none" else {name: table.assign(overlap=word) for name, table in tables.items()}


def score_elsewhere(cfg: DictConfig) -> pd.DataFrame:
    """Score the cases of ``cfg.cases`` with every run, and print each run's number: per region, or over classes.

    Those of synthetic training (TSTR) are printed only beside those of real training.
    """
    cohort = usable_cases(cfg)
    runs = [run for folder in _folders(cfg) for run in find_runs(folder, trusted=cfg.trusted)]
    scores = pd.concat(
        score_cohort(run, cohort, cfg.paths.cache, allow_overlap=cfg.allow_overlap).assign(run=run.name) for run in runs
    )
    alone = np.array([Mix(*knobs).is_tstr for knobs in zip(scores["alpha"], scores["mode"], strict=True)])
    if not (scores["alpha"] == 1).any() and alone.any():
        log.info("TSTR has no scale of its own: scores at alpha 0 are in the tables, and not printed without alpha 1.")
        if alone.all():
            return scores
    printed = scores if (scores["alpha"] == 1).any() else scores[~alone]
    if "region" in scores:
        shown = printed.groupby(["run", "region"], sort=False)["dice"].mean().unstack()
    else:
        found = {name: headline(rows) for name, rows in printed.groupby("run", sort=False)}
        shown = pd.DataFrame({name: {what: value} for name, (what, value) in found.items()}).T
    log.info("Scores on %d cases of %s\n%s", len(cohort.cases), cohort.name, shown.round(4).to_string())
    return scores


def _folders(cfg: DictConfig) -> list[str]:
    return [cfg.runs] if isinstance(cfg.runs, str) else list(cfg.runs)


def facts_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the facts that the runs share, and those in which they differ as a list over runs."""
    facts = [run.facts() for run in runs]
    seconds = [fact["seconds"] for fact in facts]
    said = [name for name in SHARED_FACTS if any(fact.get(name) is not None for fact in facts)]
    shared = {name: facts[0].get(name) for name in said if all(fact.get(name) == facts[0].get(name) for fact in facts)}
    differing = {name: sorted({str(fact.get(name)) for fact in facts}) for name in said if name not in shared}
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
