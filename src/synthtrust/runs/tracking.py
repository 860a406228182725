"""What trackers are told of a finished run: its scores over alpha, the table of its cases, and the synthetic set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import CSVLogger, Logger

from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.generators.synthesis.card import NAME as CARD
from synthtrust.runs.run import headline
from synthtrust.trackers import is_wandb, tell

LONGEST_TAG = 64
"""Characters that wandb takes of a tag."""


def track_results(loggers: Sequence[Logger], scores: pd.DataFrame, facts: dict[str, Any], twins: Path) -> None:
    """Tell every tracker the scores of a run, on an axis of alpha; wandb also the table of cases and the synthetic set.

    The CSV logger is left out: the run's own tables say it.

    Args:
        loggers: The loggers of the Trainer.
        scores: The table of scores.
        facts: What the run says of itself.
        twins: Folder of the synthetic set.
    """
    metrics = test_metrics(scores) | {"alpha": float(facts["alpha"])}
    for logger in loggers:
        if is_wandb(logger):
            tell(logger, lambda wandb: _prepare(wandb.experiment, facts))
        if not isinstance(logger, CSVLogger):
            logger.log_metrics(metrics)
        if is_wandb(logger):
            tell(logger, lambda wandb: wandb.log_table("scores", list(scores.columns), scores.values.tolist()))
            tell(logger, lambda wandb: _log_set(wandb.experiment, twins))


def test_metrics(scores: pd.DataFrame) -> dict[str, float]:
    """Return the means on real and on synthetic test cases by name; of segmenters also those of each region.

    >>> rows = [("real", "ET", 0.5), ("real", "TC", 0.7), ("synthetic", "ET", 0.9), ("synthetic", "TC", 0.9)]
    >>> test_metrics(pd.DataFrame(rows, columns=["source", "region", "dice"]))["test/real/dice"]
    0.6
    """
    metrics = {}
    for source, rows in scores.groupby("source", sort=False):
        measure = headline(rows.assign(source="real"))
        name = "dice" if "dice" in rows else "auc"
        metrics[f"test/{source}/{name}"] = measure[1]
        if "region" in rows:
            means = rows.groupby("region", sort=False)["dice"].mean()
            metrics |= {f"test/{source}/dice_{region}": float(mean) for region, mean in means.items()}
    return metrics


def _prepare(experiment: Any, facts: dict[str, Any]) -> None:
    """Make alpha the axis of test scores, and tag the run by what a sweep varies."""
    experiment.define_metric("alpha")
    experiment.define_metric("test/*", step_metric="alpha")
    target = str((facts.get("generator") or {}).get("_target_", ""))
    tags = [f"alpha {facts['alpha']:g}", target.rpartition(".")[2], str(facts.get("mode")), str(facts.get("cohort"))]
    experiment.tags = (*(experiment.tags or ()), *(tag[:LONGEST_TAG] for tag in tags if tag))


def _log_set(experiment: Any, twins: Path) -> None:
    """Log manifest and card of the synthetic set; its images stay where they are."""
    import wandb

    artifact = wandb.Artifact(twins.name, type="synthetic-set")
    for name in (MANIFEST, CARD):
        if (twins / name).is_file():
            artifact.add_file(str(twins / name))
    experiment.log_artifact(artifact)
