"""From a cohort to the page on what the privacy audit finds in it."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from synthtrust.refusals import Refusal
from synthtrust.runs import make, usable_cases

log = logging.getLogger(__name__)

TITLE = "What does the privacy audit find?"
QUESTION = "How many planted copies does it need to call a leak, and how often does it call one where there is none?"


def calibrate(cfg: DictConfig) -> Path:
    """Plant copies among the real cases of ``cfg.cases``, and write one page about what was found.

    Returns:
        The page.

    Raises:
        Refusal: If no cases are given, or too few.
    """
    if "_target_" not in cfg.cases:
        raise Refusal("Expected real cases to plant copies in, but got none. Add for example cases=phantom.")
    cohort = usable_cases(cfg)
    folder = Path(cfg.folder or Path(cfg.paths.reports) / f"{cfg.name}_{cohort.name}".replace(" ", "_"))
    tables = make(cfg.calibration, _convert_="all")(cohort, folder / "draws")
    facts = {
        "cohort": cohort.name,
        "licence": cohort.licence,
        "cases": len(cohort.cases),
        "calibration": cfg.calibration,
    }
    page: Path = make(cfg.report, title=TITLE, question=QUESTION, judges=False)(
        folder=folder, facts=facts, tables={"calibration": tables}
    )
    log.info("The report on planted copies is at %s", page)
    return page
