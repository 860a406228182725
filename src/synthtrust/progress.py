"""Progress of long work with the time left: a bar in a terminal, and a plain line from time to time in a log."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.text import Text

log = logging.getLogger(__name__)

Item = TypeVar("Item")

FIRST_HOUR, LATER = 60.0, 300.0
"""Seconds between two lines in the first hour of a stage, and after it."""
HOUR = 3600.0
TICK = 1.0
RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
"""Environment variables in which launchers give a process its rank; only the first rank reports."""


@dataclass
class Stage:
    """A part of the work that takes a while, such as painting or one training."""

    title: str
    total: float | None = None
    """How many items there are; None if nobody knows."""
    done: float = 0
    note: str = ""
    """What a line adds, such as the latest loss."""
    repeats: bool = False
    """Whether every run of a sweep has this stage, and it takes most of a run's time."""
    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    """Items that were done when the stage began, such as the steps of a resumed training."""
    lines: int = 0

    def __post_init__(self) -> None:
        self.first = self.done if self.first is None else self.first

    def update(self, done: float, note: str | None = None) -> None:
        """Say how many items are done by now, and what is worth knowing of the last."""
        self.done = done
        self.note = self.note if note is None else note

    @property
    def seconds(self) -> float:
        """The seconds since the stage began."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """The seconds that are left, if the other items take as long as those before; None if nobody knows."""
        made = self.done - (self.first or 0)
        return None if self.total is None or made <= 0 else self.seconds / made * max(0.0, self.total - self.done)

    def line(self) -> str:
        """Return where the stage stands, in one line.

        >>> stage = Stage("Painting twins", total=40, done=10, first=0, began=time.monotonic() - 600)
        >>> stage.line()
        'Painting twins: 10 of 40, about 30 min left'
        """
        counts = f"{self.done:.0f}" + (f" of {self.total:.0f}" if self.total is not None else "")
        parts = [counts] if self.total is not None or self.done else [f"{duration(self.seconds)} so far"]
        left = self.left
        parts += [text for text in (self.note, "" if left is None else f"about {duration(left)} left") if text]
        return f"{self.title}: {', '.join(parts)}"


@dataclass
class Sweep:
    """The runs of a sweep: how many there are, and how long those took that have ended."""

    runs: int
    """Runs of the sweep."""
    to_train: int
    """Those that are not finished yet, the one that is being trained included."""
    number: int = 0
    """The run that is being trained, from 1."""
    known: list[float] = field(default_factory=list)
    """Seconds of runs that have ended, of this sweep or of earlier ones of the same study."""
    began: float = field(default_factory=time.monotonic)
    """When the run that is being trained began."""

    @property
    def each(self) -> float | None:
        """The seconds of a run, the median of those that have ended; None if there is none."""
        ordered = sorted(self.known)
        return ordered[len(ordered) // 2] if ordered else None

    def left(self, of_run: float | None = None) -> float | None:
        """Return the seconds that are left; None if nobody knows.

        Args:
            of_run: Seconds that are left of the run that is being trained; None if none is, or nobody knows.

        >>> Sweep(runs=4, to_train=3, known=[60.0, 62.0, 90.0]).left()
        186.0
        """
        if of_run is not None:
            each = self.each or time.monotonic() - self.began + of_run
            return of_run + each * (self.to_train - 1)
        return None if self.each is None else self.each * self.to_train


class _Reporter:
    """Shows the stages that are under way, the outermost first; a thread of its own writes the lines."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.sweep: Sweep | None = None
        self.lock = threading.RLock()
        self.stop: threading.Event | None = None
        self.last_line = 0.0
        self.bar: Progress | None = None
        self.tasks: dict[int, TaskID] = {}

    def begin(self, stage: Stage) -> None:
        with self.lock:
            self.stages.append(stage)
            if self.stop is None:
                self.stop, self.last_line = threading.Event(), time.monotonic()
                threading.Thread(target=self._watch, args=(self.stop,), daemon=True, name="progress").start()
            if sys.stderr.isatty():
                if self.bar is None:
                    self.bar = _open_bar()
                self.tasks[id(stage)] = self.bar.add_task("", total=stage.total, stage=stage)

    def end(self, stage: Stage) -> None:
        with self.lock:
            self.stages.remove(stage)
            if (task := self.tasks.pop(id(stage), None)) is not None and self.bar is not None:
                self.bar.remove_task(task)
            if not self.stages:
                if self.bar is not None:
                    self.bar.stop()
                    self.bar = None
                if self.stop is not None:
                    self.stop.set()
                    self.stop = None
        if stage.lines:
            _write(f"{stage.title}: ended after {duration(stage.seconds)}")

    def shown(self, stage: Stage) -> None:
        """Move the bar of a stage."""
        if self.bar is not None and (task := self.tasks.get(id(stage))) is not None:
            self.bar.update(task, completed=stage.done, total=stage.total)

    def line(self) -> str:
        """Return where the work stands: the innermost stage that counts, and the sweep around it."""
        with self.lock:
            counted = [stage for stage in self.stages if stage.total is not None] or self.stages[:1]
            if not counted:
                return ""
            innermost = counted[-1]
            outer = [stage.title for stage in self.stages if stage is not innermost and stage.total is None][:1]
            innermost.lines += 1
            text = ": ".join([*outer, innermost.line()])
            if self.sweep is None or not self.sweep.number:
                return text
            left = self.sweep.left(innermost.left) if innermost.repeats and innermost.left is not None else None
            of_sweep = "" if left is None else f"; the sweep about {duration(left)}"
            return f"Run {self.sweep.number} of {self.sweep.runs}. {text}{of_sweep}"

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(TICK):
            with self.lock:
                oldest = max((stage.seconds for stage in self.stages), default=0.0)
                if time.monotonic() - self.last_line < (FIRST_HOUR if oldest < HOUR else LATER):
                    continue
                self.last_line = time.monotonic()
                text = self.line()
            if text:
                _write(text)


_reporter = _Reporter()


@contextmanager
def stage(title: str, total: float | None = None, *, done: float = 0, repeats: bool = False) -> Iterator[Stage]:
    """Report a stage of the work as long as the block runs.

    Args:
        title: What is done, such as ``Painting twins``.
        total: How many items there are; None if nobody knows.
        done: How many were done before.
        repeats: Whether every run of a sweep has this stage, and it takes most of a run's time.
    """
    entered = Stage(title, total, done, repeats=repeats)
    if not is_first_rank():
        yield entered
        return
    _reporter.begin(entered)
    try:
        yield entered
    finally:
        _reporter.end(entered)


def moved(entered: Stage, done: float, note: str | None = None) -> None:
    """Say how many items of a stage are done by now, to its bar as well."""
    entered.update(done, note)
    _reporter.shown(entered)


def track(items: Iterable[Item], title: str, *, total: float | None = None, disable: bool = False) -> Iterator[Item]:
    """Yield items, and report how many are done.

    Args:
        items: What is worked on.
        title: What is done.
        total: How many there are; the length of ``items`` if it has one.
        disable: Yield them without a word.

    >>> list(track([1, 2], "Counting"))
    [1, 2]
    """
    if disable:
        yield from items
        return
    known = len(items) if total is None and isinstance(items, Sized) else total
    with stage(title, known) as entered:
        for number, item in enumerate(items, start=1):
            yield item
            moved(entered, number)


def of_sweep(sweep: Sweep | None) -> None:
    """Have every line say which run of a sweep it belongs to; None for no sweep."""
    _reporter.sweep = sweep


def duration(seconds: float) -> str:
    """Return a time in words, as exact as it is worth.

    >>> duration(4.2), duration(200), duration(6100), duration(200_000)
    ('4 s', '3 min', '1 h 42 min', '2 d 8 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * HOUR:
        minutes = round(seconds / 60)
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / HOUR)
    return f"{hours // 24} d {hours % 24} h"


def is_first_rank() -> bool:
    """Return whether this process is the first rank, or the only one."""
    return next((os.environ[name] for name in RANKS if name in os.environ), "0") == "0"


def _write(text: str) -> None:
    """Write a line to the log; in a terminal, which has the bar, only to the files of the log."""
    if not getattr(sys.stderr, "rich_proxied_file", sys.stderr).isatty():  # older proxies of rich are no terminal
        log.info("%s", text)
        return
    record = log.makeRecord(log.name, logging.INFO, __file__, 0, text, (), None)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def _open_bar() -> Progress:
    """Return a bar that has begun; lines of the log are written above it."""
    bar = Progress(
        _Title(), BarColumn(bar_width=24), _Left(), console=Console(stderr=True), transient=True,
        refresh_per_second=4, redirect_stdout=sys.stdout.isatty(),
    )  # fmt: skip
    bar.start()
    return bar


class _Title(ProgressColumn):
    """What is done, and how much of it."""

    def render(self, task: Task) -> Text:
        entered: Stage = task.fields["stage"]
        return Text(entered.title + ("" if entered.total is None else f" {entered.done:.0f}/{entered.total:.0f}"))


class _Left(ProgressColumn):
    """What the stage says of itself, and the time left."""

    def render(self, task: Task) -> Text:
        entered: Stage = task.fields["stage"]
        left = entered.left
        return Text(
            ", ".join(text for text in (entered.note, "" if left is None else f"{duration(left)} left") if text)
        )
