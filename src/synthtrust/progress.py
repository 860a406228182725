"""Progress of long work with the time left: a bar in a terminal, and a plain line from time to time in a log."""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.text import Text

from synthtrust.stages import HOUR, Stage, Sweep, duration

log = logging.getLogger(__name__)

Item = TypeVar("Item")

FIRST_HOUR, LATER = 60.0, 300.0
"""Seconds between two lines in the first hour of a stage, and after it."""
TICK = 1.0
RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
"""Environment variables in which launchers give a process its rank; only the first rank reports."""


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
