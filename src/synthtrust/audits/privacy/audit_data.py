"""The three sets that the audit compares, and how twins are tied to real cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from synthtrust.audits.privacy.embedded import EmbeddedCases


@dataclass(frozen=True)
class AuditData:
    """Everything that the questions on one synthetic set need."""

    train: EmbeddedCases
    holdout: EmbeddedCases
    synthetic: EmbeddedCases
    paired: bool = True
    """Whether each synthetic case has the id of a real case that it belongs to, its source."""
    conditional: bool = False
    """Whether each synthetic case was painted on the label map of the real case with its id."""
    residual: Callable[[str], float] | None = None
    """Id of a twin -> how alike it and its source are beyond what their label explains, for P4."""
    embed: Callable[[EmbeddedCases], Tensor] | None = None
    """Images -> their features ``(n, d)`` in a space of the user's, for the distances; None for coarse interiors."""
    stand_in: Mapping[str, str] = field(default_factory=dict)
    """Id of a real case that repeats another, voxel by voxel -> id of that other, which stands for both."""

    labels: tuple[int, ...] = ()
    """Values of the regions in label maps that are said to be nobody's; empty where label maps are not searched."""
    extent: tuple[int, ...] = ()
    """Sides of the images [voxels]; empty for those of equal sides."""

    @property
    def real(self) -> EmbeddedCases:
        """Training cases, then unseen ones."""
        return self.train.join(self.holdout)

    def sources_among(self, real: EmbeddedCases) -> dict[int, int]:
        """Return the place of each twin whose source is among these cases -> the place of that source."""
        index = {case.id: i for i, case in enumerate(real.cases)} if self.paired else {}
        sources = (self.stand_in.get(case.id, case.id) for case in self.synthetic.cases)
        return {i: index[source] for i, source in enumerate(sources) if source in index}

    def exclusion_mask(self, rows: EmbeddedCases, columns: EmbeddedCases) -> Tensor | None:
        """Return which pairs must not find each other: those of one patient, if twins are tied to their sources."""
        if not self.conditional:
            return None
        return torch.from_numpy(np.array(rows.patients)[:, None] == np.array(columns.patients)[None])
