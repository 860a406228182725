"""What is measured of the set that each step paints: copies, membership, nearest-real share, and its distance."""

from collections.abc import Iterator
from dataclasses import dataclass

from scipy.stats import beta

from synthtrust.audits.fidelity.cases import (
    CaseFeatures,
    FeatureKey,
    FeatureTask,
    choose_comparison,
    extract_features,
    select,
)
from synthtrust.audits.fidelity.measures import embed_sets
from synthtrust.audits.privacy import p1_copies, p2_membership, p3_nearest_share
from synthtrust.audits.privacy.embedded import Grid, read_images
from synthtrust.audits.privacy.gathering import gather
from synthtrust.audits.privacy.question import Attempts
from synthtrust.audits.privacy.settings import PrivacySettings
from synthtrust.audits.sets import SyntheticSet
from synthtrust.audits.spaces import Space
from synthtrust.metrics.functional import Auc, auc_interval
from synthtrust.metrics.functional.kernel_distance import kernel_test
from synthtrust.refusals import Refusal

NAN = float("nan")
COPIES, MEMBERSHIP, NEAREST, KID, TSTR = "copies", "membership", "nearest_share", "KID", "TSTR"


@dataclass(frozen=True)
class Bounded:
    """A value with its interval, and with the bounds or the p that decide where it decides."""

    measure: str
    value: float
    low: float
    high: float
    n: int
    """What it is counted from: images for copies and P3, training cases for membership, synthetic cases for KID."""
    upper: float = NAN
    """One-sided bound of this look alone."""
    lower: float = NAN
    """One-sided bound of all looks together."""
    p: float = NAN
    """One-sided p of P3."""
    expected: float = NAN
    """Nearest-real share of an honest set."""
    score: str = ""
    """What TSTR is measured in."""
    note: str = ""


def leak_measures(synthetic_set: SyntheticSet, settings: PrivacySettings, n_looks: int) -> Iterator[Bounded]:
    """Yield the share of copies, the area of membership inference, and the nearest-real share of a set.

    Args:
        synthetic_set: The set.
        settings: Those of the privacy audit.
        n_looks: Bounds of all steps and of both measures that have some, over which the lower ones hold together.

    Raises:
        CaseError: If an image cannot be used.
    """
    data, _ = gather(synthetic_set, Grid.of(read_images(synthetic_set.train[0], synthetic_set.modalities)))
    attempt = Attempts()
    copies = p1_copies.ask(data, settings, attempt)
    together = (1 - settings.confidence) / n_looks
    if copies is None or copies.search is None:
        yield Bounded(COPIES, NAN, NAN, NAN, len(data.synthetic), note=str(attempt.missing[0]))
    else:
        yield _share(int(copies.search.copy.sum()), len(data.synthetic), copies, settings, together)
    try:
        members, others = p2_membership.scores(data, settings)
        sides = data.train.patients, data.holdout.patients
        areas = {
            level: auc_interval(members, others, level, *sides)
            for level in (settings.confidence, 2 * settings.confidence - 1, 1 - 2 * together)
        }
    except Refusal as refusal:
        yield Bounded(MEMBERSHIP, NAN, NAN, NAN, len(data.train), note=str(refusal))
    else:
        yield _area(areas, settings.confidence, together)
    share = attempt(p3_nearest_share.QUESTION, lambda: p3_nearest_share.ask(data, settings))
    if share is None:
        yield Bounded(NEAREST, NAN, NAN, NAN, len(data.synthetic), note=str(attempt.missing[-1]))
    else:
        note = f"{share.expected:.3f} is expected, p = {share.p:.3f}"
        yield Bounded(
            NEAREST, share.value, share.low, share.high, share.n_synthetic, p=share.p, expected=share.expected,
            note=note,
        )  # fmt: skip


def _share(n_copies: int, n: int, copies: p1_copies.Copies, settings: PrivacySettings, together: float) -> Bounded:
    """Return the share of copies with exact binomial bounds."""
    tail = (1 - settings.confidence) / 2
    unspecific = 0 if copies.unseen_search is None else int(copies.unseen_search.copy.sum())
    note = f"{n_copies} of {n} images"
    if unspecific:  # near-duplicates on both sides, or wrong training ids: then a copy proves nothing
        note += f"; {unspecific} look like copies of unseen cases, where 0 are expected"
    return Bounded(
        COPIES, n_copies / n, _least(n_copies, n, tail), _most(n_copies, n, tail), n,
        upper=_most(n_copies, n, 1 - settings.confidence),
        lower=NAN if unspecific else _least(n_copies, n, together), note=note,
    )  # fmt: skip


def _most(k: int, n: int, tail: float) -> float:
    """Return the exact upper bound of a share of which k in n were seen (Clopper and Pearson 1934).

    >>> round(_most(0, 299, 0.05), 4)
    0.01
    """
    return 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))


def _least(k: int, n: int, tail: float) -> float:
    """Return the exact lower bound of a share of which k in n were seen.

    >>> _least(0, 299, 0.05), round(_least(299, 299, 0.05), 4)
    (0.0, 0.99)
    """
    return 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))


def _area(areas: dict[float, Auc], confidence: float, together: float) -> Bounded:
    whole = areas[confidence]
    note = f"{whole.n_positive} training and {whole.n_negative} unseen patients"
    return Bounded(
        MEMBERSHIP, whole.value, whole.low, whole.high, whole.n_positive, upper=areas[2 * confidence - 1].high,
        lower=areas[1 - 2 * together].low, note=note,
    )  # fmt: skip


@dataclass
class Distances:
    """Measures KID of sets in one feature space, and reads each real case once."""

    space: Space
    max_patients: int
    confidence: float
    seed: int

    def __post_init__(self) -> None:
        self.features: dict[FeatureKey, CaseFeatures] = {}

    def of(self, synthetic_set: SyntheticSet) -> Bounded:
        """Return KID of the set from unseen real cases, with its interval over patients.

        Raises:
            CaseError: If an image cannot be used.
        """
        comparison = choose_comparison(synthetic_set, self.max_patients, self.seed)
        parts = (comparison.real, comparison.synthetic, comparison.fitted)
        tasks = [FeatureTask(case, comparison.size) for part in parts for case in part]
        self.features |= extract_features(
            tasks, {KID: self.space}, synthetic_set.modalities, synthetic_set.regions, known=self.features
        )
        chosen = [select(self.features, part, comparison.size) for part in parts]
        try:
            both = embed_sets(KID, *chosen)
            test = kernel_test(both.real, both.synthetic, n_permutations=1, seed=self.seed, level=self.confidence)
        except Refusal as refusal:
            return Bounded(KID, NAN, NAN, NAN, len(comparison.synthetic), note=str(refusal))
        note = f"{test.n_real} unseen and {test.n_synthetic} synthetic cases"
        return Bounded(KID, test.value, test.low, test.high, test.n_synthetic, note=note)
