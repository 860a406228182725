"""Runs by the split that they were made on: repeated splits have other test patients and other training patients."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from synthtrust.audits.scores import ScoredRun

R = TypeVar("R", bound=ScoredRun)


def repeat_of(facts: Mapping[str, Any]) -> int:
    """Return the number of the split that a run was made on, 0 for runs that do not say it."""
    split = (facts.get("training") or {}).get("split") or {}
    return int(split.get("repeat") or 0)


def by_split(runs: Iterable[R]) -> dict[int, list[R]]:
    """Return the runs of each split, by its number, in order."""
    groups: dict[int, list[R]] = {}
    for run in runs:
        groups.setdefault(repeat_of(run.facts()), []).append(run)
    return dict(sorted(groups.items()))


def first_split(runs: Iterable[R]) -> Sequence[R]:
    """Return the runs of the first split alone."""
    return next(iter(by_split(runs).values()), [])
