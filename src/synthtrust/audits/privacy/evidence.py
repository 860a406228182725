"""The evidence on privacy: copies (P1), membership (P2), nearest-real share (P3), twin leak (P4).

Twins painted on the label of a real case share its outline, and lie nearer to that case even if the generator is
honest: asked which real image is nearest, every such set would be called a leak. So each twin is compared with all real
cases but its own source (P1 to P3), and with its own source apart: against what twins of unseen labels have to do with
their own sources, item by item (P1) and as a whole (P4). A set that was painted on classes has no such tie.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.distances import distances
from synthtrust.audits.privacy.duplicate_groups import duplicate_groups
from synthtrust.audits.privacy.embedded import EmbeddedCases
from synthtrust.audits.privacy.settings import FEWEST, FEWEST_TRAIN, NEIGHBOURS, PrivacySettings
from synthtrust.metrics.functional import (
    Auc,
    CopySearch,
    Membership,
    NearestShare,
    membership_auc,
    nearest,
    nearest_real_share,
    paired,
    paired_twin_test,
)
from synthtrust.refusals import Refusal

Array = NDArray[np.float64]
T = TypeVar("T")
CANDIDATES = 3
"""Images compared on the full grid where only the nearest is asked for."""


@dataclass(frozen=True)
class NotComputed:
    """A question that could not be asked."""

    question: str
    """What was to be computed, as tables name it."""
    reason: str
    decides: bool = True
    """Whether the answer would have had a say in the verdict."""

    def __str__(self) -> str:
        return f"{self.question} not computed: {self.reason}"


@dataclass
class Evidence:
    """The answers to all questions; None where one could not be asked, with the reason in ``missing``."""

    n_train: int
    n_holdout: int
    n_synthetic: int
    """Patients, patients, items."""
    copies: CopySearch | None = None
    nearest: tuple[Array, NDArray[np.int64]] | None = None
    """Similarity of each synthetic image to its nearest training image, and which that is."""
    swapped_search: CopySearch | None = None
    """The same search with training and unseen cases changed for one another."""
    source_of: dict[int, int] = field(default_factory=dict)
    """Place of each twin of a training label -> place of its source."""
    source_copies: CopySearch | None = None
    """The copy search among own sources, in the order of ``source_of``."""
    source_similarity: Array | None = None
    membership: Membership | None = None
    share: NearestShare | None = None
    twin_leak: Auc | None = None
    distances: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Measures that never decide: of the synthetic set, and of unseen cases in its place (NaN: no such value)."""
    null: Array | None = None
    """Similarities ``(h, 6)`` of unseen cases to their nearest training cases."""
    source_null: Array | None = None
    """Likewise of twins of unseen labels: to their source, and to the nearest five others."""
    duplicate_groups: Tensor | None = None
    """Training cases that count as one in the search: the group of each."""
    missing: list[NotComputed] = field(default_factory=list)
    """What could not be computed, and why."""


def examine(data: AuditData, settings: PrivacySettings, *, reported: bool = True) -> Evidence:
    """Ask all questions that there are enough patients for.

    Args:
        data: The three sets.
        settings: Thresholds, permutations, seed.
        reported: Compute also what never decides.
    """
    train, holdout, synthetic = data.train, data.holdout, data.synthetic
    evidence = Evidence(len(set(train.patients)), len(set(holdout.patients)), len(synthetic))
    if evidence.n_train < FEWEST_TRAIN or evidence.n_holdout < FEWEST or not len(synthetic):
        reason = (
            f"it needs at least {FEWEST_TRAIN} training and {FEWEST} unseen patients, and got {evidence.n_train} and "
            f"{evidence.n_holdout}, and {len(synthetic)} synthetic images."
        )
        evidence.missing.append(NotComputed("Copy search", reason))
        return evidence
    n_candidates = settings.candidates(train, NEIGHBOURS)
    evidence.duplicate_groups = _ask(
        evidence, "Near-duplicates among training cases", lambda: duplicate_groups(train, holdout, settings)
    )
    if (
        evidence.duplicate_groups is not None and (different := len(evidence.duplicate_groups.unique())) <= NEIGHBOURS
    ):  # one may be a twin's own
        reason = (
            f"it needs more than {NEIGHBOURS} training images that are no near-duplicates of each other, and got "
            f"{different}."
        )
        evidence.missing.append(NotComputed("Copy search", reason))
        return evidence
    null, _ = nearest(holdout.bank, train.bank, NEIGHBOURS, groups=evidence.duplicate_groups, candidates=n_candidates)
    excluded = data.exclusion_mask(synthetic, train)
    similarity, index = nearest(
        synthetic.bank,
        train.bank,
        NEIGHBOURS,
        exclude=excluded,
        groups=evidence.duplicate_groups,
        candidates=n_candidates,
    )
    evidence.null = null.double().numpy()
    evidence.nearest = similarity.double().numpy(), index[:, 0].numpy()
    evidence.copies = _ask(evidence, "Copy search", lambda: settings.search(similarity, null))
    evidence.swapped_search = _ask(evidence, "Specificity control", lambda: swapped_search(data, settings))
    evidence.membership = _ask(evidence, "Membership inference", lambda: membership_of(data, settings))
    evidence.share = _ask(evidence, "Nearest-real share", lambda: share_of(data, settings))
    if data.conditional:
        _compare_with_sources(evidence, data, settings, similarity)
        evidence.twin_leak = _ask(evidence, "Twin leak", lambda: twin_leak_of(data, settings))
    if reported:
        evidence.distances = _ask(evidence, "Distances", lambda: distances(data), decides=False) or {}
    return evidence


def _ask(evidence: Evidence, question: str, compute: Callable[[], T], *, decides: bool = True) -> T | None:
    """Return the answer, or None and remember why there is none: the formulas say themselves what they need."""
    try:
        return compute()
    except Refusal as refusal:
        evidence.missing.append(NotComputed(question, str(refusal), decides))
        return None


def swapped_search(data: AuditData, settings: PrivacySettings) -> CopySearch:
    """Search for copies of unseen cases, which there cannot be: near-duplicates or wrong training ids would show."""
    holdout, synthetic = data.holdout, data.synthetic
    if len(data.train) < FEWEST:
        raise Refusal(
            f"Expected at least {FEWEST} training cases, to take the place of unseen ones, but got {len(data.train)}."
        )
    excluded, n_candidates = data.exclusion_mask(synthetic, holdout), settings.candidates(holdout, NEIGHBOURS)
    groups = duplicate_groups(holdout, data.train, settings)
    items, _ = nearest(
        synthetic.bank, holdout.bank, NEIGHBOURS, exclude=excluded, groups=groups, candidates=n_candidates
    )
    unseen, _ = nearest(data.train.bank, holdout.bank, NEIGHBOURS, groups=groups, candidates=n_candidates)
    return settings.search(items, unseen)


def membership_of(data: AuditData, settings: PrivacySettings) -> Membership:
    """Attack the training cases through the synthetic ones (P2)."""
    real, n_train = data.real, len(data.train)
    excluded = data.exclusion_mask(real, data.synthetic)
    n_candidates = settings.candidates(data.synthetic, CANDIDATES)
    score = nearest(real.bank, data.synthetic.bank, 1, exclude=excluded, candidates=n_candidates)[0][:, 0]
    return membership_auc(
        score[:n_train],
        score[n_train:],
        data.train.patients,
        data.holdout.patients,
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.level,
    )


def share_of(data: AuditData, settings: PrivacySettings) -> NearestShare:
    """Ask which real image is nearest to each synthetic one (P3); exact for any two numbers of patients.

    Of a patient with several images one is drawn: a side with more images a patient would be nearest more often.
    """
    train, holdout = (side.take(_one_each(side.patients, settings.seed)) for side in (data.train, data.holdout))
    real = train.join(holdout)
    excluded = data.exclusion_mask(data.synthetic, real)
    n_candidates = settings.candidates(real, CANDIDATES)
    index = nearest(data.synthetic.bank, real.bank, 1, exclude=excluded, candidates=n_candidates)[1]
    return nearest_real_share(
        index[:, 0],
        np.arange(len(real)) < len(train),
        real.patients,
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.level,
    )


def _one_each(patients: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the place of one image of each patient, drawn by the seed, in order."""
    place: dict[str, int] = {}
    for i in np.random.default_rng([seed, 4]).permutation(len(patients)):
        place.setdefault(patients[i], int(i))
    return np.array(sorted(place.values()), dtype=np.int64)


def _compare_with_sources(evidence: Evidence, data: AuditData, settings: PrivacySettings, similarity: Tensor) -> None:
    """Compare twins of training labels with their own sources, as twins of unseen labels are alike with theirs."""
    sides = [_with_source(data, of, similarity) for of in (data.train, data.holdout)]
    (evidence.source_of, items), (_, evidence.source_null) = sides
    evidence.source_similarity = items[:, 0]
    question = "Copy search among own sources"
    evidence.source_copies = _ask(
        evidence, question, lambda: settings.search(items, evidence.source_null, ranked=False)
    )


def _with_source(data: AuditData, of: EmbeddedCases, similarity: Tensor) -> tuple[dict[int, int], Array]:
    """Return which twins have their source among these cases, and ``(n, 6)``: alike to it, and to the best others.

    The other images of the source's patient count as the source: a generator that saw two time points of one patient
    may paint the one on the label of the other. The place returned is that of the most similar of them.
    """
    places = data.sources_among(of)
    if not places:
        return places, np.empty((0, NEIGHBOURS))
    owner = np.array(of.patients)
    pairs = [(i, int(j)) for i, source in places.items() for j in np.flatnonzero(owner == owner[source])]
    twins, images = (torch.tensor(side) for side in zip(*pairs))
    alike = paired(data.synthetic.bank.take(twins), of.bank.take(images))
    best: dict[int, tuple[float, int]] = {}
    for (i, j), value in zip(pairs, alike.double().tolist(), strict=True):
        best[i] = max(best.get(i, (-2.0, j)), (value, j))
    own = np.array([[value] for value, _ in best.values()])
    others = similarity[torch.tensor(list(best)), : NEIGHBOURS - 1].double().numpy()
    return {i: j for i, (_, j) in best.items()}, np.concatenate([own, others], axis=1)


def twin_leak_of(data: AuditData, settings: PrivacySettings) -> Auc:
    """Compare what twins have of their source beyond its label: of training labels, and of unseen ones (P4)."""
    if data.residual is None:
        raise Refusal("Expected label maps to compare twins with their sources, but got none.")
    values, patients = [], []
    for of in (data.train, data.holdout):
        cases = [data.synthetic.cases[i] for i in data.sources_among(of)]
        values.append(np.nan_to_num([data.residual(case.id) for case in cases]))  # no texture is like nobody's
        patients.append([case.patient for case in cases])
    return paired_twin_test(
        values[0],
        values[1],
        patients[0],
        patients[1],
        n_permutations=settings.n_permutations,
        seed=settings.seed,
        level=settings.level,
    )
