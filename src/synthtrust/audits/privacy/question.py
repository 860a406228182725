"""What the four questions of the privacy audit share: a row of the table ``tests``, a leak, a test, no answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import Auc, NearestShare
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Doubt, Reason

T = TypeVar("T")
NONE = float("nan")
CANDIDATES = 3
"""Images compared on the full grid where only the nearest is asked for."""
CURE = "What is named as missing: more unseen cases, images that say more, the training ids, a look at pairs."


@dataclass(frozen=True)
class Leak(Reason):
    """A proof that a set gives away training cases."""

    test: str = ""
    """The question that it answers: P1 to P5."""


@dataclass(frozen=True)
class NotComputed:
    """A question that could not be asked."""

    question: str
    """What was to be computed, as tables name it."""
    reason: str
    decides: bool = True
    """Whether the answer would have had a say in the verdict."""

    def __str__(self) -> str:
        return f"{self.question} not computed: {self.reason}"


@dataclass
class Attempts:
    """Asks questions one by one, and keeps the reason of each that cannot be asked."""

    missing: list[NotComputed] = field(default_factory=list)

    def __call__(self, question: str, compute: Callable[[], T], *, decides: bool = True) -> T | None:
        """Return the answer, or None and keep the reason: the formulas say themselves what they need."""
        try:
            return compute()
        except Refusal as refusal:
            self.missing.append(NotComputed(question, str(refusal), decides))
            return None


@dataclass(frozen=True)
class TestRow:
    """One value of the table ``tests``."""

    __test__ = False  # pytest would collect it by its name

    measure: str
    value: float
    low: float = NONE
    high: float = NONE
    p: float = NONE
    decisive: bool = False
    """Whether the verdict rests on it."""
    note: str = ""

    @classmethod
    def of(cls, measure: str, result: Auc | NearestShare, note: str, *, decisive: bool = True) -> "TestRow":
        """Return the row of a test with its interval and its p."""
        return cls(measure, result.value, result.low, result.high, result.p, decisive, note)


@dataclass(frozen=True)
class SetTest:
    """A test of the whole set; Holm's correction is taken over all of them before one counts as a leak."""

    test: str
    """The question that it answers: P2 to P4."""
    code: str
    """Code of the leak that it proves."""
    result: Auc | NearestShare
    expected: float
    """What an honest set gives."""
    claim: str
    """What it proves if it rejects, a sentence without its numbers."""

    def leak(self, corrected_p: float) -> Leak:
        """Return the leak that it proves."""
        text = f"{self.claim}: {estimate(self.result)}, {corrected_p:.3f} with Holm's correction."
        return Leak(self.code, text, self.test)


def disclosed_label_maps(n: int, n_synthetic: int, whose: str) -> Reason:
    """Say that a set holds label maps of patients and says so, of twins and of children in the same words.

    Args:
        n: How many label maps are patients'.
        n_synthetic: How many there are.
        whose: Whose they are and how that is known; follows "are".
    """
    text = (
        f"{n} of {n_synthetic} label maps are {whose} (mask_disclosure): whatever the images show, each of these cases "
        "can be linked to its patient by its label."
    )
    return Reason("mask_disclosure", text)


def estimate(result: Auc | NearestShare) -> str:
    """Write a value with its interval and its p."""
    name = "AUC " if isinstance(result, Auc) else ""
    return f"{name}{result.value:.3f} [{result.low:.3f}, {result.high:.3f}], p = {result.p:.3f}"


def area_doubts(name: str, area: Auc, settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield that an attack may do better than the bound, or did and cannot be believed."""
    if not area.high <= settings.auc_bound:
        text = f"{name} may reach an area of {area.high:.3f}, above {settings.auc_bound:g}: {estimate(area)}."
        yield Doubt("area_above_bound", text, CURE)
    if area.p < settings.significance and area.low > 0.5:
        text = f"{name} rejects by itself, {estimate(area)}, but not with Holm's correction, or a control failed."
        yield Doubt("rejects_by_itself", text, CURE)
