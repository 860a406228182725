"""The two commands, light at the door: the heavy imports wait until a task runs."""

import hydra
from omegaconf import DictConfig

from synthtrust.plugins import conf_dir, find_plugins

find_plugins()


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="train")
def train(cfg: DictConfig) -> float | None:
    """Train one model on one mix, and score it."""
    from synthtrust.runs import list_cases, train_run

    if cfg.cases.list:
        list_cases(cfg)
        return None
    return train_run(cfg)


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="evaluate")
def evaluate(cfg: DictConfig) -> None:
    """Audit finished runs, and write the page."""
    from synthtrust.audits.evaluate import evaluate_runs, score_elsewhere

    if "cases" in cfg:
        score_elsewhere(cfg)
    else:
        evaluate_runs(cfg)
