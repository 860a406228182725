"""Pictures of the most suspicious pairs: a synthetic case beside the training case that it is nearest to."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.cases import Case
from synthtrust.cases.formats.rasters import is_raster
from synthtrust.cases.volumes import axial_slice
from synthtrust.report.pairs import Pair


def suspicious_pairs(rows: Sequence[Mapping[str, Any]], data: AuditData, modality: str, n: int) -> list[Pair]:
    """Return the first n pairs of the table ``copies`` of one set, each in the middle slice of its volume."""
    twins, real = ({case.id: case for case in images.cases} for images in (data.synthetic, data.train))
    return [
        Pair(
            row["set"],
            row["synthetic"],
            row["nearest_real"],
            f"similarity {row['similarity']:.3f}, strength {row['strength']:.1f}, {row['reading'] or 'no copy'}",
            plane(twins[row["synthetic"]], modality),
            plane(real[row["nearest_real"]], modality),
        )
        for row in rows[:n]
    ]


def plane(case: Case, modality: str) -> NDArray[np.float32]:
    """Return the middle axial slice of a volume, anterior up and the patient's right on the left; a plane as it is."""
    image, path = case.load_image(modality), case.images[modality]
    if image.ndim == 2 or is_raster(path):
        return image
    return axial_slice(image, image.shape[2] // 2)
