"""Claims: who paints what, when several processes paint one set."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claim(path: Path, *, wait: bool) -> Iterator[bool]:
    """Claim a piece of work for as long as the block runs; yields whether it is ours.

    The claim is a lock of the operating system: it ends with the process that holds it, however that ends, so that
    the work of a killed process is free again.

    Args:
        path: The path of the lock file, which stays; its folder exists.
        wait: Wait while another process holds the claim, instead of going without.
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
