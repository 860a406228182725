"""The two commands, light at the door: the heavy imports wait until a task runs."""

import os
import re
import sys
from collections.abc import Callable

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from synthtrust.machine import keep_to_share
from synthtrust.plugins import conf_dir, find_plugins


def _number(value: object) -> float:
    """Read a number of the config: alpha=0 and alpha=0.0 are one run, in one folder."""
    try:
        return float(str(value))
    except ValueError:
        raise ValueError(f"Expected a number for `alpha`, but got {value!r}.") from None


def _wandb_id(text: object) -> str:
    """Spell out what wandb takes in no id, such as the / of name=group/sweep, so that a/b and a-b stay two."""
    return re.sub(r"[^\w.-]", lambda found: f".{ord(found[0]):x}.", str(text), flags=re.ASCII)


OmegaConf.register_new_resolver("number", _number, replace=True)
OmegaConf.register_new_resolver("wandb_id", _wandb_id, replace=True)


def train() -> None:
    """Train one model on one mix, and score it; or list the cohort."""
    _plainly(_train)


def evaluate() -> None:
    """Audit finished runs and write the page; or score other cases with them."""
    _plainly(_evaluate)


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="train")
def _train(cfg: DictConfig) -> float | None:
    keep_to_share()  # here, since a scheduler runs this on another machine than the command
    from synthtrust.runs import list_cases, train_run

    check_training(cfg)
    if cfg.cases.list:
        list_cases(cfg)
        return None
    return train_run(cfg)


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="evaluate")
def _evaluate(cfg: DictConfig) -> None:
    keep_to_share()
    from synthtrust.audits.calibration.page import calibrate
    from synthtrust.audits.evaluate import evaluate_runs, score_elsewhere

    check_evaluation(cfg)
    if "calibration" in cfg:
        calibrate(cfg)
    elif "_target_" in cfg.cases:
        score_elsewhere(cfg)
    else:
        evaluate_runs(cfg)


def check_training(cfg: DictConfig) -> None:
    """Refuse an experiment of the other command, which would compose and train something else.

    Raises:
        ValueError: If the experiment is one of evaluate.py.
    """
    if "calibration" in cfg:
        raise ValueError(
            f"Expected an experiment of train.py, but got {cfg.name}, which trains nothing. Use evaluate.py "
            f"experiment={cfg.name}."
        )


def check_evaluation(cfg: DictConfig) -> None:
    """Refuse an experiment of the other command, and a condition that nobody would look at.

    Raises:
        ValueError: If the experiment is one of train.py, or there is a ``fail_on`` where no audit is asked.
    """
    if "name" in cfg and "calibration" not in cfg:
        raise ValueError(
            f"Expected an experiment of evaluate.py, but got {cfg.name}, which trains. Use train.py "
            f"experiment={cfg.name}, then evaluate.py runs={cfg.paths.runs}/{cfg.name}."
        )
    if cfg.fail_on is not None and ("calibration" in cfg or "_target_" in cfg.cases):
        raise ValueError(
            f"Expected no fail_on, since no audit is asked of other cases or planted copies, but got {cfg.fail_on}. "
            "Leave it out."
        )


def _plainly(task: Callable[[], None]) -> None:
    """Run a task; say what a user can mend in one line, and keep the traceback for everything else."""
    find_plugins()
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # errors come through to here instead of being printed with a trace
    try:
        task()
    except (HydraException, OmegaConfBaseException) as error:
        cause = str(error.__cause__ or "")  # Hydra hides why a target fails
        if cause.startswith("Expected "):  # what it was given to read, or a value: a refusal of this project's own
            sys.exit(f"Error: {cause}")
        sys.exit(f"Error in the configuration: {error}" + (f" Because: {cause}" if cause else ""))
    except YAMLError as error:  # a file of the conf, as a rule that of a plugin; its place is in the message
        sys.exit(f"Error in the configuration: {' '.join(str(error).split())}")
    except (ValueError, FileNotFoundError) as error:
        if not str(error).startswith("Expected "):  # not one of this project's refusals
            raise
        sys.exit(f"Error: {error}")
