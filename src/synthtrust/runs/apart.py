"""A run of a sweep that is trained by several ranks: each in a process of its own, which can start them."""

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import to_absolute_path
from omegaconf import DictConfig

from synthtrust.conventions import JOB_OF_A_SWEEP, STATUS
from synthtrust.files import read_json
from synthtrust.plugins import conf_dir
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

OF_THE_SWEEP = ("hydra.mode", "hydra.sweep.", "hydra/sweeper", "hydra.sweeper.", "hydra/launcher", "hydra.launcher.")
"""What the settings begin with that Hydra has for a sweep alone."""
INSTALLED = "synthtrust-train"
"""The program that an installation brings."""


def needs_own_process(cfg: DictConfig) -> bool:
    """Return whether a run is a job of a sweep, and starts ranks by itself.

    Lightning starts the other ranks with the command of this process, so that each of them would run the whole sweep
    again, and it does so once in a process: later jobs would silently train and test on a part of the cases. Ranks that
    a scheduler has started go through the sweep side by side.
    """
    in_a_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    started = int(os.environ.get("SLURM_NTASKS", 1)) > 1 or {"TORCHELASTIC_RUN_ID", "LOCAL_RANK"} & {*os.environ}
    return bool(in_a_sweep and has_ranks(cfg) and not started)


def has_ranks(cfg: DictConfig) -> bool:
    """Return whether a run is trained by several ranks, whoever starts them."""
    several = cfg.trainer.devices not in (1, "1", [0]) or cfg.trainer.get("num_nodes", 1) != 1
    one_gpu = cfg.trainer.devices == "auto" and torch.cuda.device_count() <= 1
    return several and not one_gpu


def run_apart(folder: Path) -> None:
    """Run this job of a sweep as a command of its own, and wait for its end.

    Args:
        folder: The folder of the run.

    Raises:
        Refusal: If the command fails, with what it says of the reason.
    """
    hydra = HydraConfig.get()
    more = [str(source.path) for source in hydra.runtime.config_sources if source.provider == "command-line"]
    command = command_of(script(), more, list(hydra.overrides.hydra), list(hydra.overrides.task), folder)
    (folder / STATUS).unlink(missing_ok=True)
    with subprocess.Popen(command, cwd=hydra.runtime.cwd, env=os.environ | {JOB_OF_A_SWEEP: "1"}) as process:
        try:
            process.wait()
        except BaseException:  # a signal, which only this process may have got
            process.terminate()
            raise
    if process.returncode:
        raise Refusal(
            why_failed(folder) or f"Expected a run that ends well, but its process left {process.returncode}."
        )


def why_failed(folder: Path) -> str:
    """Return why the command failed that trains in a folder, as it has left it there; empty if it left no word."""
    try:
        return str(read_json(folder / STATUS)["why"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def script() -> Path:
    """Return the program that trains: that of this process, or where a launcher began it, the one of this package."""
    own = Path(to_absolute_path(sys.argv[0]))
    if own.name in ("train.py", INSTALLED):
        return own
    checkout = Path(conf_dir()).with_name("train.py")
    return checkout if checkout.is_file() else Path(sys.executable).with_name(INSTALLED)


def command_of(
    program: Path, more: Sequence[str], of_hydra: Sequence[str], of_task: Sequence[str], folder: Path
) -> list[str]:
    """Return the command that does one job of a sweep.

    Args:
        program: What trains.
        more: A further folder with configs, if the sweep's command names one.
        of_hydra: What is set for Hydra.
        of_task: All that is set for the job.
        folder: The folder of the run.
    """
    flags = [f"--config-dir={path.removeprefix('file://')}" for path in more]
    kept = [text for text in of_hydra if not text.lstrip("+~").startswith((*OF_THE_SWEEP, "hydra.run.dir"))]
    path = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return [sys.executable, str(program), *flags, *kept, *of_task, f'hydra.run.dir="{path}"']
