"""The page about planted copies: what the privacy audit finds among real cases that nobody trained on."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from synthtrust.evaluation.printing import find_browser, print_page
from synthtrust.refusals import Refusal
from synthtrust.runs import make, usable_cases

log = logging.getLogger(__name__)

CALIBRATION_TITLE = "What does the privacy audit find?"
CALIBRATION_QUESTION = (
    "How many planted copies does it need to call a leak, and how often does it call one where there is none?"
)


def calibrate(cfg: DictConfig) -> Path:
    """Plant copies among the real cases of ``cfg.cases``, and write one page about what the privacy audit finds.

    Returns:
        The page.

    Raises:
        Refusal: If no cases are given, or too few.
    """
    if "_target_" not in cfg.cases:
        raise Refusal("Expected real cases to plant copies in, but got none. Add for example cases=phantom.")
    browser = find_browser() if cfg.pdf else None
    cohort = usable_cases(cfg)
    folder = Path(cfg.folder or Path(cfg.paths.reports) / f"{cfg.name}_{cohort.name}".replace(" ", "_"))
    tables = make(cfg.calibration, _convert_="all")(cohort, folder / "draws")
    facts = {
        "cohort": cohort.name,
        "licence": cohort.licence,
        "cases": len(cohort.cases),
        "calibration": cfg.calibration,
    }
    page: Path = make(cfg.report, title=CALIBRATION_TITLE, question=CALIBRATION_QUESTION, judges=False)(
        folder=folder, facts=facts, tables={"calibration": tables}
    )
    log.info("The report on planted copies is at %s", page)
    if browser:
        log.info("Printed, it is at %s", print_page(page, browser))
    return page
