"""What wandb is told of a page: a run of its own with the verdicts, the tables and the page."""

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from synthtrust.conventions import be_patient
from synthtrust.report.page import records
from synthtrust.report.verdicts import axis_verdicts

log = logging.getLogger(__name__)

SETTINGS = ("project", "entity", "mode")
"""Settings of the tracker that hold for a page as they do for a training."""


def track_page(
    loggers: DictConfig | None, page: Path, tables: Mapping[str, Mapping[str, pd.DataFrame]], name: str
) -> None:
    """Log a page to wandb, if the config has that tracker; a failure costs only itself.

    The page is a file of the run and an HTML panel, each table one of wandb's, each verdict a value of the summary.

    Args:
        loggers: The node ``logger`` of the config.
        page: The page.
        tables: Audit name -> table name -> tidy table.
        name: The name of the report, which is the group of its sweep.
    """
    if loggers is None or "wandb" not in loggers:
        return
    be_patient()
    settings = _settings(loggers)
    for mode in dict.fromkeys((settings.get("mode") or "online", "offline")):
        try:
            _log({**settings, "mode": mode}, page, tables, name)
        except Exception as error:  # whatever its service, its disk or its network do; the page is written
            words = " ".join(str(error).split())
            log.warning("wandb was not told of %s (%s): %s: %s", page, mode, type(error).__name__, words)
            _forget_service()
        else:
            return


def _forget_service() -> None:
    """End the service of wandb, which keeps waiting for the run that it could not begin."""
    if (wandb := sys.modules.get("wandb")) is not None:
        with suppress(Exception):  # it has failed already
            wandb.teardown()


def _settings(loggers: DictConfig) -> dict[str, Any]:
    node = loggers["wandb"]
    return {key: OmegaConf.select(loggers, f"wandb.{key}") for key in SETTINGS if key in node}


def _log(settings: Mapping[str, Any], page: Path, tables: Mapping[str, Mapping[str, pd.DataFrame]], name: str) -> None:
    import wandb

    with wandb.init(dir=page.parent, name=f"page {name}", group=name, job_type="evaluate", **settings) as run:
        run.log({"page": wandb.Html(page.read_text(encoding="utf-8"), inject=False)})
        for audit, of_audit in tables.items():
            for table, frame in of_audit.items():
                if len(frame):
                    run.log({f"{audit}/{table}": _table(frame)})
        run.summary.update({f"verdict/{axis.axis}": axis.verdict for axis in axis_verdicts(tables)})


def _table(frame: pd.DataFrame) -> Any:
    import wandb

    columns = [str(name) for name in frame.columns]
    rows = [[_cell(value) for value in row.values()] for row in records(frame)]
    return wandb.Table(columns=columns, data=rows, allow_mixed_types=True)


def _cell(value: Any) -> Any:
    """Return numbers and words as they are, and anything nested as words."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
