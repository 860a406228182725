"""How attempts ended, counted by kind, and the table of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

SHOWN = 5
"""Failures of a row that are printed, of each kind."""


class Ending(Enum):
    """How one attempt ended."""

    READ = "read"
    """It was worked with, and what came of it is right as far as that can be told."""
    REFUSED = "refused"
    """It ended with one line that a user can mend."""
    WRONG = "wrong"
    """Another result came of it, and nothing was said."""
    LOST = "lost"
    """What was finished before is gone, or the same command does not go on."""
    EXECUTED = "executed"
    """Something in a file was run, or a secret was read."""
    HANG = "hang"
    """It did not end in time."""
    TRACEBACK = "traceback"
    """It ended with an error of the program, or of its process."""


SURVIVED = (Ending.READ, Ending.REFUSED)


@dataclass(frozen=True)
class Failure:
    """An attempt that went wrong."""

    ending: Ending
    attempt: str
    """What was tried, so that it can be tried again."""
    message: str
    """What came of it."""

    @property
    def kind(self) -> str:
        """Return what failures of one cause share: how it ended, and the error without its details."""
        return f"{self.ending.value}: {self.message.split(':')[0][:60]}"


@dataclass
class Tally:
    """The attempts of one station of the soak."""

    name: str
    counts: dict[Ending, int] = field(default_factory=lambda: dict.fromkeys(Ending, 0))
    failures: list[Failure] = field(default_factory=list)

    @property
    def attempted(self) -> int:
        """Return how many attempts there were."""
        return sum(self.counts.values())

    @property
    def survived(self) -> int:
        """Return how many attempts ended as they should."""
        return sum(self.counts[ending] for ending in SURVIVED)

    def add(self, ending: Ending, attempt: str, message: str = "") -> None:
        """Count an attempt; one that went wrong is kept."""
        self.counts[ending] += 1
        if ending not in SURVIVED:
            self.failures.append(Failure(ending, attempt, message))

    def first_of_each_kind(self) -> list[Failure]:
        """Return a few failures, of different causes first."""
        by_kind: dict[str, Failure] = {}
        for failure in self.failures:
            by_kind.setdefault(failure.kind, failure)
        return list(by_kind.values())[:SHOWN]


def table(tallies: Sequence[Tally]) -> str:
    """Return a line for each station and their sum: attempted, survived, failed by kind."""
    failing = [ending for ending in Ending if ending not in SURVIVED]
    heads = ("attempted", "survived", *(ending.value for ending in failing))
    width = max(len(name) for name in ("station", "all", *(tally.name for tally in tallies)))
    lines = [" ".join([f"{'station':{width}}", *(f"{head:>10}" for head in heads)])]
    for name, group in (*((tally.name, [tally]) for tally in tallies), ("all", list(tallies))):
        numbers = (
            sum(tally.attempted for tally in group),
            sum(tally.survived for tally in group),
            *(sum(tally.counts[ending] for tally in group) for ending in failing),
        )
        lines.append(" ".join([f"{name:{width}}", *(f"{number:>10,}" for number in numbers)]))
    return "\n".join(lines)


def examples(tallies: Iterable[Tally]) -> str:
    """Return what went wrong, a few of each station."""
    return "\n".join(
        f"{tally.name}: {failure.ending.value}: {failure.attempt}\n    {failure.message}"
        for tally in tallies
        for failure in tally.first_of_each_kind()
    )
