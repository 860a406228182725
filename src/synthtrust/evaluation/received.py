"""The audit of a synthetic set that was received: privacy and fidelity, without any training."""

import logging
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig

from synthtrust.audits.pictures import set_slices
from synthtrust.audits.received import ReceivedSet, without_labels
from synthtrust.audits.sets import synthetic_sets
from synthtrust.conventions import check_conditions
from synthtrust.evaluation.printing import find_browser, print_page
from synthtrust.evaluation.runs import failures, provenance
from synthtrust.evaluation.tracking import track_page
from synthtrust.generators import synthesize
from synthtrust.generators.importer import Importer
from synthtrust.generators.synthesis.id_lists import read_ids
from synthtrust.progress import stage
from synthtrust.refusals import Refusal
from synthtrust.runs import label_by_run, make, usable_cases
from synthtrust.runs.build import kept_in

log = logging.getLogger(__name__)

AUDITS_OF_SETS = ("fidelity", "privacy")
"""The audits that need no training."""

QUESTION = "Does the set look like real cases, and does it give away the patients it was learned from?"


def audit_received_set(cfg: DictConfig) -> Path:
    """Import the set of ``cfg.generator``, audit it beside the real cases of ``cfg.cases``, and write one page.

    Nothing is trained: utility and alignment are not assessed.

    Returns:
        The page.

    Raises:
        CaseError: If the set or the real cases cannot be used.
        Refusal: If the generator paints and does not import, no audit of sets is chosen, ids name no cases, or a
            condition of ``fail_on`` holds; in the last case the page is there.
    """
    conditions = check_conditions(cfg.fail_on)
    browser = find_browser() if cfg.pdf else None
    audits = {name: audit for name, audit in make(cfg.audit, _convert_="all").items() if name in AUDITS_OF_SETS}
    if not audits:
        raise Refusal(f"Expected an audit among {list(AUDITS_OF_SETS)}, but got others, which need trained runs.")
    generator = make(cfg.generator, _convert_="all")
    if not isinstance(generator, Importer):
        raise Refusal(
            f"Expected a set that was made already, but {type(generator).__name__} paints one. Choose for example "
            "generator=labelled_set, or train with it first."
        )
    cohort = usable_cases(cfg)
    label_by_run(generator, cohort, trusted=cfg.trusted)
    imported = synthesize(
        generator, cohort, cohort.cases, cohort.cases, cfg.paths.synthetic, to_learn_from=False, inspected=kept_in(cfg)
    )
    received = ReceivedSet.beside(
        cohort, imported, imported.folder, generator.training_ids, read_ids(cfg.holdout_ids, whose="unseen cases")
    )
    tables = {}
    for name, audit in audits.items():
        with stage(f"Audit {name}"):
            tables[name] = audit([received])
    (synthetic_set,) = synthetic_sets([received])
    if labelled_by := synthetic_set.manifest.get("labelled_by"):
        tables["labels"] = {"labelled_by": pd.DataFrame([labelled_by])}
    if synthetic_set.task == "unlabelled":
        tables["labels"] = {"verdict": without_labels(synthetic_set.subject)}
    folder = Path(cfg.folder or Path(cfg.paths.reports) / imported.folder.name)
    pictures = (
        set_slices(cohort, imported, cfg.pictures) if cfg.pictures and synthetic_set.task == "segmentation" else []
    )
    remarks, repeated = (synthetic_set.manifest.get(name) or {} for name in ("remarks", "repeated"))
    facts = {**received.facts(), "generator": cfg.generator, "remarks": list(remarks.values())}
    facts["repeated_cases"] = len(repeated)
    with stage("The page"):
        page: Path = make(cfg.report, question=QUESTION)(
            folder=folder, facts=facts, tables=tables, pictures=pictures, sets=[provenance(synthetic_set)]
        )
    log.info("The report on %s is at %s", imported.folder, page)
    track_page(cfg.get("logger"), page, tables, imported.folder.name)
    if browser:
        log.info("Printed, it is at %s", print_page(page, browser))
    if failed := failures(tables, conditions):
        raise Refusal(f"Expected no {' or '.join(conditions)}, but {', and '.join(failed)}. The page is at {page}.")
    return page
