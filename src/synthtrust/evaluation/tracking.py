"""What wandb or MLflow is told of a page: a run of its own with the verdicts, the tables and the page."""

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from synthtrust.conventions import be_patient
from synthtrust.report.records import records
from synthtrust.report.verdicts import axis_verdicts
from synthtrust.tables import csv_text

log = logging.getLogger(__name__)

Tables = Mapping[str, Mapping[str, pd.DataFrame]]
"""Audit name -> table name -> tidy table."""

SETTINGS = {"wandb": ("project", "entity", "mode"), "mlflow": ("tracking_uri",)}
"""Settings of each tracker that hold for a page as they do for a training."""


def track_page(loggers: DictConfig | None, page: Path, tables: Tables, name: str) -> None:
    """Log a page to wandb and to MLflow, as far as the config has them; a failure costs only itself.

    The page is a file of the run (in wandb an HTML panel too), so is each table, and each verdict is a value of the
    summary in wandb, a tag in MLflow.

    Args:
        loggers: The node ``logger`` of the config.
        page: The page.
        tables: Audit name -> table name -> tidy table.
        name: The name of the report, which is the group of its sweep in wandb, and its experiment in MLflow.
    """
    be_patient()
    for tracker, log_page in PAGE_LOGGERS.items():
        if loggers is None or tracker not in loggers:
            continue
        node = loggers[tracker]
        settings = {key: OmegaConf.select(loggers, f"{tracker}.{key}") for key in SETTINGS[tracker] if key in node}
        for attempt in (settings, *([{**settings, "mode": "offline"}] if _is_online(tracker, settings) else [])):
            try:
                log_page(attempt, page, tables, name)
                break
            except Exception as error:  # whatever its service, its disk or its network do; the page is written
                reason = " ".join(str(error).split())
                log.warning("%s was not told of %s: %s: %s", tracker, page, type(error).__name__, reason)
                _forget_service()


def _is_online(tracker: str, settings: Mapping[str, Any]) -> bool:
    """Return whether a tracker was asked to reach its server, and can keep offline what it could not send."""
    return tracker == "wandb" and (settings.get("mode") or "online") == "online"


def _forget_service() -> None:
    """End the service of wandb, which keeps waiting for the run that it could not begin."""
    if (wandb := sys.modules.get("wandb")) is not None:
        with suppress(Exception):  # it has failed already
            wandb.teardown()


def _log_to_wandb(settings: Mapping[str, Any], page: Path, tables: Tables, name: str) -> None:
    import wandb

    with wandb.init(dir=page.parent, name=f"page {name}", group=name, job_type="evaluate", **settings) as run:
        run.log({"page": wandb.Html(page.read_text(encoding="utf-8"), inject=False)})
        for audit, audit_tables in tables.items():
            for table, frame in audit_tables.items():
                if len(frame):
                    run.log({f"{audit}/{table}": _table(frame)})
        run.summary.update({f"verdict/{axis.axis}": axis.verdict for axis in axis_verdicts(tables)})


def _log_to_mlflow(settings: Mapping[str, Any], page: Path, tables: Tables, name: str) -> None:
    from lightning.pytorch.loggers import MLFlowLogger

    logger = MLFlowLogger(experiment_name=name, run_name=f"page {name}", tags={"job_type": "evaluate"}, **settings)
    client, run = logger.experiment, logger.run_id
    client.log_artifact(run, str(page))
    for audit, audit_tables in tables.items():
        for table, frame in audit_tables.items():
            if len(frame):
                client.log_text(run, csv_text(frame), f"{audit}/{table}.csv")
    for axis in axis_verdicts(tables):
        client.set_tag(run, f"verdict/{axis.axis}", axis.verdict)
    logger.finalize("success")


def _table(frame: pd.DataFrame) -> Any:
    import wandb

    columns = [str(name) for name in frame.columns]
    rows = [[_cell(value) for value in row.values()] for row in records(frame)]
    return wandb.Table(columns=columns, data=rows, allow_mixed_types=True)


def _cell(value: Any) -> Any:
    """Return numbers and words as they are, and anything nested as words."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


PAGE_LOGGERS: dict[str, Callable[[Mapping[str, Any], Path, Tables, str], None]] = {
    "wandb": _log_to_wandb,
    "mlflow": _log_to_mlflow,
}
"""Trackers that pages are logged to."""
