"""The plan of a study: what so many patients and seeds can decide, from stated spreads or from a pilot study."""

import logging

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from synthtrust.audits import Utility
from synthtrust.audits.utility.plan import power_table
from synthtrust.audits.utility.power import Spread
from synthtrust.refusals import Refusal
from synthtrust.runs import find_runs

log = logging.getLogger(__name__)


def plan_study(cfg: DictConfig) -> pd.DataFrame:
    """Print what a study of TSTR against TRTR can decide, from stated spreads or from those of a pilot study.

    Returns:
        The table, see `synthtrust.audits.utility.plan.power_table`.

    Raises:
        Refusal: If the pilot study has not trained both arms with two seeds at least.
    """
    plan = cfg.plan
    spread = Spread(plan.sd_patients, 2**0.5 * plan.sd_seeds) if plan.pilot is None else _pilot_spread(plan.pilot, cfg)
    sizes = {name: list(plan[name]) for name in ("margins", "patients", "seeds")}
    table = power_table(spread, loss=plan.loss, **sizes, confidence=plan.confidence)
    log.info(
        "TSTR - TRTR varies over patients by %.4f and over training seeds of one arm by %.4f; a true loss of %g is "
        "assumed.",
        spread.patients, spread.seeds / 2**0.5, plan.loss,
    )  # fmt: skip
    for margin, rows in table.groupby("margin"):
        wide = rows.pivot(index="n_patients", columns="n_seeds", values="power")
        wide = wide.rename_axis(index="test patients", columns="seeds of each arm")
        log.info("How often a loss below %g is shown\n%s", margin, wide.round(2).to_string())
    return table


def _pilot_spread(folder: str, cfg: DictConfig) -> Spread:
    """Return the spreads that a pilot study measured in its main measure."""
    tables = Utility(n_boot=2)(find_runs(folder, trusted=cfg.trusted))
    compared = tables["comparison"]
    rows = compared[compared["contrast"] == "TSTR"].to_dict("records") if len(compared) else []
    if not rows or min(rows[0]["n_seeds"], rows[0]["n_seeds_reference"]) < 2 or not np.isfinite(rows[0]["df"]):
        raise Refusal(f"Expected a pilot study of alpha 0 and 1 with two seeds at least, but {folder} has none.")
    return Spread.of_comparison({str(name): value for name, value in rows[0].items()})
