"""Verdicts as facts: what an audit reads on one axis about one subject, why, and by which thresholds.

Whoever decides something looks at codes and numbers. Sentences are for people: the page joins them, and nobody takes a
sentence apart again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from synthtrust.refusals import Refusal

Reading = Literal["SUPPORTED", "NOT SUPPORTED", "INCONCLUSIVE", "not assessed", "not applicable"]
AXES = ("utility", "alignment", "fidelity", "privacy")


@dataclass(frozen=True)
class Reason:
    """One reason for a verdict."""

    code: str
    """What kind of reason it is, such as ``few_patients``: for programs."""
    text: str
    """A whole sentence with its numbers: for people."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Doubt(Reason):
    """A reason why nothing is SUPPORTED yet."""

    cure: str = ""
    """What would remove it, in a whole sentence."""
    blocks: bool = False
    """Whether it forbids NOT SUPPORTED as well."""


@dataclass(frozen=True)
class Subject:
    """What a verdict is about: a synthetic set, or a generator whose runs were compared."""

    synthetic_set: str = ""
    """The name of the set's folder, such as ``Tissue-0f3a``; empty for a comparison of runs."""
    generator: str = ""
    """The class that painted, as the runs name it: with its module where two classes share a name."""
    mode: str = ""
    """How the training sets were mixed, where several mixes were compared."""

    def __str__(self) -> str:
        """Name it as the page does.

        >>> str(Subject(generator="Tissue", mode="additive")), str(Subject("Tissue-0f3a", "Tissue"))
        ('Tissue, mix additive', 'Tissue-0f3a')
        """
        return (self.synthetic_set or self.generator) + (f", mix {self.mode}" if self.mode else "")

    def concerns(self, other: "Subject") -> bool:
        """Whether it is the same set, or the same generator where one of both names no set.

        >>> twins = Subject("Noise-77b1", "Noise")
        >>> [subject.concerns(twins) for subject in (twins, Subject("Noise-1", "Noise"), Subject("", "mine.Noise"))]
        [True, False, True]
        """
        if self.synthetic_set and other.synthetic_set:
            return self.synthetic_set == other.synthetic_set
        return self.generator.rpartition(".")[2] == other.generator.rpartition(".")[2]


@dataclass(frozen=True)
class Verdict:
    """What one audit reads on one axis about one subject; never a score, and never a mean over axes."""

    axis: str
    """One of AXES."""
    verdict: Reading
    """Absence of evidence is INCONCLUSIVE, never SUPPORTED."""
    reasons: tuple[Reason, ...]
    """Every reason; the first decides."""
    would_change: str
    """What would have to be seen for another verdict."""
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """The numbers that were set before looking, by the name of their key in the config."""
    subject: Subject = Subject()

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise Refusal(f"Expected a verdict on one of {AXES}, but got {self.axis!r}.")
        if not self.reasons:
            raise Refusal(f"Expected reasons for the verdict {self.verdict} on {self.axis}, but got none.")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, in order."""
        return tuple(reason.code for reason in self.reasons)
