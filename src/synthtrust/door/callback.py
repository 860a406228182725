"""The callback by which Hydra checks a config: before a run, before a sweep, and around each job of a sweep."""

import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from hydra._internal.core_plugins.basic_launcher import BasicLauncher  # Hydra has no public name for it
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from synthtrust.command_line import command_line, page_command
from synthtrust.conventions import CONFIG, FACTS, JOB_OF_A_SWEEP, LOCK, PLAN, PREPARE
from synthtrust.door.check import check
from synthtrust.door.choosing import check_choosing, chooses, what_was_chosen
from synthtrust.door.disk import disk_line
from synthtrust.door.dry_run import print_dry_run
from synthtrust.door.engines import check_engines
from synthtrust.door.plan import announcement, planned, write_plan
from synthtrust.door.preparation import first_jobs
from synthtrust.door.refusals import in_one_line
from synthtrust.door.rules import value_of
from synthtrust.door.sweep import Job, goes_on, jobs_of, refuse_shared_folders
from synthtrust.door.table import DONE, PREPARED, Ended, forget, print_table, scores_of, stage_of, write_status
from synthtrust.door.training import check_training
from synthtrust.progress import is_first_rank, of_sweep
from synthtrust.refusals import Refusal
from synthtrust.stages import Sweep, duration

log = logging.getLogger(__name__)


class Door(Callback):
    """Refuses a config before its folder is made, and a sweep before its first job; reports how the jobs ended.

    Hydra turns every error of a callback into a warning, so that the command can only be ended by an exit.
    """

    current: ClassVar["Door | None"] = None
    """The door of the sweep that this process runs, for the table of one that is interrupted."""

    prepared_by: ClassVar[str] = ""
    """The job that paints and preprocesses for the one that this process runs; empty if that does so itself."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.firsts: dict[int, str] = {}
        self.in_this_process = True
        self.sweep: Sweep | None = None
        self.begun: list[int] = []
        self.ended: dict[int, Ended] = {}
        self.new_folders: list[Path] = []
        self.stage = ""
        self.start = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a job in another process needs: each is sent all jobs of the sweep, whose configs are large."""
        return self.__dict__ | {"jobs": [job.in_short() for job in self.jobs]}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config of a single run."""
        _or_exit(self._begin_run, config)

    def _begin_run(self, config: DictConfig) -> None:
        check(config)
        folder = Path(config.hydra.run.dir)
        if value_of(config, "stage") == PLAN:
            print_dry_run([Job(0, tuple(config.hydra.overrides.task), config, folder)], config)
            sys.exit(0)
        self.new_folders = [path for path in (folder, *folder.parents) if not path.exists()]

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the config of every job."""
        _or_exit(self._begin_sweep, config)

    def _begin_sweep(self, config: DictConfig) -> None:
        self.jobs = jobs_of(config)
        for job in self.jobs:
            check(job.config, job.name)
        refuse_shared_folders(self.jobs)
        check_engines(config)
        if chooses(config) and config.hydra.job.config_name == "train":
            check_training(config)
            check_choosing(config)
        stage = value_of(config, "stage")
        if stage == PLAN:
            print_dry_run(self.jobs, config)
            sys.exit(0)
        if stage == PREPARE:
            self.firsts = {number: job.folder.name for number, job in first_jobs(self.jobs).items()}
        if not is_first_rank() or not self.jobs:
            return
        forget(self.jobs)
        self.in_this_process, Door.current = _in_this_process(config), self
        if stage != PREPARE:
            self.sweep = planned(self.jobs)
            log.info("%s", announcement(self.jobs, self.sweep))
            write_plan(self.jobs, command_line())
            if self.in_this_process:
                of_sweep(self.sweep)

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Find out whether the job's run exists already."""
        folder = Path(config.hydra.runtime.output_dir)
        self.stage = stage_of(folder)
        self.start = time.monotonic()
        if not goes_on(config):
            return
        number = int(config.hydra.job.num)
        self.begun.append(number)
        if value_of(config, "stage") == PREPARE:
            first = self.firsts.get(number, folder.name)
            Door.prepared_by = "" if first == folder.name else first
            self.stage = f"as {first}" if Door.prepared_by else PREPARED
        if self.sweep is not None:
            self.sweep.number, self.sweep.began = number + 1, self.start

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Record how a job of a sweep ended, and let the others go on; clear up after a single run that never began.

        Raises:
            SystemExit: If a single run was refused, with the line that says why.
        """
        folder = Path(config.hydra.runtime.output_dir)
        error = job_return._return_value if job_return.status == JobStatus.FAILED else None
        line = None if error is None else in_one_line(error)
        if goes_on(config):
            ended = self.ended[int(config.hydra.job.num)] = Ended.by(self.stage, error)
            if error is not None:
                log.error(line or "The job failed; the sweep goes on.", exc_info=None if line else error)
                job_return.status, job_return.return_value = JobStatus.COMPLETED, None
            try:
                if is_first_rank():
                    write_status(folder, ended)
            except OSError as problem:  # a full disk for example, of which the job has most likely failed as well
                log.warning("%s", disk_line(problem) or problem)
            self._say_how_far(config, failed=error is not None)
            return
        if not (folder / CONFIG).exists() and not (folder / FACTS).exists():
            _clear(folder, self.new_folders, refused=line is not None)
        if config.hydra.mode == RunMode.MULTIRUN:
            return  # the sweeper decides whether it goes on
        if error is not None and JOB_OF_A_SWEEP in os.environ and is_first_rank():
            why = str(error) if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
            write_status(folder, Ended("failed", why))
        if line is not None:
            sys.exit(line)
        if config.hydra.job.config_name == "train" and (folder / FACTS).exists() and is_first_rank():
            log.info("Next, the page: %s", page_command([folder.parent]))

    def _say_how_far(self, config: DictConfig, *, failed: bool) -> None:
        """Log how a job ended, and how long the others take."""
        if self.sweep is None:
            return
        job = self.jobs[int(config.hydra.job.num)]
        seconds = time.monotonic() - self.start
        if self.stage not in DONE:
            self.sweep.to_train -= 1
            self.sweep.known += [] if failed else [seconds]
        scores = scores_of(job, self.jobs)
        left = self.sweep.left() if self.in_this_process and self.sweep.to_train else None
        parts = (
            scores.line() if scores is not None and not failed else "",
            "" if self.stage in DONE else duration(seconds),
            "" if left is None else f"about {duration(left)} left",
        )
        words = "; ".join(part for part in parts if part)
        log.info(
            "Run %d of %d, %s, %s%s", job.number + 1, len(self.jobs), job.folder.name,
            "failed" if failed else self.stage, f": {words}" if words else "",
        )  # fmt: skip

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print how the jobs ended.

        Raises:
            SystemExit: With status 1, if a job failed.
        """
        if not is_first_rank():
            return
        if not goes_on(config):
            if line := what_was_chosen(config):
                log.info("%s", line)
            return
        whole = print_table(self.jobs, ended=self.ended)
        self._leave()
        if not whole:
            log.error("Not all runs are finished. The same command makes those that are not: %s", command_line())
            sys.exit(1)
        if value_of(config, "stage") == PREPARE:
            log.info("Twins and cache are made. Next, the same command without stage=prepare.")
            return
        folders = dict.fromkeys(job.folder.parent for job in self.jobs)
        if all((job.folder / FACTS).exists() for job in self.jobs):
            log.info("Next, the page: %s", page_command(list(folders)))

    @classmethod
    def cut_short(cls) -> bool:
        """Print how far a sweep has come that is stopped, by a signal or by an error outside of its jobs.

        Returns:
            Whether there is a sweep whose jobs are processes of a launcher, one of which may be lost.
        """
        if (door := cls.current) is None:
            return False
        print_table(door.jobs, door.begun if door.in_this_process else None, door.ended)
        door._leave()
        return not door.in_this_process

    def _leave(self) -> None:
        of_sweep(None)
        Door.current = None


def _in_this_process(config: DictConfig) -> bool:
    """Return whether the jobs of a sweep run one after the other in this process, so that it knows the time left."""
    return str(config.hydra.launcher.get("_target_", "")).endswith(f".{BasicLauncher.__name__}")


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
        with suppress(OSError):
            (folder / LOCK).unlink()
    for handler in logging.getLogger().handlers if refused else ():
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).parent == folder:
            handler.close()
            with suppress(OSError):
                Path(handler.baseFilename).unlink()
    with suppress(OSError):  # ends at the first folder that is not empty
        for path in new_folders:
            path.rmdir()
