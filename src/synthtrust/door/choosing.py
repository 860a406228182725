"""A sweeper that chooses each run by what the runs before it have returned: it may look at validation cases alone."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # Hydra has no public name for it
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig

from synthtrust.command_line import program
from synthtrust.conventions import VALIDATE
from synthtrust.door.rules import value_of
from synthtrust.refusals import Refusal

SETTLED = (
    "alpha", "seed", "stage", "cases", "split", "duplicates", "allow_overlap", "regions", "generator", "data.mode",
    "data.confounder", "data.n_real", "data.n_synthetic", "data.val", "data.allow_real_val",
)  # fmt: skip
"""Keys that decide which cases are validated, or what is asked of them; trials that differ in one are not compared."""

RESULTS = "optimization_results.yaml"
"""File in which Optuna's sweeper leaves the best trial."""


def chooses(config: DictConfig) -> bool:
    """Return whether a sweeper may choose by what runs return; Hydra's own does not."""
    return not str(config.hydra.sweeper.get("_target_", "")).endswith(f".{BasicSweeper.__name__}")


def check_choosing(config: DictConfig) -> None:
    """Refuse to choose hyper-parameters by test cases, in the wrong direction, or by scores that are not comparable.

    Raises:
        Refusal: If that was asked for.
    """
    option = config.hydra.runtime.choices.get("hydra/sweeper")
    if (stage := value_of(config, "stage")) != VALIDATE:
        raise Refusal(
            f"Expected stage=validate for hydra/sweeper={option}, which chooses by what its runs return, but got "
            f"stage={stage}: hyper-parameters must not be chosen on test cases. Test the chosen run afterwards, once."
        )
    direction = config.hydra.sweeper.get("direction")
    if direction is not None and str(getattr(direction, "name", direction)) != "maximize":
        raise Refusal(
            f"Expected hydra.sweeper.direction=maximize, since a higher validation score is better, but got "
            f"{getattr(direction, 'name', direction)}. hydra/sweeper=optuna_tpe has it."
        )
    if unfit := [key for key in swept_keys(config) if _is_settled(key)]:
        raise Refusal(
            f"Expected one value of {unfit[0]} in all trials, which are compared on the same validation cases, but got "
            f"several. Settle it, for example alpha=1 seed=0."
        )


def swept_keys(config: DictConfig) -> list[str]:
    """Return the keys of which trials have several values."""
    params = config.hydra.sweeper.get("params") or {}
    several: dict[str, bool] = {}
    for override in _parsed([*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]):
        several[str(override.key_or_group)] = override.is_sweep_override()  # what comes later counts
    return [key for key, is_swept in several.items() if is_swept]


def what_was_chosen(config: DictConfig) -> str:
    """Return in a line which hyper-parameters are the best on validation cases, and the command that tests them.

    Empty where the sweeper has left no word.
    """
    results: Any = {}
    with suppress(OSError, yaml.YAMLError):
        results = yaml.safe_load((Path(str(config.hydra.sweep.dir)) / RESULTS).read_text(encoding="utf-8"))
    if not isinstance(results, dict) or not isinstance(best := results.get("best_params"), dict):
        return ""
    chosen = [f"{key}={value}" for key, value in best.items()]
    swept = {*swept_keys(config), "stage"}
    kept = [
        override.input_line for override in _parsed(config.hydra.overrides.task) if override.key_or_group not in swept
    ]
    command = shlex.join([*program(), *map(str, kept), *chosen])
    return f"Best on validation cases, {results['best_value']:.4f}: {' '.join(chosen)}. To test it, once: {command}"


def _is_settled(key: str) -> bool:
    return any(key == known or key.startswith(f"{known}.") for known in SETTLED)


def _parsed(overrides: Sequence[Any]) -> list[Override]:
    return OverridesParser.create().parse_overrides([str(text) for text in overrides])
