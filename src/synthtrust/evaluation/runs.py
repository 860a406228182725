"""The command ``evaluate``: ask every audit about finished runs, write the page, and say whether that is a failure.

The only module above the audits: here alone a config decides which of them are asked.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from synthtrust.audits.confounded import without_confounded
from synthtrust.audits.expected_outcome import expected_outcome
from synthtrust.audits.generator_names import generator_names
from synthtrust.audits.scores import NotApplicableError, task_of
from synthtrust.audits.sets import DeclaredSet, SyntheticSet, declared_own, declared_sets
from synthtrust.audits.sizes import of_one_size
from synthtrust.audits.splits import first_split, repeat_of
from synthtrust.audits.steps import of_one_step
from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.conventions import CONDITIONS, NOT_ASSESSED, check_conditions
from synthtrust.door import unfinished_in
from synthtrust.evaluation.pictures import pictures_if_possible
from synthtrust.evaluation.printing import find_browser, print_page
from synthtrust.evaluation.run_rows import run_rows, training_seconds
from synthtrust.evaluation.tracking import track_page
from synthtrust.files import sha256_of
from synthtrust.progress import stage
from synthtrust.refusals import Refusal
from synthtrust.report.formatting import listing
from synthtrust.report.verdicts import WORST_FIRST, axis_verdicts
from synthtrust.runs import Run, add_trivial, find_runs, make

log = logging.getLogger(__name__)

SHARED_FACTS = (
    "task", "cohort", "licence", "cases", "patients", "paired", "synthetic_cases", "generator", "overlap", "network",
    "parameters", "steps",
    "batch_size", "patch_size", "image_size", "mode", "val", "regions", "classes", "empty", "device", "devices",
    "cores", "python", "versions",
)  # fmt: skip
"""Facts of a run that every run of a sweep shares."""

OVERLAP_TEXTS = {
    "unknown": "unknown training ids",
    "none": "none",
    "overlap": "scored on patients the generator learned from",
}
"""Status of an overlap -> how tables say it, for runs of versions that stored the status alone."""

Tables = dict[str, pd.DataFrame]


def evaluate_runs(cfg: DictConfig) -> Path:
    """Audit the runs in one or several folders, and write one page about them.

    With ``predictions`` the folders hold exported mixes, and the runs are what another trainer predicted for them.

    Audits that do not apply to such runs (the trust factors to classifiers) are left out, with a line in the log.

    Returns:
        The page.

    Raises:
        MissingFileRefusal: If there is no finished run.
        Refusal: If the runs cannot be compared, no audit applies to them, or a condition of ``fail_on`` holds; in
            the last case the page is there.
    """
    conditions = check_conditions(cfg.fail_on)
    browser = find_browser() if cfg.pdf else None
    folders = folders_of(cfg)
    if cfg.predictions is not None:
        from synthtrust.runs import score_predictions  # and with it PyTorch, which a page alone does not need

        folders = [str(score_predictions(cfg, folders))]
    runs = [run for folder in folders for run in find_runs(folder, trusted=cfg.trusted)]
    missing = [unfinished for folder in folders for unfinished in unfinished_in(Path(folder))]
    for unfinished in missing:
        log.warning("%s. The page is about the %d runs that are.", unfinished.line(), len(runs))
    if cfg.surfaces.add:
        from synthtrust.runs import add_surfaces

        add_surfaces(runs, cfg.surfaces, cfg.paths.cache)
    segmented = task_of(runs) == "segmentation"
    add_trivial(runs, cfg.paths.cache)
    first = list(first_split(runs))
    cases = {"volumes": first[0].volumes()} if segmented else {"classes": first[0].classes()}
    tables = {"cases": cases, **ask(make(cfg.audit, _convert_="all"), runs)}
    facts = facts_of(runs)
    if missing:
        facts["not_finished"] = [f"{unfinished.folder}/{run}" for unfinished in missing for run in unfinished.runs]
        facts["to_finish"] = [command for unfinished in missing for command in unfinished.commands]
    pictures = pictures_if_possible(first, cfg.pictures, predicted=cfg.pictures_predicted)
    name = "_".join(Path(folder).resolve().name for folder in folders)
    facts |= {"study": name, "date": date.today().isoformat()}
    folder = Path(cfg.folder or Path(cfg.paths.reports) / name)
    sets = [provenance(synthetic_set) for synthetic_set in declared_sets(first)]
    if labelled_by := [facts["labelled_by"] for facts in sets if facts["labelled_by"]]:
        tables["labels"] = {"labelled_by": pd.DataFrame(labelled_by)}
    with stage("The page"):
        page: Path = make(cfg.report)(
            folder=folder, facts=facts, tables=tables, pictures=pictures, sets=sets, runs=run_rows(runs)
        )
    log.info("The report on %d runs is at %s", len(runs), page)
    track_page(cfg.get("logger"), page, tables, name)
    if browser:
        log.info("Printed, it is at %s", print_page(page, browser))
    if failed := failures(tables, conditions):
        raise Refusal(f"Expected no {' or '.join(conditions)}, but {', and '.join(failed)}. The page is at {page}.")
    return page


def failures(tables: Mapping[str, Tables], conditions: Sequence[str]) -> list[str]:
    """Return one sentence for each condition that holds, and each sentence once.

    Args:
        tables: Audit name -> table name -> tidy table.
        conditions: Names of `synthtrust.conventions.CONDITIONS`.
    """
    verdicts = {axis.axis: axis for axis in axis_verdicts(tables)}
    sentences = []
    for name in conditions:
        axis, failing = CONDITIONS[name]
        if verdicts[axis].verdict == NOT_ASSESSED in failing and not verdicts[axis].findings:
            sentences.append(f"{axis} is {NOT_ASSESSED}")
        for verdict in WORST_FIRST:  # each set by its own verdict: a worse one beside it hides none
            findings = [finding for finding in verdicts[axis].findings if finding.verdict == verdict in failing]
            subjects = [text for finding in findings if (text := str(finding.subject))]
            if findings:
                sentences.append(f"{axis} is {verdict}" + (f" for {listing(subjects)}" if subjects else ""))
    return list(dict.fromkeys(sentences))


def provenance(synthetic_set: DeclaredSet | SyntheticSet) -> dict[str, Any]:
    """Return where a synthetic set comes from, as its trust card shows it."""
    manifest = synthetic_set.manifest
    made_by, training_ids = manifest["made_by"], manifest.get("training_ids")
    return {
        "name": synthetic_set.folder.name,
        "cases": synthetic_set.n_cases,
        "modalities": synthetic_set.modalities,
        "labels": list(synthetic_set.labels),
        "training_ids": None if training_ids is None else len(training_ids),
        "licence": manifest["licence"],
        "manifest_sha256": sha256_of(synthetic_set.folder / MANIFEST),
        "generator": made_by["generator"],
        "recipe": made_by.get("parameters", {}),
        "intended_use": manifest["intended_use"],
        "mask_disclosure": bool(manifest.get("mask_disclosure")),
        "label_maps": manifest.get("label_maps"),
        "patients_own": list(declared_own(manifest)),
        "labelled_by": manifest.get("labelled_by"),
        "expected_outcome": expected_outcome(made_by["generator"]),
    }


def ask(audits: Mapping[str, Callable[..., Tables]], runs: Sequence[Run]) -> dict[str, Tables]:
    """Return the tables of every audit that applies to the runs, by its name.

    Of runs on repeated splits, or on several numbers of cases, only audits that say so are given more than the first
    split, one number, or one step of the generator's training; and so it is with runs whose class decided the source of
    their training cases. Audits that say that they take tables are asked last, and given those of the others.

    Raises:
        NotApplicableError: If none does.
        Refusal: If the runs cannot be compared.
    """
    tables: dict[str, Tables] = {}
    refusals, one_size = [], of_one_size(runs)
    for name in sorted(audits, key=lambda name: bool(getattr(audits[name], "takes_tables", False))):
        audit = audits[name]
        asked = runs if getattr(audit, "takes_sizes", False) else one_size
        asked = asked if getattr(audit, "takes_repeated_splits", False) else first_split(asked)
        asked = asked if getattr(audit, "takes_steps", False) else of_one_step(asked)
        others = (tables,) if getattr(audit, "takes_tables", False) else ()
        try:
            asked = asked if getattr(audit, "takes_confounded", False) else without_confounded(asked)
            with stage(f"Audit {name}"):
                tables[name] = audit(asked, *others)
        except NotApplicableError as refusal:
            refusals.append(refusal)
            log.info("Left out, the %s audit: %s", name, refusal)
    if refusals and not tables:
        raise refusals[0]
    overlap = overlap_of(runs)
    return {name: _with_overlap(tables[name], overlap) for name in audits if name in tables}


def overlap_of(runs: Sequence[Run]) -> str:
    """Return in a few words whether a generator may know patients that it is scored on; ``none`` if not.

    Runs of older versions store the status without the words, or neither.
    """
    overlaps = [run.facts().get("overlap") or {"status": "unknown"} for run in runs]
    texts = dict.fromkeys(str(overlap.get("word") or OVERLAP_TEXTS[overlap["status"]]) for overlap in overlaps)
    return "; ".join(text for text in texts if text != "none") or "none"


def _with_overlap(tables: Tables, overlap: str) -> Tables:
    """Write an overlap into every row of every table, since it may have made every number too good."""
    return tables if overlap == "none" else {name: table.assign(overlap=overlap) for name, table in tables.items()}


def folders_of(cfg: DictConfig) -> list[str]:
    """Return the folders of runs that an evaluation is about."""
    return [cfg.runs] if isinstance(cfg.runs, str) else list(cfg.runs)


def facts_of(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the facts that the runs share, and those in which they differ as a list over runs."""
    facts = [run.facts() for run in runs]
    seconds = [duration for fact in facts if (duration := training_seconds(fact)) is not None]
    memory = [float(fact["peak_memory_gib"]) for fact in facts if "peak_memory_gib" in fact]
    known = [name for name in SHARED_FACTS if any(fact.get(name) is not None for fact in facts)]
    shared = {name: facts[0].get(name) for name in known if all(fact.get(name) == facts[0].get(name) for fact in facts)}
    differing = {name: sorted({str(fact.get(name)) for fact in facts}) for name in known if name not in shared}
    return {
        **shared,
        **differing,
        "generators": list(dict.fromkeys(generator_names(runs))),
        "runs": len(runs),
        "alphas": sorted({fact["alpha"] for fact in facts}),
        "seeds": sorted({fact["seed"] for fact in facts}),
        "splits": sorted({repeat_of(fact) for fact in facts}),
        **({"minutes_of_training": round(sum(seconds) / 60, 1)} if seconds else {}),
        **({"peak_memory_gib": max(memory)} if memory else {}),
        "command": facts[0]["command"],
    }
