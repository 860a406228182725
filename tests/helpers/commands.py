"""Commands as a user types them, through the real parser: up to the door, through it here, or as a process."""

import logging
import os
import subprocess
import sys
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig

from synthtrust import cli
from synthtrust.door import Door, in_one_line
from synthtrust.plugins import conf_dir, find_plugins

ROOT = Path(__file__).parents[2]


def knock(script: str, *words: str) -> list[DictConfig]:
    """Bring a command to the door, and return the configs of its jobs; what it is refused with is raised."""
    find_plugins()
    args = get_args_parser().parse_args(list(words))
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        config = GlobalHydra.instance().hydra.compose_config(
            script.removesuffix(".py"),
            [*args.overrides, *(["hydra.mode=MULTIRUN"] if args.multirun else [])],
            RunMode.MULTIRUN if args.multirun else RunMode.RUN,
        )
        door = Door()
        (door.on_multirun_start if args.multirun else door.on_run_start)(config)
    return [job.config for job in door.jobs] if args.multirun else [config]


def refusal(script: str, *words: str) -> str:
    """Return the line that a command is refused with at the door; empty if it may enter."""
    try:
        knock(script, *words)
    except SystemExit as end:
        return str(end) if end.code else ""  # a command that only says what it would do ends at the door
    except Exception as error:
        line = in_one_line(error)
        if line is None:
            raise
        return line
    return ""


def run_here(script: str, *words: str) -> str:
    """Run a command within this process, and return what it ended with; empty if it came to its end."""
    root, argv = logging.getLogger(), sys.argv
    handlers, level = root.handlers[:], root.level
    try:
        sys.argv = [script, *words]
        (cli.train if script == "train.py" else cli.evaluate)()
    except SystemExit as end:
        return str(end)
    finally:
        sys.argv = argv
        root.handlers[:] = handlers
        root.setLevel(level)
    return ""


def command(folder, script, *arguments, **variables):
    """Run a command as a process of its own in a folder, with more environment variables."""
    program = [script] if script.startswith("-") else [str(ROOT / script)]
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=folder, env=environment(**variables), capture_output=True,
        text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip


def environment(**variables):
    """Return the environment of a process that nobody has started as a rank, with more variables."""
    of_ranks = ("LOCAL_RANK", "WORLD_SIZE")
    return {key: value for key, value in os.environ.items() if key not in of_ranks} | variables
