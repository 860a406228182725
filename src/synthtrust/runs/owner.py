"""One owner at a time: the process that works in the folder of a run, and its name for others that want the folder."""

import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from synthtrust.conventions import LAST, LOCK, OWNER
from synthtrust.files import read_json, remove_leftovers, write_json
from synthtrust.refusals import Refusal

log = logging.getLogger(__name__)

JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
"""Environment variables in which schedulers give a job its id."""


@contextmanager
def owned(folder: Path, *, wait: bool = True, together: bool = True) -> Iterator[None]:
    """Own a run's folder for as long as the block runs.

    The operating system keeps the lock, so it ends with the process that holds it, however that process ends. Only the
    first rank takes the lock; the other ranks of the same run do not need it.

    Args:
        folder: The folder of the run; it is made if it does not exist.
        wait: Wait until another owner has ended. The first of several ranks that a scheduler started never waits,
            since the other ranks are already waiting for it.
        together: Whether ranks that a scheduler started train this run together. If each trains alone, by mistake or
            with a seed of its own, each needs the lock.

    Raises:
        Refusal: If another process owns the folder, and this one is not to wait.
    """
    if together and _rank() > 0:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait or (together and _ranks() > 1):
            raise Refusal(
                f"Expected a run that nobody else is working on, but {folder} is owned by {_owner(folder)}. Wait until "
                "that has ended, or choose another name=..."
            ) from None
        log.warning("Waiting for %s, which is owned by %s", folder, _owner(folder))
        lock.acquire(poll_interval=1)
    try:
        for home in (folder, (folder / LAST).parent):  # no other process writes there now
            remove_leftovers(home)
        write_json(folder / OWNER, _myself())
        yield
    finally:
        with suppress(OSError):  # it is no more than a name
            (folder / OWNER).unlink()
        lock.release()


def _myself() -> dict[str, object]:
    job = next((os.environ[name] for name in JOB_IDS if name in os.environ), None)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": platform.node(), "pid": os.getpid(), "job": job, "began": began}


def _owner(folder: Path) -> str:
    """Describe the owner of a folder; its name is written a moment after the lock is taken, and may be missing yet."""
    try:
        owner = read_json(folder / OWNER)
        job = f", job {owner['job']}" if owner["job"] else ""
        return f"process {owner['pid']} on {owner['host']}{job}, since {owner['began']}"
    except (OSError, ValueError, TypeError, KeyError):  # not there yet, or damaged
        return "another process"


def _rank() -> int:
    """Return the rank that a launcher gave this process; PyTorch's process group need not be initialised yet."""
    return next((int(os.environ[name]) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK") if name in os.environ), 0)


def _ranks() -> int:
    """Return how many ranks a scheduler or torchrun started."""
    return next((int(os.environ[name]) for name in ("WORLD_SIZE", "SLURM_NTASKS") if name in os.environ), 1)
