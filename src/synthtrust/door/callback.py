"""The callback by which Hydra checks a config: before a run, before a sweep, and around each job of a sweep."""

import logging
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from synthtrust.conventions import CONFIG, FACTS, LOCK
from synthtrust.door.check import check
from synthtrust.door.refusals import in_one_line
from synthtrust.door.sweep import Job, goes_on, jobs_of, refuse_shared_folders
from synthtrust.door.table import forget, print_table, stage_of, write_status

log = logging.getLogger(__name__)


class Door(Callback):
    """Refuses a config before its folder is made, and a sweep before its first job; reports how the jobs ended.

    Hydra turns every error of a callback into a warning, so that the command can only be ended by an exit.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.new_folders: list[Path] = []
        self.stage = ""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config of a single run."""
        _or_exit(check, config)
        folder = Path(config.hydra.run.dir)
        self.new_folders = [path for path in (folder, *folder.parents) if not path.exists()]

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config of every job."""
        self.jobs = _or_exit(jobs_of, config)
        for job in self.jobs:
            _or_exit(check, job.config, job.name)
        _or_exit(refuse_shared_folders, self.jobs)
        forget(self.jobs)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Find out whether the job's run exists already."""
        self.stage = stage_of(Path(config.hydra.runtime.output_dir))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Record how a job of a sweep ended, and let the others go on; clear up after a single run that never began.

        Raises:
            SystemExit: If a single run was refused, with the line that says why.
        """
        folder = Path(config.hydra.runtime.output_dir)
        error = job_return._return_value if job_return.status == JobStatus.FAILED else None
        line = None if error is None else in_one_line(error)
        if goes_on(config):
            write_status(folder, self.stage, error)
            if error is not None:
                log.error(line or "The job failed; the sweep goes on.", exc_info=None if line else error)
                job_return.status, job_return.return_value = JobStatus.COMPLETED, None
            return
        if not (folder / CONFIG).exists() and not (folder / FACTS).exists():
            _clear(folder, self.new_folders, refused=line is not None)
        if line is not None:
            sys.exit(line)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print how the jobs ended.

        Raises:
            SystemExit: With status 1, if a job failed.
        """
        if goes_on(config) and not print_table(self.jobs):
            sys.exit(1)


def _or_exit(ask: Any, *about: Any) -> Any:
    try:
        return ask(*about)
    except Exception as error:
        if (line := in_one_line(error)) is None:
            raise
        sys.exit(line)


def _clear(folder: Path, new_folders: list[Path], *, refused: bool) -> None:
    """Remove the lock and log of a run that was refused, and the folders that the run made if nothing is in them."""
    if refused:
        (folder / LOCK).unlink(missing_ok=True)
    for handler in logging.getLogger().handlers if refused else ():
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).parent == folder:
            handler.close()
            Path(handler.baseFilename).unlink(missing_ok=True)
    with suppress(OSError):  # ends at the first folder that is not empty
        for path in new_folders:
            path.rmdir()
