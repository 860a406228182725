"""Runs by how many cases they were trained on: other audits than that of amounts are about one number of them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from synthtrust.audits.scores import ScoredRun

log = logging.getLogger(__name__)

R = TypeVar("R", bound=ScoredRun)
Sizes = tuple[int | None, int | None]
"""Real cases to draw from, and synthetic ones at alpha 0, as the command gave them; None where it did not."""


def sizes_of(facts: Mapping[str, Any]) -> Sizes:
    """Return the numbers of cases that a run was given."""
    return facts.get("n_real"), facts.get("n_synthetic")


def of_one_size(runs: Iterable[R]) -> Sequence[R]:
    """Return the runs of the numbers of cases with the most shares of real cases, and of these with the most runs."""
    groups: dict[Sizes, list[R]] = {}
    for run in runs:
        groups.setdefault(sizes_of(run.facts()), []).append(run)
    if len(groups) < 2:
        return next(iter(groups.values()), [])
    chosen = max(groups.values(), key=lambda group: (len({run.facts()["alpha"] for run in group}), len(group)))
    log.info(
        "Runs on %d numbers of cases: the audit of amounts is about all of them, the others about %d runs such as %s.",
        len(groups), len(chosen), chosen[0].folder,
    )  # fmt: skip
    return chosen
