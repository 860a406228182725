"""Locks: which process paints which twins of a set that several processes paint."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def try_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a piece of work for as long as the block runs; yield whether this process holds the lock.

    It is a lock of the operating system: it ends with the process that holds it, however that ends, so that
    the work of a killed process is free again.

    Args:
        path: Path of the lock file, which stays; its folder exists.
        wait: Wait while another process holds the lock, instead of going without.
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
