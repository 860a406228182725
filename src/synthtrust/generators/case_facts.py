"""The facts of a case that a generator may paint by, beside its label; never its images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray


@dataclass(frozen=True)
class CaseFacts:
    """What is known of a case to be painted. The real image is not among it."""

    id: str
    label: Any
    """Canonical label map ``(H, W, D)`` uint8, or class, or `synthtrust.cases.Findings`."""
    modalities: Sequence[str]
    """Modalities to be painted."""
    names: Sequence[str] = ()
    """The class by name, or the findings that are present; none for a label map."""
    affine: NDArray[np.float64] | None = None
    """Voxels of the real case's label file, in the orientation of that file, to world [mm], shape ``(4, 4)``; None for
    a class or findings."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    """What the table of the real cases says besides, such as age, sex, site or scanner: column -> value as text; of the
    columns in ``cases.attributes``, those that are not blank."""

    @property
    def spacing(self) -> tuple[float, ...]:
        """Sides of a voxel along the axes of the label file [mm]; empty without a label map.

        >>> CaseFacts("a", None, ["t1"], affine=np.diag([-1.0, -1, 2.5, 1])).spacing
        (1.0, 1.0, 2.5)
        """
        return () if self.affine is None else tuple(float(side) for side in voxel_sizes(self.affine))
