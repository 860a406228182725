"""The jobs of a sweep, each with its config, known before the first one begins."""

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # Hydra has no public name for it
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
    """The number of the job, from 0, as Hydra counts."""
    overrides: tuple[str, ...]
    """Everything that is set for the job, as typed."""
    config: DictConfig
    folder: Path
    """The folder of the job's run."""

    @property
    def name(self) -> str:
        """The number of the job and everything that is set for it."""
        return f"#{self.number} ({' '.join(self.overrides)})"

    def in_short(self) -> "Job":
        """Return the job with so much of its config as tells which scores are shown of it."""
        mode = OmegaConf.select(self.config, "data.mode")
        config = OmegaConf.create({"alpha": OmegaConf.select(self.config, "alpha"), "data": {"mode": mode}})
        return replace(self, overrides=(), config=config)


def goes_on(config: DictConfig) -> bool:
    """Return whether a config belongs to a sweep whose jobs are known beforehand, so that it goes on when one fails."""
    basic = str(config.hydra.sweeper.get("_target_", "")).endswith(f".{BasicSweeper.__name__}")
    return bool(basic and config.hydra.mode == RunMode.MULTIRUN)


def jobs_of(config: DictConfig) -> list[Job]:
    """Return the jobs that Hydra will begin; none for a sweeper that chooses each job after the ones before."""
    if not goes_on(config):
        return []
    swept = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides([*swept, *config.hydra.overrides.task])
    (batch,) = BasicSweeper.split_arguments(overrides, None)
    return [_job(number, tuple(job), config) for number, job in enumerate(batch)]


def refuse_shared_folders(jobs: list[Job]) -> None:
    """Refuse two jobs in one folder: the second would find the run of the first, or fail after the first has trained.

    Raises:
        Refusal: If two jobs share a folder.
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
        job.hydra.job.id, job.hydra.job.num = str(number), number  # as the launcher will set them
        job.hydra.overrides.task = list(overrides)
    return Job(number, overrides, job, Path(job.hydra.sweep.dir) / str(job.hydra.sweep.subdir))


def _config_of(overrides: tuple[str, ...], config: DictConfig) -> DictConfig:
    """Return the config of a job: that of its options of groups, composed once for all jobs, with its values set."""
    groups, values = parted(overrides, config)
    if any(setting.kind is not OverrideType.CHANGE for setting in values):
        whole: DictConfig = GlobalHydra.instance().config_loader().load_sweep_config(config, list(overrides))
        return whole
    job = deepcopy(composed(config, groups))
    for setting in values:
        OmegaConf.update(job, setting.path, setting.value, merge=True)
    return job
