"""The check of one composed config, that of either command."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig

from synthtrust.door.addresses import refuse_addresses
from synthtrust.door.evaluation import check_evaluation, check_runs
from synthtrust.door.kinds import check_kinds
from synthtrust.door.renamed import refuse_old_names
from synthtrust.door.training import check_training
from synthtrust.refusals import Refusal


def check(config: DictConfig, job: str = "") -> None:
    """Refuse a config that cannot work.

    Args:
        config: As Hydra composed it, with its own node.
        job: Name of the job of a sweep, for the refusal; empty for a single run.

    Raises:
        Refusal: If it cannot work.
        MissingFileRefusal: If an evaluation finds no finished run.
    """
    try:
        refuse_old_names(config)
        refuse_addresses(config)
        if config.hydra.job.config_name == "evaluate":
            check_evaluation(config)
            check_runs(config)
        else:
            check_training(config)
        if (default := default_of(config)) is not None:
            check_kinds(config, default)
    except Refusal as error:
        if not job:
            raise
        raise Refusal(f"{error} This is of the sweep's job {job}; none was begun.") from error


def default_of(config: DictConfig) -> DictConfig | None:
    """Return the config of the same choices without anything else that a user set; None where nothing else was set."""
    groups, others = parted([str(text) for text in config.hydra.overrides.task], config)
    return composed(config, groups) if others else None


@dataclass(frozen=True)
class Setting:
    """An override, as typed in a command, and what Hydra reads in it."""

    text: str
    key: str
    """The key or group that it sets, with its package."""
    kind: OverrideType
    path: str
    """The key without what stands behind an @."""
    value: Any


@lru_cache(maxsize=1024)
def read_override(text: str) -> Setting:
    """Return what Hydra reads in an override; the jobs of a sweep share most of theirs."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    (override,) = parser.parse_overrides([text])
    key = override.get_key_element().lstrip("+~")
    value = None if override.is_sweep_override() else override.value()
    return Setting(text, key, cast(OverrideType, override.type), override.key_or_group, value)


def parted(overrides: Sequence[str], config: DictConfig) -> tuple[list[Setting], list[Setting]]:
    """Return the overrides that choose an option of a group, and those that set a value."""
    groups: list[Setting] = []
    values: list[Setting] = []
    for setting in map(read_override, overrides):
        (groups if setting.key in config.hydra.runtime.choices else values).append(setting)
    return groups, values


def composed(config: DictConfig, groups: Sequence[Setting]) -> DictConfig:
    """Return the config of some choices, and of what a command sets for Hydra; it is shared, and not to be changed."""
    texts = (*map(str, config.hydra.overrides.hydra), *(group.text for group in groups))
    return _stored(str(config.hydra.job.config_name), texts)


@lru_cache(maxsize=64)
def _stored(config_name: str, overrides: tuple[str, ...]) -> DictConfig:
    """Compose a config once; composing takes a quarter of a second, and the jobs of a sweep share it."""
    loader = GlobalHydra.instance().config_loader()
    config: DictConfig = loader.load_configuration(config_name, list(overrides), run_mode=RunMode.RUN)
    return config
