"""The rule: from bounds and tests at each step to the last step before the onset, and the first one after it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Code = Literal["begins", "not_within", "from_the_first", "open"]


@dataclass(frozen=True)
class Look:
    """What the bounds of one measure of a leak say at one step."""

    step: int
    measure: str
    lower: float
    """Bound of all looks together: each value lies above its own; NaN where it proves nothing."""
    upper: float
    """Bound of this look alone: the value lies below it; NaN if nothing was measured."""
    limit: float
    """What the value may be at most, settled before looking."""

    @property
    def is_below(self) -> bool:
        """Whether the value is shown to lie at most at its limit; not if nothing was measured."""
        return self.upper <= self.limit

    @property
    def is_above(self) -> bool:
        """Whether the value is shown to lie above its limit."""
        return self.lower > self.limit


@dataclass(frozen=True)
class TestLook:
    """What the test of the nearest-real share (P3) says at one step, by the rule of the privacy audit.

    What an honest set gives depends on the numbers of cases, so that no limit of it is settled: a significance is.

    >>> look = TestLook(100, "nearest_share", 0.52, 0.42, 0.23, p=0.004, significance=0.01, n_tests=5)
    >>> look.is_below, look.is_above  # 0.004 lies below 0.01, and not below 0.01 / 5
    (False, False)
    """

    __test__ = False  # pytest would collect it by its name

    step: int
    measure: str
    value: float
    lower: float
    """Lower limit of the interval of the share."""
    expected: float
    """Share of an honest set."""
    p: float
    """One-sided p; NaN if nothing was measured."""
    significance: float
    """That of the privacy audit: a p below it accuses."""
    n_tests: int
    """Steps that were looked at."""

    @property
    def is_below(self) -> bool:
        """Whether the test does not accuse the step; no bound is shown by that, and not if nothing was measured."""
        return self.p >= self.significance

    @property
    def is_above(self) -> bool:
        """Whether the test accuses the step with the correction for all steps (Bonferroni), and its interval agrees."""
        return self.p < self.significance / self.n_tests and self.lower > self.expected


@dataclass(frozen=True)
class OnsetReading:
    """Between which steps a generator began to repeat its training cases."""

    code: Code
    """``begins``: after one step and by another; ``not_within`` these steps; ``from_the_first`` on; or ``open``."""
    last_below: int | None
    """The last step of which, with all steps before, the leak is shown to lie below the limits."""
    first_above: int | None
    """The first step at which a leak is shown to lie above its limit."""
    stopped_by: tuple[Look | TestLook, ...] = ()
    """The looks at the step after ``last_below`` that were not below their limits."""
    shown_by: tuple[Look | TestLook, ...] = ()
    """The looks at ``first_above`` that lie above their limits."""


def read_onset(looks: Sequence[Look | TestLook]) -> OnsetReading:
    """Read the looks of one training.

    The steps are gone through in order, and the first that is not shown to lie below every limit ends the series. To
    name a step the bound of each look need hold for that look alone, whatever the number of steps: a step that leaks
    more than a limit is passed by an error at that very step, and no other look can make it pass (a fixed sequence of
    tests, Westfall and Krishen 2001; all measures at once, Berger 1982). That more steps are looked at can end the
    series too early, never too late. A leak is shown by bounds that hold for all looks together.

    A test (P3) ends the series where it accuses, too: an honest step with the probability of its significance. That it
    does not accuse bounds nothing. It shows a leak with its significance divided by the number of steps.

    Args:
        looks: Each step with each measure.

    >>> below, above = [("AUC", 0.4, 0.6, 0.65), ("AUC", 0.7, 0.9, 0.65)]
    >>> reading = read_onset([Look(100, *below), Look(200, *below), Look(400, *above), Look(800, *above)])
    >>> reading.code, reading.last_below, reading.first_above
    ('begins', 200, 400)
    >>> read_onset([Look(100, *below), Look(200, *below)]).code
    'not_within'
    """
    steps = sorted({look.step for look in looks})
    at = {step: [look for look in looks if look.step == step] for step in steps}
    last_below, stopped_by = None, tuple[Look | TestLook, ...]()
    for step in steps:
        stopped_by = tuple(look for look in at[step] if not look.is_below)
        if stopped_by:
            break
        last_below = step
    first_above = next((step for step in steps if any(look.is_above for look in at[step])), None)
    shown_by = tuple(look for look in at.get(first_above or 0, ()) if look.is_above)
    return OnsetReading(_code(steps, last_below, first_above), last_below, first_above, stopped_by, shown_by)


def _code(steps: Sequence[int], last_below: int | None, first_above: int | None) -> Code:
    if steps and last_below == steps[-1]:
        return "not_within"
    if first_above is None:
        return "open"
    return "from_the_first" if first_above == steps[0] else "begins" if last_below is not None else "open"


def images_needed(limit: float, confidence: float) -> int:
    r"""Return how many images without a copy among them show that fewer than a share are copies.

    The least n with :math:`(1 - l)^n \le 1 - c`: the exact bound of 0 of n then lies at the limit l.

    >>> images_needed(0.01, 0.95), images_needed(0.05, 0.95)
    (299, 59)
    """
    return math.ceil(math.log(1 - confidence) / math.log(1 - limit))
