"""Commands in processes of their own that have their imports done: they are killed, or get little disk."""

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.commands import run_here

LONGEST = 120
"""Seconds that a command may take."""
TRACE = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Its exit code; that of a signal is negative."""
    text: str
    """What it printed."""
    seconds: float

    @property
    def has_traceback(self) -> bool:
        """Whether it printed an error of the program."""
        return TRACE in self.text

    @property
    def last_line(self) -> str:
        """Return the last line that it printed."""
        return next((line for line in reversed(self.text.splitlines()) if line.strip()), "")


def command(script: str, *words: str) -> Callable[[], str]:
    """Return what runs a command in the process that calls it, and returns the line it is refused with."""
    return lambda: run_here(script, *words)


def in_child(
    work: Callable[[], str], folder: Path, *, kill_after: float = LONGEST, largest_file: int = 0, memory: int = 0
) -> Ended:
    """Do some work in a forked process, in a folder, and wait for it.

    Args:
        work: Returns a line that it was refused with, or nothing.
        folder: Where it works.
        kill_after: Seconds until it gets a SIGKILL.
        largest_file: Bytes that a file may get, as on a full disk; 0 for no limit.
        memory: Bytes of addresses that it may have; 0 for no limit.
    """
    reading, writing = os.pipe()  # since the largest file is that of all files, one for what is printed among them
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_child(work, folder, writing, {resource.RLIMIT_FSIZE: largest_file, resource.RLIMIT_AS: memory})
    os.close(writing)
    pieces = []
    while (left := started + kill_after - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if not ready or not (piece := os.read(reading, 65536)):
            break
        pieces.append(piece)
    else:
        ready = []
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    text = b"".join(pieces).decode(errors="replace")
    return Ended(os.waitstatus_to_exitcode(status), text, time.monotonic() - started)


def _be_child(work: Callable[[], str], folder: Path, output: int, limits: Mapping[int, int]) -> None:
    """Do the work and leave the process at once, whatever happens."""
    code = 3
    try:
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        os.chdir(folder)
        for kind, most in limits.items():
            if most:
                resource.setrlimit(kind, (most, resource.RLIM_INFINITY))
        line = work()
        sys.stderr.write(f"{line}\n")
        code = 1 if line else 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
