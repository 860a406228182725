"""The verdict of an audit on one axis: supported, not supported, or inconclusive, with its reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from synthtrust.refusals import Refusal

Reading = Literal["SUPPORTED", "NOT SUPPORTED", "INCONCLUSIVE", "not assessed"]
AXES = ("utility", "alignment", "fidelity", "privacy")
COLUMNS = ("axis", "subject", "verdict", "reasons", "thresholds", "would_change")


@dataclass(frozen=True)
class Verdict:
    """What one audit says on one axis about one subject; never a score, and never a mean over axes."""

    axis: str
    """One of AXES."""
    verdict: Reading
    """Absence of evidence is INCONCLUSIVE, never SUPPORTED."""
    reasons: Sequence[str]
    """Whole sentences with their numbers; the first decides."""
    would_change: str
    """What would have to be seen for another verdict."""
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    """The limits that were set before looking, by the name of their field in the config."""
    subject: str = ""
    """What it is about: a synthetic set's folder, or a comparison of runs."""

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise Refusal(f"Expected a verdict on one of {AXES}, but got {self.axis!r}.")
        if not self.reasons:
            raise Refusal(f"Expected reasons for the verdict {self.verdict} on {self.axis}, but got none.")

    def row(self) -> dict[str, Any]:
        """Return it as a row of the table ``verdict``."""
        limits = ", ".join(f"{name}={value}" for name, value in self.thresholds.items())
        values = (self.axis, self.subject, self.verdict, " ".join(self.reasons), limits, self.would_change)
        return dict(zip(COLUMNS, values, strict=True))


def verdict_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Return verdicts as the tidy table ``verdict`` that every audit gives beside its numbers."""
    return pd.DataFrame([verdict.row() for verdict in verdicts], columns=list(COLUMNS))
