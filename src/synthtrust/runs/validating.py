"""A training that is validated and looks at no test case: its best validation score, in a file of its own."""

import logging
import math
from collections.abc import Mapping

from lightning import Trainer
from omegaconf import DictConfig

from synthtrust.conventions import VALIDATE, VALIDATION
from synthtrust.runs.own_files import read_facts, write_facts
from synthtrust.runs.run import Run

log = logging.getLogger(__name__)


def best_validation(run: Run, cfg: DictConfig) -> float | None:
    """Return the best validation score of a run, NaN if it is not defined.

    None if the config asks for the scores of test cases, or if the run is not that far.

    Raises:
        Refusal: If the file with the score is damaged.
    """
    if cfg.get("stage") != VALIDATE or not (run.finished or (run.folder / VALIDATION).exists()):
        return None
    score = (run.facts() if run.finished else read_facts(run.folder / VALIDATION))["best_val_score"]
    return float("nan") if score is None else float(score)


def write_validation(run: Run, cfg: DictConfig, trainer: Trainer, times: Mapping[str, float]) -> float:
    """Write ``validation.json`` into the folder of a run that is trained, and return its best validation score."""
    score = getattr(trainer.checkpoint_callback, "best_model_score", None)
    best = float("nan") if score is None else round(float(score), 6)
    if trainer.is_global_zero:
        facts = {"best_val_score": best if math.isfinite(best) else None, "val": cfg.data.get("val", "mix")}
        write_facts(run.folder / VALIDATION, facts | {"steps": int(trainer.global_step), **times})
        log.info("Best validation score: %.4f (%s)", best, run.folder)
    return best
