"""Runs whose training cases have their source from their class: they answer another question than all other runs."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from synthtrust.audits.scores import NotApplicableError, ScoredRun
from synthtrust.conventions import CONFOUNDED

R = TypeVar("R", bound=ScoredRun)


def is_confounded(run: ScoredRun) -> bool:
    """Return whether the class of a training case decided its source, see `synthtrust.cases.Mix`."""
    return run.facts().get("mode") == CONFOUNDED


def without_confounded(runs: Iterable[R]) -> Sequence[R]:
    """Return the other runs, among which alpha 0 is TSTR and alpha 1 is TRTR.

    Raises:
        NotApplicableError: If all are confounded.
    """
    runs = list(runs)
    others = [run for run in runs if not is_confounded(run)]
    if runs and not others:
        raise NotApplicableError(
            "Expected runs of another data.mode than confounded, whose ends, alpha 0 and 1, are no TSTR and no TRTR. "
            "Ask audit=[shortcuts] about these."
        )
    return others
