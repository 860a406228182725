"""The usual distances to training data, which are reported and never decide."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.embedded import EmbeddedCases
from synthtrust.metrics.embeddings import ReferencePca
from synthtrust.metrics.functional import (
    TextureBank,
    authenticity,
    closeness_z,
    copying_statistic,
    dcr_quantiles,
    nndr_ratio,
)
from synthtrust.refusals import Refusal

MOST_FEATURES = 1024


def distances(data: AuditData) -> dict[str, tuple[float, float]]:
    """Return the usual distances, for synthetic images whose source is not a training case."""
    excluded = set(data.sources_among(data.train)) if data.conditional else set()
    free = [i for i in range(len(data.synthetic)) if i not in excluded]
    if not free:
        raise Refusal("Expected synthetic cases that are not tied to a training case by their label, but got none.")
    train, holdout, synthetic = _rows(data, data.synthetic.take(free))
    none = float("nan")
    quantiles = dcr_quantiles(train, holdout, synthetic)
    return {
        **{f"DCR, quantile {q:g}": pair for q, pair in quantiles.items()},
        "NNDR, ratio to unseen cases": (nndr_ratio(train, holdout, synthetic), none),
        "authenticity": (authenticity(train, synthetic), authenticity(train, holdout)),
        "Z_U": (closeness_z(train, holdout, synthetic), none),
        "C_T": (copying_statistic(train, holdout, synthetic), none),
    }


def _rows(data: AuditData, synthetic: EmbeddedCases) -> list[Tensor]:
    """Return the features of training, unseen and synthetic images, those of an embedding in standardised coordinates.

    The coordinates are learned from training images, from which both others are taken the distance of: learned from
    unseen images too, they would spread those out, and synthetic ones would seem nearer.
    """
    sides = (data.train, data.holdout, synthetic)
    if data.embed is None:
        return [features(side.bank) for side in sides]
    rows = [data.embed(side) for side in sides]
    coordinates = ReferencePca().fit(rows[0])
    return [coordinates.transform(side_rows) for side_rows in rows]


def features(bank: TextureBank) -> Tensor:
    """Return coarse interiors as rows, averaged further while they have more than 1,024 numbers."""
    x = bank.coarse
    pool = F.avg_pool3d if x.ndim == 5 else F.avg_pool2d
    while x[0].numel() > MOST_FEATURES and min(x.shape[2:]) >= 4:
        x = pool(x, 2)
    return x.flatten(1)
