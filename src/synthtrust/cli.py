"""The two commands; heavy libraries are imported only when a task runs, so that a refusal comes at once."""

import hashlib
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

import hydra
from omegaconf import DictConfig, OmegaConf

from synthtrust.allocation import use_large_pages
from synthtrust.command_line import command_line
from synthtrust.conventions import PREPARE, VALIDATE
from synthtrust.door import Door, help_text, in_one_line
from synthtrust.interrupts import Interrupted, stopped_by_signals
from synthtrust.machine import keep_to_share
from synthtrust.plugins import conf_dir, find_plugins
from synthtrust.quiet import quiet_libraries
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)


def _number(value: object) -> float:
    """Read a number of the config, so that alpha=0 and alpha=0.0 are the same run in the same folder."""
    try:
        return float(str(value))
    except ValueError:
        raise Refusal(f"Expected a number for `alpha`, but got {value!r}.") from None


def _wandb_id(text: object) -> str:
    """Escape characters that wandb allows in no id, such as / in name=group/sweep; different names stay different."""
    return re.sub(r"[^\w.-]", lambda match: f".{ord(match[0]):x}.", str(text), flags=re.ASCII)


def _mode_suffix(mode: object) -> str:
    """Name a mode behind the folder of a run, so that a mix and its controls lie side by side; nothing for complement.

    >>> _mode_suffix("complement"), _mode_suffix("real_only")
    ('', '_real_only')
    """
    return "" if mode in (None, "complement") else f"_{mode}"


def _size_suffix(n_real: object, n_synthetic: object) -> str:
    """Name the numbers of cases behind the folder of a run; nothing for those that are not given.

    >>> _size_suffix(None, None), _size_suffix(20, None), _size_suffix(20, 400)
    ('', '_real_20', '_real_20_synthetic_400')
    """
    sizes = {"real": n_real, "synthetic": n_synthetic}
    return "".join(f"_{source}_{n}" for source, n in sizes.items() if n is not None)


def _split_suffix(repeat: object) -> str:
    """Name a repeated split behind the folder of a run; nothing for the first.

    >>> _split_suffix(0), _split_suffix(2)
    ('', '_split_2')
    """
    return f"_split_{repeat}" if repeat else ""


def _step_suffix(step: object) -> str:
    """Name the step of the generator's training whose weights paint; nothing for the last.

    >>> _step_suffix(None), _step_suffix(500)
    ('', '_step_500')
    """
    return "" if step is None else f"_step_{step}"


def _trial_suffix(stage: object, overrides: Sequence[object]) -> str:
    """Name a training that is only validated behind its folder, by all that is set for it but share and seed.

    Trials of hyper-parameters lie side by side then, and the same trial is found again.

    >>> _trial_suffix("test", ["model.optimizer.lr=0.1"])
    ''
    >>> _trial_suffix("validate", ["model.optimizer.lr=0.1", "alpha=0.5", "stage=validate"])
    '_trial_fd4a63f5'
    """
    if stage != VALIDATE:
        return ""
    named = ("alpha", "seed", "stage", "name")
    words = sorted(str(text) for text in overrides if str(text).partition("=")[0] not in named)
    return f"_trial_{hashlib.sha256(chr(10).join(words).encode()).hexdigest()[:8]}"


OmegaConf.register_new_resolver("number", _number, replace=True)
OmegaConf.register_new_resolver("mode_suffix", _mode_suffix, replace=True)
OmegaConf.register_new_resolver("size_suffix", _size_suffix, replace=True)
OmegaConf.register_new_resolver("split_suffix", _split_suffix, replace=True)
OmegaConf.register_new_resolver("step_suffix", _step_suffix, replace=True)
OmegaConf.register_new_resolver("trial_suffix", _trial_suffix, replace=True)
OmegaConf.register_new_resolver("command_help", lambda command: help_text(command).replace("$", "$$"), replace=True)
OmegaConf.register_new_resolver("wandb_id", _wandb_id, replace=True)


def train() -> None:
    """Train one model on one mix and score it; or write that mix for another trainer, or list the cohort."""
    _plainly(_train)


def evaluate() -> None:
    """Audit finished runs or a set that was received and write the page, or score other cases with runs."""
    _plainly(_evaluate)


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="train")
def _train(cfg: DictConfig) -> float | None:
    if cfg.stage == PREPARE and Door.prepared_by:
        log.info("Twins and cache are made by %s.", Door.prepared_by)
        return None
    use_large_pages()
    keep_to_share(cfg.threads)  # in the task, since a scheduler may run it on another machine than the command
    from synthtrust.runs import export_run, list_cases, prepare_run, train_run

    if cfg.cases.list:
        list_cases(cfg)
        return None
    if cfg.stage == PREPARE:
        prepare_run(cfg)
        return None
    if cfg.get("export") is not None:
        export_run(cfg)
        return None
    return train_run(cfg)


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="evaluate")
def _evaluate(cfg: DictConfig) -> None:
    use_large_pages()
    keep_to_share(cfg.threads)
    quiet_libraries()
    from synthtrust import evaluation  # which imports what is asked of it

    if "plan" in cfg:
        evaluation.plan_study(cfg)
    elif "calibration" in cfg:
        evaluation.calibrate(cfg)
    elif cfg.get("generator") is not None:
        evaluation.audit_received_set(cfg)
    elif "_target_" in cfg.cases:
        evaluation.score_elsewhere(cfg)
    else:
        evaluation.evaluate_runs(cfg)


def multirun_first(arguments: Sequence[str]) -> list[str]:
    """Return arguments with an ``-m`` from amid them in front, since Hydra understands no options on both its sides.

    >>> multirun_first(["alpha=0,1", "-m", "seed=0,1"]), multirun_first(["alpha=0,1", "-m"])
    (['-m', 'alpha=0,1', 'seed=0,1'], ['alpha=0,1', '-m'])
    """
    words = ("-m", "--multirun")
    return sorted(arguments, key=lambda word: word not in words) if {*words} & {*arguments[:-1]} else list(arguments)


def _plainly(task: Callable[[], None]) -> None:
    """Run a task; print an error that the user can mend in one line, and any other with its traceback.

    ``--version`` names the version of this project; Hydra's own stands in ``--help``.
    """
    if "--version" in sys.argv[1:]:
        print(f"synthtrust {version('synthtrust')}")  # noqa: T201  it is what was asked for
        return
    sys.argv[1:] = multirun_first(sys.argv[1:])
    find_plugins()
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # makes Hydra pass errors on instead of printing them
    logging.raiseExceptions = False  # a log on a full disk ends nothing, and needs no traceback for each line
    try:
        with stopped_by_signals():
            task()
    except Interrupted as end:
        Door.cut_short()
        log.warning("Interrupted. What is finished is kept, and the same command goes on: %s", command_line())
        sys.exit(end.code)
    except BrokenPipeError:  # of a reader such as head, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        is_lost, line = Door.cut_short(), in_one_line(error)
        if is_lost and line is None:  # a launcher has lost the process of a job
            line = f"Error: the launcher ended with {type(error).__name__}. The same command goes on: {command_line()}"
        if line is None:
            raise
        log.debug("Where it came about:", exc_info=error)
        sys.exit(line)
