"""What trackers are told of a finished run: its scores over alpha, its cases, its model and its synthetic set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import CSVLogger, Logger

from synthtrust.cases.manifest import NAME as MANIFEST
from synthtrust.cases.manifest import load_manifest
from synthtrust.conventions import CONFIG, FACTS
from synthtrust.generators.synthesis.card import NAME as CARD
from synthtrust.generators.synthesis.session import FIT
from synthtrust.runs.run import Run, headline
from synthtrust.trackers import is_wandb, tell

LONGEST_TAG = 64
"""Characters that wandb takes of a tag."""


@dataclass(frozen=True)
class Tracked:
    """What a run leaves that trackers are told of."""

    run: Run
    scores: pd.DataFrame
    facts: dict[str, Any]
    twins: Path
    """Folder of the synthetic set."""
    painted: bool = False
    """Whether this process has made the set."""
    files: bool = False
    """Whether artifacts hold images and weights, not only what describes them."""


def track_results(loggers: Sequence[Logger], tracked: Tracked) -> None:
    """Tell every tracker the scores of a run, on an axis of alpha.

    wandb gets the table of cases, the synthetic set as an artifact that the run used, and its model as one that it
    made; a set that was painted for the run is the artifact of a run of its own, of the type ``generate``. The CSV
    logger is left out: the run's own tables say it.

    Args:
        loggers: The loggers of the Trainer.
        tracked: What there is to tell.
    """
    scores, facts = tracked.scores, tracked.facts
    metrics = test_metrics(scores) | {"alpha": float(facts["alpha"])}
    for logger in loggers:
        if is_wandb(logger):
            tell(logger, lambda wandb: _prepare(wandb.experiment, facts))
        if not isinstance(logger, CSVLogger):
            logger.log_metrics(metrics)
        if is_wandb(logger):
            tell(logger, lambda wandb: wandb.log_table("scores", list(scores.columns), scores.values.tolist()))
            tell(logger, lambda wandb: _log_artifacts(wandb.experiment, tracked))


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


def _log_artifacts(experiment: Any, tracked: Tracked) -> None:
    """Log the synthetic set, which the run used, and the model, which it made."""
    import wandb

    if tracked.painted:
        _log_painting(experiment, tracked)
    _use(experiment, _set_artifact(tracked))
    model = wandb.Artifact(f"model-{experiment.id}", type="model")
    weights = (str(tracked.run.best.relative_to(tracked.run.folder)),) if tracked.files else ()
    for name in (CONFIG, FACTS, *weights):
        if (file := tracked.run.folder / name).is_file():
            model.add_file(str(file), name=name)
    experiment.log_artifact(model)


def _set_artifact(tracked: Tracked) -> Any:
    """Return the synthetic set as an artifact: its manifest and card, and its images if files are asked for."""
    import wandb

    artifact = wandb.Artifact(tracked.twins.name, type="synthetic-set")
    files = sorted(path for path in tracked.twins.rglob("*") if path.is_file()) if tracked.files else []
    for file in (tracked.twins / MANIFEST, tracked.twins / CARD, *files):
        name = file.relative_to(tracked.twins).as_posix()
        if file.is_file() and not name.startswith(f"{FIT}/") and name not in artifact.manifest.entries:
            artifact.add_file(str(file), name=name)
    return artifact


def _log_painting(experiment: Any, tracked: Tracked) -> None:
    """Make the painting of the set a run of its own beside that of the training."""
    import wandb

    manifest = load_manifest(tracked.twins)
    with wandb.init(
        project=experiment.project, entity=experiment.entity or None, group=experiment.group, job_type="generate",
        dir=tracked.run.folder, name=f"set {tracked.twins.name}", id=tracked.twins.name, resume="allow",
        config=manifest["made_by"], mode="offline" if experiment.offline else "online", reinit="create_new",
    ) as painting:  # fmt: skip
        painting.summary.update(manifest.get("made_on") or {})
        painting.log_artifact(_set_artifact(tracked))


def _use(experiment: Any, artifact: Any) -> None:
    """Log an artifact as what a run used; offline as well, where wandb's own method for it asks the server."""
    if experiment.offline:
        experiment._log_artifact(artifact, is_user_created=True, use_after_commit=True)
    else:
        experiment.use_artifact(artifact)
