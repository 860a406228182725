"""Parts of the work that take a while, with the time that is left: stages of a command, and the runs of a sweep."""

import time
from dataclasses import dataclass, field

HOUR = 3600.0


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
