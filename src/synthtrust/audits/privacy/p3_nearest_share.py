"""P3 asks whether more synthetic images lie nearest to a training case than the numbers of real cases explain."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.question import CANDIDATES, CURE, SetTest, TestRow, estimate
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.metrics.functional import NearestShare, most_similar, nearest_real_share
from synthtrust.verdicts import Doubt

QUESTION = "Nearest-real share"


def ask(data: AuditData, settings: PrivacySettings) -> NearestShare:
    """Return which share of synthetic images has a training image as its nearest; exact for any numbers of patients.

    Of a patient with several images one is drawn: a side with more images a patient would be nearest more often.
    """
    train, holdout = (side.take(_one_each(side.patients, settings.seed)) for side in (data.train, data.holdout))
    real = train.join(holdout)
    excluded = data.exclusion_mask(data.synthetic, real)
    n_candidates = settings.candidates(real, CANDIDATES)
    index = most_similar(data.synthetic.bank, real.bank, 1, exclude=excluded, candidates=n_candidates)[1]
    return nearest_real_share(
        index[:, 0],
        np.arange(len(real)) < len(train),
        real.patients,
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.confidence,
    )


def _one_each(patients: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the place of one image of each patient, drawn by the seed, in order."""
    drawn: dict[str, int] = {}
    for i in np.random.default_rng([seed, 4]).permutation(len(patients)):
        drawn.setdefault(patients[i], int(i))
    return np.array(sorted(drawn.values()), dtype=np.int64)


def rows(share: NearestShare) -> Iterator[TestRow]:
    """Yield the share, with what an honest set gives."""
    yield TestRow.of("P3 nearest-real share", share, f"{share.expected:.3f} is expected")


def tests(share: NearestShare) -> Iterator[SetTest]:
    """Yield the test of the whole set."""
    claim = f"More synthetic images lie nearest to a training case than {share.expected:.2f} of them (P3)"
    yield SetTest("P3", "nearest_share", share, share.expected, claim)


def doubts(share: NearestShare, settings: PrivacySettings) -> Iterator[Doubt]:
    """Yield that the test rejected and cannot be believed."""
    if share.p < settings.significance:
        text = (
            f"The nearest-real share rejects by itself, {estimate(share)} where {share.expected:.2f} is expected, but "
            "not with Holm's correction, or a control failed."
        )
        yield Doubt("rejects_by_itself", text, CURE)
