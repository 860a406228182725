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

from synthtrust.audits.privacy.distances import distances
from synthtrust.audits.privacy.images import Images
from synthtrust.audits.privacy.kin import kin
from synthtrust.audits.privacy.limits import FEWEST, FEWEST_TRAIN, NEIGHBOURS, Limits
from synthtrust.audits.privacy.material import Material
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
    """What was found; None where it could not be asked, with the reason in ``missing``."""

    n_train: int
    n_holdout: int
    n_synthetic: int
    """Patients, patients, items."""
    copies: CopySearch | None = None
    nearest: tuple[Array, NDArray[np.int64]] | None = None
    """Similarity of each synthetic image to its nearest training image, and which that is."""
    mirror: CopySearch | None = None
    """The same search with training and unseen cases changed for one another."""
    own: dict[int, int] = field(default_factory=dict)
    """Place of each twin of a training label -> place of its source."""
    own_copies: CopySearch | None = None
    """In the order of ``own``."""
    own_similarity: Array | None = None
    membership: Membership | None = None
    share: NearestShare | None = None
    twin_leak: Auc | None = None
    distances: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Measures that never decide: of the synthetic set, and of unseen cases in its place (NaN: no such value)."""
    null: Array | None = None
    """Similarities ``(h, 6)`` of unseen cases to their nearest training cases."""
    own_null: Array | None = None
    """Likewise of twins of unseen labels: to their source, and to the nearest five others."""
    kin: Tensor | None = None
    """Training cases that count as one in the search: the group of each."""
    missing: list[NotComputed] = field(default_factory=list)
    """What could not be computed, and why."""


def examine(material: Material, limits: Limits, *, reported: bool = True) -> Evidence:
    """Ask all questions that there are enough patients for.

    Args:
        material: The three sets.
        limits: Thresholds, permutations, seed.
        reported: Compute also what never decides.
    """
    train, holdout, synthetic = material.train, material.holdout, material.synthetic
    found = Evidence(len(set(train.patients)), len(set(holdout.patients)), len(synthetic))
    if found.n_train < FEWEST_TRAIN or found.n_holdout < FEWEST or not len(synthetic):
        reason = (
            f"it needs at least {FEWEST_TRAIN} training and {FEWEST} unseen patients, and got {found.n_train} and "
            f"{found.n_holdout}, and {len(synthetic)} synthetic images."
        )
        found.missing.append(NotComputed("Copy search", reason))
        return found
    among = limits.candidates(train, NEIGHBOURS)
    found.kin = _ask(found, "Near-duplicates among training cases", lambda: kin(train, holdout, limits))
    if found.kin is not None and (different := len(found.kin.unique())) <= NEIGHBOURS:  # one may be a twin's own
        reason = (
            f"it needs more than {NEIGHBOURS} training images that are no near-duplicates of each other, and got "
            f"{different}."
        )
        found.missing.append(NotComputed("Copy search", reason))
        return found
    null, _ = nearest(holdout.bank, train.bank, NEIGHBOURS, groups=found.kin, candidates=among)
    tied = material.apart(synthetic, train)
    similarity, index = nearest(
        synthetic.bank, train.bank, NEIGHBOURS, exclude=tied, groups=found.kin, candidates=among
    )
    found.null = null.double().numpy()
    found.nearest = similarity.double().numpy(), index[:, 0].numpy()
    found.copies = _ask(found, "Copy search", lambda: limits.search(similarity, null))
    found.mirror = _ask(found, "Specificity control", lambda: _mirror(material, limits))
    found.membership = _ask(found, "Membership inference", lambda: membership_of(material, limits))
    found.share = _ask(found, "Nearest-real share", lambda: share_of(material, limits))
    if material.conditional:
        _own(found, material, limits, similarity)
        found.twin_leak = _ask(found, "Twin leak", lambda: twin_leak_of(material, limits))
    if reported:
        found.distances = _ask(found, "Distances", lambda: distances(material), decides=False) or {}
    return found


def _ask(found: Evidence, question: str, compute: Callable[[], T], *, decides: bool = True) -> T | None:
    """Return the answer, or None and remember why there is none: the formulas say themselves what they need."""
    try:
        return compute()
    except Refusal as refusal:
        found.missing.append(NotComputed(question, str(refusal), decides))
        return None


def _mirror(material: Material, limits: Limits) -> CopySearch:
    """Search for copies of unseen cases, which there cannot be: near-duplicates or wrong training ids would show."""
    holdout, synthetic = material.holdout, material.synthetic
    if len(material.train) < FEWEST:
        raise Refusal(
            f"Expected at least {FEWEST} training cases, to take the place of unseen ones, but got "
            f"{len(material.train)}."
        )
    tied, among = material.apart(synthetic, holdout), limits.candidates(holdout, NEIGHBOURS)
    groups = kin(holdout, material.train, limits)
    items, _ = nearest(synthetic.bank, holdout.bank, NEIGHBOURS, exclude=tied, groups=groups, candidates=among)
    unseen, _ = nearest(material.train.bank, holdout.bank, NEIGHBOURS, groups=groups, candidates=among)
    return limits.search(items, unseen)


def membership_of(material: Material, limits: Limits) -> Membership:
    """Attack the training cases through the synthetic ones (P2)."""
    real, n_train = material.real, len(material.train)
    tied = material.apart(real, material.synthetic)
    among = limits.candidates(material.synthetic, CANDIDATES)
    score = nearest(real.bank, material.synthetic.bank, 1, exclude=tied, candidates=among)[0][:, 0]
    return membership_auc(
        score[:n_train],
        score[n_train:],
        material.train.patients,
        material.holdout.patients,
        n_permutations=limits.n_permutations,
        seed=limits.seed,
        level=limits.level,
    )


def share_of(material: Material, limits: Limits) -> NearestShare:
    """Ask which real image is nearest to each synthetic one (P3); exact for any two numbers of patients.

    Of a patient with several images one is drawn: a side with more images a patient would be nearest more often.
    """
    train, holdout = (side.take(_one_each(side.patients, limits.seed)) for side in (material.train, material.holdout))
    real = train.join(holdout)
    tied = material.apart(material.synthetic, real)
    among = limits.candidates(real, CANDIDATES)
    index = nearest(material.synthetic.bank, real.bank, 1, exclude=tied, candidates=among)[1]
    return nearest_real_share(
        index[:, 0],
        np.arange(len(real)) < len(train),
        real.patients,
        n_permutations=limits.n_permutations,
        seed=limits.seed,
        level=limits.level,
    )


def _one_each(patients: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the place of one image of each patient, drawn by the seed, in order."""
    place: dict[str, int] = {}
    for i in np.random.default_rng([seed, 4]).permutation(len(patients)):
        place.setdefault(patients[i], int(i))
    return np.array(sorted(place.values()), dtype=np.int64)


def _own(found: Evidence, material: Material, limits: Limits, similarity: Tensor) -> None:
    """Compare twins of training labels with their own sources, as twins of unseen labels are alike with theirs."""
    sides = [_with_source(material, of, similarity) for of in (material.train, material.holdout)]
    (found.own, items), (_, found.own_null) = sides
    found.own_similarity = items[:, 0]
    question = "Copy search among own sources"
    found.own_copies = _ask(found, question, lambda: limits.search(items, found.own_null, ranked=False))


def _with_source(material: Material, of: Images, similarity: Tensor) -> tuple[dict[int, int], Array]:
    """Return which twins have their source among these cases, and ``(n, 6)``: alike to it, and to the best others.

    The other images of the source's patient count as the source: a generator that saw two time points of one patient
    may paint the one on the label of the other. The place returned is that of the most similar of them.
    """
    places = material.source(of)
    if not places:
        return places, np.empty((0, NEIGHBOURS))
    owner = np.array(of.patients)
    pairs = [(i, int(j)) for i, source in places.items() for j in np.flatnonzero(owner == owner[source])]
    twins, images = (torch.tensor(side) for side in zip(*pairs))
    alike = paired(material.synthetic.bank.take(twins), of.bank.take(images))
    best: dict[int, tuple[float, int]] = {}
    for (i, j), value in zip(pairs, alike.double().tolist(), strict=True):
        best[i] = max(best.get(i, (-2.0, j)), (value, j))
    own = np.array([[value] for value, _ in best.values()])
    others = similarity[torch.tensor(list(best)), : NEIGHBOURS - 1].double().numpy()
    return {i: j for i, (_, j) in best.items()}, np.concatenate([own, others], axis=1)


def twin_leak_of(material: Material, limits: Limits) -> Auc:
    """Compare what twins have of their source beyond its label: of training labels, and of unseen ones (P4)."""
    if material.residual is None:
        raise Refusal("Expected label maps to compare twins with their sources, but got none.")
    values, patients = [], []
    for of in (material.train, material.holdout):
        cases = [material.synthetic.cases[i] for i in material.source(of)]
        values.append(np.nan_to_num([material.residual(case.id) for case in cases]))  # no texture is like nobody's
        patients.append([case.patient for case in cases])
    return paired_twin_test(
        values[0],
        values[1],
        patients[0],
        patients[1],
        n_permutations=limits.n_permutations,
        seed=limits.seed,
        level=limits.level,
    )
