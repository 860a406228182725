"""Other cases, scored with finished runs: the numbers of each run, and a page on TSTR against TRTR there."""

import logging
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from hydra.errors import InstantiationException
from omegaconf import DictConfig

from synthtrust.audits.elsewhere import elsewhere_rows
from synthtrust.audits.splits import first_split
from synthtrust.cases import CaseError, Cohort, Mix
from synthtrust.cases.checks.shift import shift
from synthtrust.evaluation.printing import find_browser, print_page
from synthtrust.evaluation.run_rows import run_rows
from synthtrust.evaluation.runs import facts_of, folders_of
from synthtrust.evaluation.tracking import track_page
from synthtrust.progress import stage
from synthtrust.runs import Run, add_trivial, find_runs, headline, make, score_cohort, usable_cases
from synthtrust.runs.elsewhere import scored_elsewhere

log = logging.getLogger(__name__)

QUESTION = (
    "Does a model trained on the synthetic cases do as well on patients of another cohort as one trained on real cases?"
)


def score_elsewhere(cfg: DictConfig) -> pd.DataFrame:
    """Score the cases of ``cfg.cases`` with every run, print each run's numbers, and write a page about them.

    The numbers of synthetic training (TSTR) are printed only beside those of real training, and the page compares both:
    it is written where there are both, and the audit of utility is asked.

    Returns:
        The scores of all runs, whose names stand in the column ``run``.
    """
    browser = find_browser() if cfg.pdf else None
    cohort = usable_cases(cfg)
    runs = [run for folder in folders_of(cfg) for run in find_runs(folder, trusted=cfg.trusted)]
    tables = [
        score_cohort(run, cohort, cfg.paths.cache, allow_overlap=cfg.allow_overlap, surfaces=cfg.surfaces)
        for run in runs
    ]
    scores = pd.concat(table.assign(run=run.name) for run, table in zip(runs, tables, strict=True))
    _print(scores, cohort)
    utility = make(cfg.audit, _convert_="all").get("utility")
    mixes = scores[["alpha", "mode"]].drop_duplicates().itertuples(index=False, name=None)
    if utility is None or not {"TSTR", "TRTR"} <= {_arm(alpha, mode) for alpha, mode in mixes}:
        log.info("A page on this cohort takes runs of alpha 0 and alpha 1, and audit=[utility].")
        return scores
    first = list(first_split(runs))
    others = scored_elsewhere(first, cohort, [tables[runs.index(run)] for run in first], cfg.paths.cache)
    add_trivial(first, cfg.paths.cache)
    with stage("Audit utility"):
        audits = {
            "elsewhere": {
                "gaps": pd.DataFrame(elsewhere_rows(first, others, utility.confidence)),
                "shift": _shift(first[0], cohort),
            },
            "utility": utility(others),
        }
    name = "_".join([*(Path(folder).resolve().name for folder in folders_of(cfg)), "on", cohort.name])
    facts = {
        **facts_of(first), "cohort": cohort.name, "trained_on": first[0].facts()["cohort"],
        "cases": {"scored": len(cohort.cases)}, "patients": {"scored": len({case.patient for case in cohort.cases})},
        "study": name, "date": date.today().isoformat(),
    }  # fmt: skip
    with stage("The page"):
        page: Path = make(cfg.report)(
            folder=Path(cfg.folder or Path(cfg.paths.reports) / name), facts=facts, tables=audits, runs=run_rows(first),
            question=QUESTION,
        )  # fmt: skip
    log.info("The report on %d runs and %d cases of %s is at %s", len(first), len(cohort.cases), cohort.name, page)
    track_page(cfg.get("logger"), page, audits, name)
    if browser:
        log.info("Printed, it is at %s", print_page(page, browser))
    return scores


def _arm(alpha: float, mode: str) -> str:
    mix = Mix(alpha, mode)
    return "TSTR" if mix.is_tstr else "TRTR" if mix.is_trtr else ""


def _print(scores: pd.DataFrame, cohort: Cohort) -> None:
    """Print the numbers of each run: per region, or over classes."""
    is_tstr = np.array([Mix(*mix).is_tstr for mix in zip(scores["alpha"], scores["mode"], strict=True)])
    if not (scores["alpha"] == 1).any() and is_tstr.any():
        log.info("TSTR has no scale of its own: scores at alpha 0 are in the tables, and not printed without alpha 1.")
        if is_tstr.all():
            return
    printed = scores if (scores["alpha"] == 1).any() else scores[~is_tstr]
    if "region" in scores:
        shown = printed.groupby(["run", "region"], sort=False)["dice"].mean().unstack()
    else:
        headlines = {name: headline(rows) for name, rows in printed.groupby("run", sort=False)}
        shown = pd.DataFrame({name: {measure: value} for name, (measure, value) in headlines.items()}).T
    log.info("Scores on %d cases of %s\n%s", len(cohort.cases), cohort.name, shown.round(4).to_string())


def _shift(run: Run, cohort: Cohort) -> pd.DataFrame:
    """Describe the training cases of a run beside another cohort; an empty table where they are not here."""
    facts = run.facts()
    try:
        trained = {*run.data()["splits"]["train"]}
        cases = [case for case in run.cohort.cases if case.id in trained]
        return shift(cases, cohort.cases, facts["modalities"], facts.get("labels") or {})
    except (CaseError, InstantiationException) as error:
        log.warning(
            "How the cases differ is not told, since the training cases are not here: %s", error.__cause__ or error
        )
        return pd.DataFrame()
