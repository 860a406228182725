"""Locks, by which several processes share the painting of a set."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def try_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a piece of work for as long as the block runs; yield whether this process got the lock.

    The operating system keeps the lock, so it ends with the process that holds it, however that process ends, and
    another process can take over the work of a killed one.

    Args:
        path: Path of the lock file in a folder that exists; the file is not removed.
        wait: Wait while another process holds the lock, instead of yielding False.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
