"""P4 asks whether twins of training labels have more of their source than its label explains."""

from collections.abc import Iterator

import numpy as np

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.question import SetTest, TestRow, area_doubts
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import Auc, paired_twin_test
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Doubt

QUESTION = "Twin leak"


def ask(data: AuditData, settings: PrivacySettings) -> Auc:
    """Compare what twins have of their source beyond its label: of training labels, and of unseen ones.

    Raises:
        Refusal: If there are no label maps, or too few twins.
    """
    if data.residual is None:
        raise Refusal("Expected label maps to compare twins with their sources, but got none.")
    values, patients = [], []
    for real in (data.train, data.holdout):
        twins = [data.synthetic.cases[i] for i in data.sources_among(real)]
        values.append(np.nan_to_num([data.residual(twin.id) for twin in twins]))  # no texture is like nobody's
        patients.append([twin.patient for twin in twins])
    return paired_twin_test(
        values[0],
        values[1],
        patients[0],
        patients[1],
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.confidence,
    )


def rows(twin_leak: Auc) -> Iterator[TestRow]:
    """Yield the area."""
    yield TestRow.of("P4 twin leak AUC", twin_leak, ".5 is expected")


def tests(twin_leak: Auc) -> Iterator[SetTest]:
    """Yield the test of the whole set."""
    claim = "Twins of training labels resemble their source more than twins of unseen labels do (P4)"
    yield SetTest("P4", "twin_leak", twin_leak, 0.5, claim)


def doubts(twin_leak: Auc, settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield why the absence of proof is no evidence of absence."""
    yield from area_doubts(QUESTION, twin_leak, settings)
