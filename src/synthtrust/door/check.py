"""The check of one composed config, that of either command."""

from collections.abc import Sequence
from functools import lru_cache

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

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
    return composed(str(config.hydra.job.config_name), tuple(groups)) if others else None


def parted(overrides: Sequence[str], config: DictConfig) -> tuple[list[str], list[str]]:
    """Return the overrides that choose an option of a group, and those that set a value."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    groups: list[str] = []
    values: list[str] = []
    for text, override in zip(overrides, parser.parse_overrides(list(overrides))):
        chooses = override.get_key_element().lstrip("+~") in config.hydra.runtime.choices
        (groups if chooses else values).append(text)
    return groups, values


@lru_cache(maxsize=64)
def composed(config_name: str, groups: tuple[str, ...]) -> DictConfig:
    """Return the config of some choices; composing takes a quarter of a second, and the jobs of a sweep share it."""
    config: DictConfig = (
        GlobalHydra.instance().config_loader().load_configuration(config_name, list(groups), run_mode=RunMode.RUN)
    )
    return config
