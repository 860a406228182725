"""The criterion that a verdict on utility stands on: settled before training, kept in every run, printed beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from synthtrust.refusals import Refusal

PRIMARY = ("difference", "ratio")


@dataclass(frozen=True)
class Margins:
    """What TSTR may lose against TRTR, by one primary criterion.

    The default is a difference of 0.05 in mean Dice or in the area under the ROC curve, and it is refused as too wide
    where TRTR has not learned four times as much: a fixed loss means little to a model that has little to lose. The
    ratio asks for a share of what was learned, and needs no such limit.
    """

    primary: Literal["difference", "ratio"] = "difference"
    """``difference``: the loss in the main measure; ``ratio``: the share kept of the skill that TRTR has."""
    margin: float = 0.05
    """Tolerable loss, for the difference."""
    ratio_margin: float = 0.9
    """Sufficient share kept, for the ratio."""
    largest_share: float = 0.25
    """How much of what TRTR is shown to have above a trivial predictor the margin of the difference may be at most."""
    justification: str | None = None
    """Why a loss of this size does not matter to patients; printed beside the verdict."""
    before_training: bool = False
    """Whether the runs hold them, so that they were settled before anything was trained."""

    def __post_init__(self) -> None:
        if self.primary not in PRIMARY:
            raise Refusal(f"Expected margins.primary to be one of {', '.join(PRIMARY)}, but got {self.primary!r}.")

    @classmethod
    def of_run(cls, stored: Mapping[str, Any]) -> "Margins":
        """Return the margins that a run was trained with; older ones name no criterion, and mean the difference."""
        return cls(**stored, before_training=True)

    def settings(self) -> dict[str, Any]:
        """Return what decides, by the name of its key.

        >>> Margins().settings()
        {'primary': 'difference', 'margin': 0.05, 'largest_share': 0.25}
        """
        if self.primary == "ratio":
            return {"primary": self.primary, "ratio_margin": self.ratio_margin}
        return {"primary": self.primary, "margin": self.margin, "largest_share": self.largest_share}
