"""Late copies: a generator that copies training images from a known step of its imagined training on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.conventions import check_kept_steps
from synthtrust.generators.base import Generator
from synthtrust.generators.controls.replay import Replay
from synthtrust.refusals import Refusal


@dataclass
class LateCopies(Generator):
    """Has an honest generator paint, and from a step on gives a share of real training images back, which then grows.

    Nothing is trained: the step is only told. Before ``onset`` every image is the painter's. At step s from there on an
    image is a copy by a chance of ``share * s / onset``, at most 1. The control for the audit of the onset, which must
    name this step, and none where there is no onset.
    """

    expected_outcome: ClassVar[str] = (
        "What its painter shows at steps before ``onset``; privacy not supported from there on. The audit of the onset "
        "names the last step before it."
    )
    painter: Generator = field(kw_only=True)
    """The generator that paints what is no copy; it must not copy by itself."""
    step: int = 1
    """The step that is painted at."""
    keep_steps: tuple[int, ...] | None = None
    """The steps that a sweep goes through, as a training would keep them; None for any."""
    onset: int | None = None
    """The step at which copies begin; None for never."""
    share: float = 0.2
    """Share of copies at the onset; it grows with the step."""

    def __post_init__(self) -> None:
        if not isinstance(self.painter, Generator) or not self.painter.paired:
            raise Refusal(
                "Expected a generator that paints one image for each real case as generator.painter, but got "
                f"{type(self.painter).__name__}. Choose for example generator@generator.painter=class_mixture."
            )
        if self.keep_steps is not None:
            self.keep_steps = tuple(self.keep_steps)
            check_kept_steps(self.step, self.keep_steps, max(self.keep_steps, default=0))
        if self.onset is not None and self.onset < 1:
            raise Refusal(f"Expected generator.onset to be a step of at least 1, or null, but got {self.onset}.")
        if not 0 < self.share <= 1:
            raise Refusal(f"Expected generator.share above 0 and up to 1, but got {self.share}.")

    @property
    def copied(self) -> float:
        """The chance that an image is a copy at this step.

        >>> [LateCopies(painter=Replay(), step=step, onset=400, share=0.2).copied for step in (200, 400, 1000, 4000)]
        [0.0, 0.2, 0.5, 1.0]
        """
        begun = self.onset is not None and self.step >= self.onset
        return min(1.0, self.share * self.step / self.onset) if begun and self.onset else 0.0

    def fit(self, cases: Sequence[Case]) -> Self:
        """Have the painter learn from real training cases, and remember them."""
        self.painter.fit(cases)
        self.replay_ = Replay().fit(cases)
        return self

    def sample(self, label: Any, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Paint one image, or give a training image of that label back."""
        is_copy = bool(rng.random() < self.copied)
        return self.replay_.sample(label, rng) if is_copy else self.painter.sample(label, rng)
