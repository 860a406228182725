"""What makes volumes of a received set comparable with real ones: a background of 0, and their voxel size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, CaseError, Cohort
from synthtrust.generators.brain.background import cleared
from synthtrust.generators.importer import ImportedTwin
from synthtrust.generators.labelled_set.resampling import median_spacing, resampled

LOOKED_AT = 3
"""Real cases that are read to see whether they have a background."""


@dataclass(frozen=True)
class Preparation:
    """How the volumes of a set are brought to what real ones are like."""

    spacing: tuple[float, ...] | None
    """Voxel size that cases are brought to [mm]; None to keep theirs."""
    clears: bool
    """Whether background that is nearly zero becomes zero."""
    darkness: float
    """Largest brightness of background [share of the brightness of the brain]."""

    @classmethod
    def of(cls, cohort: Cohort, spacing: str, background: str, darkness: float) -> Self:
        """Choose it by the real cases.

        Args:
            cohort: The real cases, which are volumes.
            spacing: ``real`` or ``keep``.
            background: ``auto`` or ``keep``.
            darkness: See above.
        """
        clears = background == "auto" and _have_background(cohort)
        return cls(median_spacing(cohort.cases) if spacing == "real" else None, clears, darkness)

    def prepared(
        self,
        case: Case,
        images: Mapping[str, NDArray[np.floating]],
        label: NDArray[np.uint8],
        affine: NDArray[np.float64],
        root: str,
    ) -> ImportedTwin:
        """Return a case with its background repaired, in the voxel size of real ones.

        Args:
            case: The case.
            images: Modality -> image ``(H, W, D)``.
            label: Label map ``(H, W, D)``, 0 everywhere where there is none.
            affine: Voxel -> right, anterior, superior [mm], of all of them.
            root: The set, for messages.

        Raises:
            CaseError: If the background is not clear.
        """
        try:
            clear = cleared(images, label, self.darkness) if self.clears else None
        except CaseError as error:
            raise CaseError(f"Expected a case that can be imported, but {case.id} of {root} cannot: {error}") from error
        notes: dict[str, Any] = {"background": "as it was" if clear is None else "nearly zero, set to zero"}
        images, new_affine = clear or dict(images), affine
        if self.spacing is not None:
            images, label, new_affine = resampled(images, label, affine, self.spacing)
            if new_affine is not affine:
                notes["resampled_to_mm"] = list(self.spacing)
        return ImportedTwin(label, dict(images), notes, new_affine)


def _have_background(cohort: Cohort) -> bool:
    """Return whether the border of real images is 0, as it is around a brain without its skull."""
    images = [case.load_image(cohort.modalities[0]) for case in cohort.cases[:LOOKED_AT]]
    borders = [_border(image) for image in images]
    return bool(np.mean([(border == 0).mean() for border in borders]) > 0.5)


def _border(image: NDArray[np.floating]) -> NDArray[np.floating]:
    faces: Sequence[NDArray] = (image[0], image[-1], image[:, 0], image[:, -1])
    return np.concatenate([face.ravel() for face in faces])
