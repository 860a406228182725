"""Mutated files, one after the other, in the place of the files that a reader expects."""

import logging
import pickle
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from soak.mutations import Mutated, apply, mutated
from soak.outcomes import Ending, Tally
from soak.processes import in_child
from synthtrust.door import in_one_line

LONGEST = 30
"""Seconds that a reading may take."""


class HangError(BaseException):
    """Raised in the midst of a reading that takes too long; no handler of errors catches it."""


class WrongError(Exception):
    """Raised by a reading whose result is another one than that of the whole files."""


@dataclass(frozen=True)
class Target:
    """Something that reads files."""

    name: str
    files: Sequence[Path]
    """The files that are mutated, one at a time."""
    read: Callable[[], Any]
    """Reads them to the end, and raises ``WrongError`` if it can tell that the result is wrong."""
    reset: Callable[[], None] = lambda: None
    """Puts back what a reading changes."""


MEMORY = 16 * 2**30
"""Bytes of addresses that a process of mutated files may have: a head that asks for more gets none."""


def fuzz_apart(target: Target, n: int, number: int = 0) -> Tally:
    """Do as `fuzz` in a process of its own, so that one that dies is seen and costs no more than its target."""
    with tempfile.TemporaryDirectory() as folder:
        result, journal = Path(folder, "tally"), Path(folder, "journal")

        def work() -> str:
            result.write_bytes(pickle.dumps(fuzz(target, n, number, journal)))
            return ""

        end = in_child(work, Path(folder), kill_after=LONGEST * (10 + n), memory=MEMORY)
        if result.exists():
            return pickle.loads(result.read_bytes())
        tally = Tally(target.name)
        tally.add(Ending.TRACEBACK, journal.read_text() if journal.exists() else "the first", f"it died: {end.code} "
                  f"{end.text[-1500:]}")  # fmt: skip
        return tally


def fuzz(target: Target, n: int, number: int = 0, journal: Path | None = None) -> Tally:
    """Let a target read `n` mutated files, and count how it ended; the files are as before at the end.

    Args:
        target: What reads.
        n: How many.
        number: Of the series: the same number gives the same mutations.
        journal: Where each attempt is written down before it is made.
    """
    tally = Tally(target.name)

    @seed(number)
    @settings(
        max_examples=n, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(mutated())
    def attempt(change: Mutated) -> None:
        path = target.files[change.file % len(target.files)]
        content = path.read_bytes()
        if journal is not None:
            journal.write_text(f"{path.name} {change}")
        try:
            path.write_bytes(apply(change, path, content))
            tally.add(*_ending(target, f"{path.name} {change}"))
        finally:
            path.write_bytes(content)
            target.reset()

    with _silence():
        target.read()  # whole files are read, else refusals would mean nothing
        target.reset()
        attempt()
    return tally


def _ending(target: Target, attempt: str) -> tuple[Ending, str, str]:
    try:
        with time_limit(LONGEST):
            target.read()
    except HangError:
        return Ending.HANG, attempt, f"more than {LONGEST} s"
    except WrongError as error:
        return Ending.WRONG, attempt, str(error)
    except (Exception, SystemExit) as error:
        line = in_one_line(error)
        if line is None or "\n" in line:
            return Ending.TRACEBACK, attempt, f"{type(error).__name__}: {error} {_place(error)}"
        return Ending.REFUSED, attempt, line
    return Ending.READ, attempt, ""


def _place(error: BaseException) -> str:
    """Return the last line of this project that an error came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        if "synthtrust" in trace.tb_frame.f_code.co_filename:
            place = f"({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``HangError`` in what takes longer."""

    def stop(*_: Any) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep libraries from warning thousands of times."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
