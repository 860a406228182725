"""The facts of a case that a generator may paint by, beside its label; of its images only those it declares to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.formats.volumes import stored_affine


@dataclass(frozen=True)
class CaseFacts:
    """What is known of a case to be painted. The images that are to be painted are not among it."""

    id: str
    label: Any
    """Canonical label map ``(H, W, D)`` uint8, or class, or `synthtrust.cases.Findings`."""
    modalities: Sequence[str]
    """Modalities to be painted: all but those in ``images``."""
    names: Sequence[str] = ()
    """The class by name, or the findings that are present; none for a label map."""
    affine: NDArray[np.float64] | None = None
    """Voxels of the real case's label file, in the orientation of that file, to world [mm], shape ``(4, 4)``; None for
    a class or findings."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the table of the real cases says besides, such as age, sex, site or scanner: column -> value as text; of the
    columns in ``cases.attributes``, those that are not blank."""

    images: Mapping[str, NDArray] = field(default_factory=dict)
    """The patient's own images ``(H, W, D)`` on the grid of the label, of the modalities that the generator declares to
    read (`Generator.reads_modalities`); none otherwise."""

    @classmethod
    def of(
        cls,
        case: Case,
        label: Any,
        modalities: Sequence[str],
        names: Sequence[str] = (),
        reads: Sequence[str] = (),
    ) -> Self:
        """Return what a generator may know of a real case.

        Args:
            case: The case.
            label: Its label map, class or findings.
            modalities: All modalities of the cohort.
            names: The class by name, or the findings that are present.
            reads: Modalities whose images the generator declares to read.
        """
        return cls(
            case.id,
            label,
            [name for name in modalities if name not in reads],
            names,
            None if case.label_map is None else stored_affine(case.label_map),
            case.attributes,
            {name: case.load_image(name) for name in reads},
        )

    @property
    def spacing(self) -> tuple[float, ...]:
        """Sides of a voxel along the axes of the label file [mm]; empty without a label map.

        >>> CaseFacts("a", None, ["t1"], affine=np.diag([-1.0, -1, 2.5, 1])).spacing
        (1.0, 1.0, 2.5)
        """
        return () if self.affine is None else tuple(float(side) for side in voxel_sizes(self.affine))
