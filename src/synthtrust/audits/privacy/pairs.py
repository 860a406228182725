"""Pictures of the most suspicious pairs: a synthetic case beside the training case that it is nearest to."""

from collections.abc import Mapping, Sequence
from typing import Any

from synthtrust.audits.planes import plane
from synthtrust.audits.privacy.audit_data import AuditData
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
