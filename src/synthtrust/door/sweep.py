"""The jobs of a sweep, each with its config, before the first one begins."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # Hydra's own has no other address
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from synthtrust.door.check import composed, parted
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class Job:
    """One job of a sweep."""

    number: int
    overrides: tuple[str, ...]
    config: DictConfig
    folder: Path

    @property
    def name(self) -> str:
        """Its number, as Hydra counts, and what is set for it."""
        return f"#{self.number} ({' '.join(self.overrides)})"


def goes_on(config: DictConfig) -> bool:
    """Return whether a config is of a sweep whose jobs are known beforehand, and do not depend on each other."""
    basic = str(config.hydra.sweeper.get("_target_", "")).endswith(f".{BasicSweeper.__name__}")
    return bool(basic and config.hydra.mode == RunMode.MULTIRUN)


def jobs_of(config: DictConfig) -> list[Job]:
    """Return the jobs that Hydra will begin; none for a sweeper that finds them on the way."""
    if not goes_on(config):
        return []
    swept = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides([*swept, *config.hydra.overrides.task])
    (batch,) = BasicSweeper.split_arguments(overrides, None)
    return [_job(number, tuple(job), config) for number, job in enumerate(batch)]


def refuse_shared_folders(jobs: list[Job]) -> None:
    """Refuse two jobs in one folder: the second would find the run of the first, or be refused after that has trained.

    Raises:
        Refusal: If there are two.
    """
    first: dict[Path, Job] = {}
    for job in jobs:
        if (other := first.setdefault(job.folder, job)) is not job:
            raise Refusal(
                f"Expected a folder for each job of the sweep, but jobs {other.name} and {job.name} both go to "
                f"{job.folder}. Give each its own name=..., in a sweep of its own."
            )


def _job(number: int, overrides: tuple[str, ...], config: DictConfig) -> Job:
    job = _config_of(overrides, config)
    with open_dict(job):
        job.hydra.job.id, job.hydra.job.num = str(number), number  # as the launcher will
        job.hydra.overrides.task = list(overrides)
    return Job(number, overrides, job, Path(job.hydra.sweep.dir) / str(job.hydra.sweep.subdir))


def _config_of(overrides: tuple[str, ...], config: DictConfig) -> DictConfig:
    """Return a job's config: composed once for all jobs with the same options of groups, and their values set in it."""
    loader = GlobalHydra.instance().config_loader()
    groups, values = parted(overrides, config)
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(values)
    if any(override.type is not OverrideType.CHANGE for override in parsed):
        whole: DictConfig = loader.load_sweep_config(config, list(overrides))
        return whole
    job = deepcopy(composed(str(config.hydra.job.config_name), (*config.hydra.overrides.hydra, *groups)))
    for override in parsed:
        OmegaConf.update(job, override.key_or_group, override.value(), merge=True)
    return job
