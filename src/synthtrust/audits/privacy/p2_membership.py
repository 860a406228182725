"""P2 asks whether synthetic images tell training from unseen patients."""

from collections.abc import Iterator

from torch import Tensor

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.question import CANDIDATES, CURE, NONE, SetTest, TestRow, area_doubts
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import Membership, membership_auc, most_similar
from synthtrust.verdicts import Doubt

QUESTION = "Membership inference"


def ask(data: AuditData, settings: PrivacySettings) -> Membership:
    """Attack the training cases through the synthetic ones: a member is the likelier, the nearer one of them is."""
    members, others = scores(data, settings)
    return membership_auc(
        members,
        others,
        data.train.patients,
        data.holdout.patients,
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.confidence,
    )


def scores(data: AuditData, settings: PrivacySettings) -> tuple[Tensor, Tensor]:
    """Return how alike each training case, and each unseen one, is to the synthetic image that is most like it."""
    real, n_train = data.real, len(data.train)
    excluded = data.exclusion_mask(real, data.synthetic)
    n_candidates = settings.candidates(data.synthetic, CANDIDATES)
    score = most_similar(real.bank, data.synthetic.bank, 1, exclude=excluded, candidates=n_candidates)[0][:, 0]
    return score[:n_train], score[n_train:]


def rows(membership: Membership) -> Iterator[TestRow]:
    """Yield the area, its control, and the true-positive rates at low false-positive rates."""
    yield TestRow.of("P2 membership AUC", membership.auc, ".5 is expected")
    note = "null control, 99 % interval: must hold .5"
    yield TestRow.of("membership between halves of training", membership.null, note, decisive=False)
    for fpr, tpr in membership.tpr.items():
        note = "" if tpr == tpr else "would rest on fewer than two unseen images"
        yield TestRow(f"membership TPR at {fpr:.0%} FPR", tpr, NONE, NONE, NONE, False, note)


def control_passed(membership: Membership) -> bool:
    """Return whether two halves of the training patients look alike, as they must."""
    return membership.null.low <= 0.5 <= membership.null.high


def tests(membership: Membership) -> Iterator[SetTest]:
    """Yield the test of the whole set, unless its control failed."""
    if control_passed(membership):
        claim = "Membership inference tells training from unseen patients (P2)"
        yield SetTest("P2", "membership", membership.auc, 0.5, claim)


def doubts(membership: Membership, settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield why the absence of proof is no evidence of absence."""
    yield from area_doubts(QUESTION, membership.auc, settings)
    if not control_passed(membership):
        text = "Control failed: two halves of the training patients differ in membership inference."
        yield Doubt("control_failed", text, CURE)
