"""Runs by the step of the generator's training whose weights painted: other audits than the onset's are about one."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from synthtrust.audits.scores import ScoredRun

log = logging.getLogger(__name__)

R = TypeVar("R", bound=ScoredRun)


def step_of(facts: Mapping[str, Any]) -> int | None:
    """Return the step that the weights of a run's generator are from; None for the last, and where there is none.

    >>> step_of({"generator": {"step": 500}}), step_of({"generator": "Tissue"})
    (500, None)
    """
    generator = facts.get("generator")
    step = generator.get("step") if isinstance(generator, Mapping) else None
    return None if step is None else int(step)


def of_one_step(runs: Iterable[R]) -> Sequence[R]:
    """Return the runs on sets of the last step, with all that were painted at no step in particular."""
    runs = list(runs)
    steps = {step for run in runs if (step := step_of(run.facts())) is not None}
    if len(steps) < 2:
        return runs
    chosen = [run for run in runs if step_of(run.facts()) in (None, max(steps))]
    log.info(
        "Runs on sets of %d steps of a generator's training: the audit of the onset is about all of them, the others "
        "about the %d runs of step %d.",
        len(steps), len(chosen), max(steps),
    )  # fmt: skip
    return chosen
