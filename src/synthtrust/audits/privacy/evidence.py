"""The evidence on privacy: copies (P1), membership (P2), nearest-real share (P3), twin leak (P4), label maps (P5).

Each question has a file of its own, from asking to the reasons that its answer gives. A set that was painted on classes
has no twins tied to their sources, so that P4 is not asked of it; P5 is asked where label maps are said to be nobody's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthtrust.audits.privacy import p1_copies, p2_membership, p3_nearest_share, p4_twin_leak, p5_label_maps
from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.distances import distances
from synthtrust.audits.privacy.p1_copies import Copies
from synthtrust.audits.privacy.p5_label_maps import LabelMapCopies
from synthtrust.audits.privacy.question import Attempts, NotComputed
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import Auc, Membership, NearestShare


@dataclass(frozen=True)
class Evidence:
    """The answers to all questions; None where one could not be asked, with the reason in ``missing``."""

    n_train: int
    """Training patients."""
    n_holdout: int
    """Unseen patients."""
    n_synthetic: int
    """Synthetic images."""
    copies: Copies | None = None
    membership: Membership | None = None
    share: NearestShare | None = None
    twin_leak: Auc | None = None
    label_maps: LabelMapCopies | None = None
    distances: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Measures that never decide: of the synthetic set, and of unseen cases in its place (NaN: no such value)."""
    missing: tuple[NotComputed, ...] = ()
    """What could not be computed, and why."""


def examine(data: AuditData, settings: PrivacySettings, *, reported: bool = True) -> Evidence:
    """Ask all questions that there are enough patients for.

    Args:
        data: The three sets.
        settings: Thresholds, permutations, seed.
        reported: Compute also what never decides.
    """
    n_train, n_holdout = len(set(data.train.patients)), len(set(data.holdout.patients))
    attempt = Attempts()
    copies = p1_copies.ask(data, settings, attempt)
    if copies is None:
        return Evidence(n_train, n_holdout, len(data.synthetic), missing=tuple(attempt.missing))
    membership = attempt(p2_membership.QUESTION, lambda: p2_membership.ask(data, settings))
    share = attempt(p3_nearest_share.QUESTION, lambda: p3_nearest_share.ask(data, settings))
    twin_leak, reports = None, None
    if data.conditional:
        twin_leak = attempt(p4_twin_leak.QUESTION, lambda: p4_twin_leak.ask(data, settings))
    label_maps = attempt(p5_label_maps.QUESTION, lambda: p5_label_maps.ask(data, settings)) if data.labels else None
    if reported:
        reports = attempt("Distances", lambda: distances(data), decides=False)
    return Evidence(
        n_train, n_holdout, len(data.synthetic), copies, membership, share, twin_leak, label_maps,
        reports or {},
        tuple(attempt.missing),
    )  # fmt: skip
