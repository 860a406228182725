"""What runs the jobs of a sweep, or chooses them: packages that only some users need."""

import logging
import os
from importlib.util import find_spec

from omegaconf import DictConfig

from synthtrust.refusals import Refusal

PACKAGES = {
    "hydra_joblib_launcher": "hydra-joblib-launcher",
    "hydra_submitit_launcher": "hydra-submitit-launcher",
    "hydra_ray_launcher": "hydra-ray-launcher",
    "hydra_optuna_sweeper": "hydra-optuna-sweeper",
}
"""Module in ``hydra_plugins`` -> the package that brings it."""


def check_engines(config: DictConfig) -> None:
    """Refuse a launcher or a sweeper whose package is not installed; keep Ray from reporting its use, and quiet others.

    Raises:
        Refusal: If there is one.
    """
    for group in ("launcher", "sweeper"):
        module = str(config.hydra[group].get("_target_", "")).partition("hydra_plugins.")[2].partition(".")[0]
        if module in PACKAGES and not is_installed(module):
            option = config.hydra.runtime.choices.get(f"hydra/{group}", module)
            raise Refusal(
                f"Expected {PACKAGES[module]} for hydra/{group}={option}, but it is not installed. Run pip install "
                f"{PACKAGES[module]}."
            )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # of Optuna, which tells of its own parts


def is_installed(module: str) -> bool:
    """Return whether Hydra has a plugin in a module."""
    try:
        return find_spec(f"hydra_plugins.{module}") is not None
    except ModuleNotFoundError:  # there is no plugin at all
        return False
