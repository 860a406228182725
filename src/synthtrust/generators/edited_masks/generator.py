"""The generator that edits label maps of training cases, and has another one paint on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Cohort
from synthtrust.cases.cohort import COMPOSITES
from synthtrust.generators.base import Generator
from synthtrust.generators.case_facts import CaseFacts
from synthtrust.generators.edited_masks.edits import EditSizes
from synthtrust.generators.edited_masks.label_maps import MaskEdits, edited_cases
from synthtrust.refusals import Refusal

OF_THE_PAINTER = frozenset({"work_in", "show_to", "precision_", "licence", "licence_", "training_ids"})
"""What a generator may have beside its contract, and what is then the painter's."""


@dataclass
class EditedMasks(Generator):
    """Makes label maps from those of training cases, and has any generator of label maps paint on them.

    Each training case has ``children`` label maps made from its own: stretched along each axis by itself, warped
    smoothly, its surface moved out or in by a part of a voxel, and moved. Where regions are nested, the core of another
    training case replaces its core first. An edit that would leave the grid or the head, or lose a region, is drawn
    again.

    The set has ids of its own and no twins. Each case names its ``parent``, and the ``donor`` of its core, so that it
    follows both through every split. The painter learns from the training cases as ever.

    Limits: an edit that changes all axes alike, or moves the surface by a voxel alone, leaves a shape that can be
    recognised as its patient's. Whether label maps of a set can, the audit of privacy asks (P5). A label map that is
    nobody's may also be one that nobody could have.
    """

    paired: ClassVar[bool] = False

    painter: Generator = field(kw_only=True)
    """The generator that paints on the edited label maps."""
    children: int = 1
    """Label maps made from that of each training case."""
    max_scale: float = 0.2
    """Largest logarithm of the size along each axis, each drawn by itself."""
    warp: float = 0.1
    """Standard deviation of a smooth displacement along each axis [radii of the labelled part]."""
    max_shift: float = 0.05
    """Farthest that the labelled part is moved along each axis [share of the grid's side]."""
    max_growth: float = 0.5
    """Farthest that its surface is moved out or in [voxels]."""
    core: list[str] | None = None
    """Labels that are taken from another case as one; null for the tumour core of brain tumours, and none of others."""

    def __post_init__(self) -> None:
        if not isinstance(self.painter, Generator) or not self.painter.paired:
            raise Refusal(
                "Expected a generator that paints on label maps as generator.painter, but got "
                f"{type(self.painter).__name__}. Choose for example generator@generator.painter=tissue."
            )
        if self.children < 1:
            raise Refusal(f"Expected generator.children to be 1 or more, but got {self.children}.")
        for name in ("max_scale", "warp", "max_shift"):
            if not 0 <= getattr(self, name) <= 1:
                raise Refusal(f"Expected generator.{name} from 0 to 1, but got {getattr(self, name)}.")
        if not 0 <= self.max_growth < np.inf:
            raise Refusal(f"Expected generator.max_growth to be 0 or more, but got {self.max_growth}.")
        if self.core == [] and not any((self.max_scale, self.warp, self.max_growth)):
            raise Refusal(
                "Expected an edit of the shape, but generator.max_scale, warp and max_growth are 0, and no core is "
                "exchanged: the label maps would be those of patients. Raise one, or paint twins with generator=tissue."
            )

    def __getattr__(self, name: str) -> Any:
        if name in OF_THE_PAINTER and "painter" in self.__dict__:
            return getattr(self.painter, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def batch_size(self) -> int:
        """Number of label maps that the painter gets at once."""
        return self.painter.batch_size

    @property
    def remarks(self) -> dict[str, str]:
        """Remarks of the painter for readers of the manifest."""
        return self.painter.remarks

    def own_cases(self, cohort: Cohort, train: Sequence[Case], root: Path) -> tuple[Case, ...]:
        """Return cases on edited label maps, which are made now if they were not made before.

        Raises:
            Refusal: If the real cases have no label maps, or no label of the name of a core.
            CaseError: If no edit of a case can be used, or one would have the id of a real case.
        """
        if cohort.task != "segmentation":
            raise Refusal(
                f"Expected real cases with label maps to edit, but those of {cohort.name} have classes. Choose for "
                "example generator=class_mixture."
            )
        sizes = EditSizes(self.max_scale, self.warp, self.max_shift, self.max_growth)
        edits = MaskEdits(self.seed, self.children, sizes, self._core_values(cohort))
        own, refused = edited_cases(edits, train, root)
        if taken := sorted({case.id for case in own} & {case.id for case in cohort.cases}):
            raise Refusal(
                f"Expected ids of real cases that do not end as those of edited ones, but {taken[0]} is there already. "
                "Rename the real case."
            )
        self.label_maps_ = {
            "edited_from": len({case.parent for case in own} | {case.donor for case in own if case.donor}),
            "refused_edits": refused,
        }
        return own

    def _core_values(self, cohort: Cohort) -> tuple[int, ...]:
        names = self.core
        if names is None:
            names = list(COMPOSITES["TC"]) if set(COMPOSITES["TC"]) < set(cohort.labels) else []
        if unknown := sorted(set(names) - set(cohort.labels)):
            raise Refusal(f"Expected generator.core among the labels {list(cohort.labels)}, but got {unknown}.")
        if names and set(names) == set(cohort.labels):
            raise Refusal(f"Expected generator.core to leave a label around it, but it has all of {list(names)}.")
        return tuple(sorted(cohort.labels[name] for name in names))

    def fit(self, cases: Sequence[Case]) -> Self:
        """Have the painter learn from real training cases."""
        self.painter.fit(cases)
        return self

    def sample(self, label: Any, rng: np.random.Generator) -> dict[str, NDArray[np.floating]]:
        """Have the painter paint on a label map ``(H, W, D)``."""
        return self.painter.sample(label, rng)

    def sample_many(
        self, labels: Sequence[Any], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Have the painter paint on several label maps."""
        return self.painter.sample_many(labels, rngs)

    def sample_cases(
        self, cases: Sequence[CaseFacts], rngs: Sequence[np.random.Generator]
    ) -> list[dict[str, NDArray[np.floating]]]:
        """Have the painter paint several cases of which more is known than their labels."""
        return self.painter.sample_cases(cases, rngs)
