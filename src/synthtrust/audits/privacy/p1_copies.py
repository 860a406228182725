"""P1 asks whether synthetic images are copies of training cases.

Twins painted on the label of a real case share its outline, and lie nearer to that case even if the generator is
honest. So each twin is compared with all training cases but its own source, and with its own source apart: against what
twins of unseen labels have to do with theirs. As a control of specificity the same search asks for copies of unseen
cases, which there cannot be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest
from torch import Tensor

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.duplicate_groups import duplicate_groups
from synthtrust.audits.privacy.embedded import EmbeddedCases
from synthtrust.audits.privacy.question import CURE, Attempts, Leak, NotComputed, TestRow
from synthtrust.audits.privacy.settings import MIN_COMPUTED, MIN_TRAIN_COMPUTED, NEIGHBOURS, PrivacySettings
from synthtrust.audits.privacy.views import View, in_its_view, nearest_in, pairwise_in, views_of
from synthtrust.metrics.functional import CopySearch
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Doubt

Array = NDArray[np.float64]
QUESTION = "Copy search"


@dataclass(frozen=True)
class SourceCopies:
    """How alike twins are to the real case that they were painted for."""

    twins: NDArray[np.int64]
    """Index of each twin of a training label among the synthetic images."""
    sources: NDArray[np.int64]
    """Index of the training case that each of them was painted for, in each view ``(V, n)``."""
    similarity: Array
    """Similarity to the source, of each of them in each view ``(V, n)``."""
    null: Array
    """Similarities ``(V, m, 6)`` of twins of unseen labels: to their source, and to the nearest five others."""
    search: CopySearch | None
    """The copy search among own sources, in the order of ``twins``."""


@dataclass(frozen=True)
class Copies:
    """The answer to P1; a search is None where it could not be made."""

    views: tuple[View, ...]
    """The V views in which images were compared."""
    similarity: Array
    """Similarities ``(V, n, 6)`` of each synthetic image to its nearest training images, own source left out."""
    index: NDArray[np.int64]
    """Index of the nearest training image in each view ``(V, n)``."""
    null: Array
    """Similarities ``(V, h, 6)`` of unseen cases to their nearest training cases."""
    search: CopySearch | None
    """The copy search among training cases."""
    unseen_search: CopySearch | None = None
    """The same search with training and unseen cases in each other's place."""
    groups: Tensor | None = None
    """Training cases that count as one in the search: the group of each."""
    source: SourceCopies | None = None
    """The search among own sources; None for sets that were painted on classes."""


def ask(data: AuditData, settings: PrivacySettings, attempt: Attempts) -> Copies | None:
    """Search for copies of training cases, of unseen ones, and of own sources; None if there are too few cases."""
    train, holdout, synthetic = data.train, data.holdout, data.synthetic
    n_train, n_holdout = len(set(train.patients)), len(set(holdout.patients))
    if n_train < MIN_TRAIN_COMPUTED or n_holdout < MIN_COMPUTED or not len(synthetic):
        reason = (
            f"it needs at least {MIN_TRAIN_COMPUTED} training and {MIN_COMPUTED} unseen patients, and got {n_train} "
            f"and {n_holdout}, and {len(synthetic)} synthetic images."
        )
        attempt.missing.append(NotComputed(QUESTION, reason))
        return None
    groups = attempt("Near-duplicates among training cases", lambda: duplicate_groups(train, holdout, settings))
    if groups is not None and (n_different := len(groups.unique())) <= NEIGHBOURS:  # one may be a twin's own source
        reason = (
            f"it needs more than {NEIGHBOURS} training images that are no near-duplicates of each other, and got "
            f"{n_different}."
        )
        attempt.missing.append(NotComputed(QUESTION, reason))
        return None
    views = views_of(data.extent or (1,) * (train.bank.fine.ndim - 2), train.bank.fine.shape[1], settings)
    n_candidates = settings.candidates(train, NEIGHBOURS)
    null, _ = nearest_in(views, holdout, train, groups=groups, candidates=n_candidates)
    excluded = data.exclusion_mask(synthetic, train)
    similarity, index = nearest_in(views, synthetic, train, exclude=excluded, groups=groups, candidates=n_candidates)
    return Copies(
        views,
        similarity,
        index[..., 0],
        null,
        attempt(QUESTION, lambda: settings.search(similarity, null)),
        attempt("Specificity control", lambda: swapped_search(data, views, settings)),
        groups,
        _ask_sources(data, views, settings, similarity, attempt) if data.conditional else None,
    )


def swapped_search(data: AuditData, views: Sequence[View], settings: PrivacySettings) -> CopySearch:
    """Search for copies of unseen cases, which there cannot be: near-duplicates or wrong training ids would show."""
    holdout, synthetic = data.holdout, data.synthetic
    if len(data.train) < MIN_COMPUTED:
        raise Refusal(
            f"Expected at least {MIN_COMPUTED} training cases, to take the place of unseen ones, but got "
            f"{len(data.train)}."
        )
    excluded, n_candidates = data.exclusion_mask(synthetic, holdout), settings.candidates(holdout, NEIGHBOURS)
    groups = duplicate_groups(holdout, data.train, settings)
    items, _ = nearest_in(views, synthetic, holdout, exclude=excluded, groups=groups, candidates=n_candidates)
    unseen, _ = nearest_in(views, data.train, holdout, groups=groups, candidates=n_candidates)
    return settings.search(items, unseen)


def _ask_sources(
    data: AuditData, views: Sequence[View], settings: PrivacySettings, similarity: Array, attempt: Attempts
) -> SourceCopies:
    """Compare twins of training labels with their own sources, by what twins of unseen labels have to do with theirs.

    Args:
        data: The three sets.
        views: The V views in which they are compared.
        settings: The thresholds.
        similarity: Similarities ``(V, n, 6)`` of each synthetic image to its nearest training images.
        attempt: Keeps the reason if the search cannot be made.
    """
    twins, sources, items = _with_source(data, views, data.train, similarity)
    _, _, null = _with_source(data, views, data.holdout, similarity)
    search = attempt("Copy search among own sources", lambda: settings.search(items, null, ranked=False))
    return SourceCopies(twins, sources, items[..., 0], null, search)


def _with_source(
    data: AuditData, views: Sequence[View], real: EmbeddedCases, similarity: Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return the indices of the m twins whose source is among real cases, those of the sources, and similarities.

    Those are ``(V, m, 6)``: to the source, and to the five nearest others. The other images of the source's patient
    count as the source: a generator that saw two time points of one patient may paint the one on the label of the
    other. The indices of sources, ``(V, m)``, are those of the most similar of them.
    """
    source_of = data.sources_among(real)
    if not source_of:
        return np.empty(0, np.int64), np.empty((len(views), 0), np.int64), np.empty((len(views), 0, NEIGHBOURS))
    patients = np.array(real.patients)
    pairs = [(i, int(j)) for i, source in source_of.items() for j in np.flatnonzero(patients == patients[source])]
    twins, images = (np.array(indices) for indices in zip(*pairs))
    of_twins = data.synthetic.take(twins)
    values = pairwise_in(views, of_twins, real.take(images))
    with_source = np.array(list(source_of))
    best = np.array([[np.where(twins == i, of_view, -np.inf).argmax() for i in with_source] for of_view in values])
    to_source = np.take_along_axis(values, best, axis=1)[..., None]
    return with_source, images[best], np.concatenate([to_source, similarity[:, with_source, : NEIGHBOURS - 1]], axis=2)


def rows(copies: Copies, confidence: float) -> Iterator[TestRow]:
    """Yield the share of copies that each search found, with its exact binomial interval."""
    notes = ["own source left out"] if copies.source is not None and len(copies.source.twins) else []
    n_alike = 0 if copies.groups is None else len(copies.groups) - len(copies.groups.unique())
    if n_alike:
        notes.append(f"{n_alike} training images count as one with another: of its patient, or as alike as copies are")
    source_search = copies.source.search if copies.source else None
    searches = (
        ("P1 copies of training cases", copies.search, True, "; ".join(notes)),
        ("P1 copies of the own source", source_search, True, "twins of training labels"),
        ("copies of unseen cases", copies.unseen_search, False, "specificity control: 0 is expected"),
    )
    for measure, search, decisive, note in searches:
        if search is not None:
            k, n = int(search.copy.sum()), len(search.copy)
            interval = binomtest(k, n).proportion_ci(confidence)
            counts = f"{k} of {n} copies, {int(search.suspect.sum())} suspect. {note}".strip()
            yield TestRow(measure, k / n, interval.low, interval.high, decisive=decisive, note=counts)


def leaks(copies: Copies, settings: PrivacySettings, n_train: int, n_holdout: int) -> Iterator[Leak]:
    """Yield each proof that there are copies.

    Args:
        copies: The answer to P1.
        settings: The thresholds.
        n_train: Training patients.
        n_holdout: Unseen patients.
    """
    n_unseen = _n_copies(copies.unseen_search)
    if copies.search is not None and (n := _n_copies(copies.search)):
        # are there more copies of training than of unseen cases than their numbers alone would give?
        chance = n_train / (n_train + n_holdout)
        if not n_unseen or float(binom.sf(n - 1, n + n_unseen, chance)) < settings.significance:
            n_sources = len(set(in_its_view(copies.index, copies.search.view)[copies.search.copy].tolist()))
            n_images = copies.index.shape[1]
            text = f"{n} of {n_images} synthetic images are copies, of {n_sources} training cases (P1)."
            yield Leak("copies", text, "P1")
    # near-duplicates on both sides would give such copies too, but then unseen cases look like copies themselves
    if n_unseen and not settings.search(copies.null, copies.null).copy.any():
        text = (
            f"{n_unseen} synthetic images are copies of cases that the generator is said never to have seen, though no "
            "unseen case resembles a training case like that: the training ids are wrong or incomplete (P1)."
        )
        yield Leak("copies_of_unseen_cases", text, "P1")
    if copies.source is not None and (n := _n_copies(copies.source.search)):
        n_twins = len(copies.source.twins)
        text = f"{n} of {n_twins} twins of training labels are copies of the case they were painted for (P1)."
        yield Leak("copies_of_own_source", text, "P1")


def doubts(copies: Copies) -> Iterator[Doubt]:
    """Yield suspects, and that cases which were never seen seem to be copied as well."""
    searches = (copies.search, copies.source.search if copies.source else None)
    if n := sum(int(search.suspect.sum()) for search in searches if search is not None):
        text = f"{n} synthetic images are suspect, between honest and copy: look at the pairs."
        yield Doubt("suspects", text, CURE)
    if copies.search is not None and (n_unseen := _n_copies(copies.unseen_search)):
        text = (
            f"{n_unseen} synthetic images look like copies of cases that the generator is said never to have seen "
            f"({_n_copies(copies.search)} of training cases): near-duplicates among the real cases, or wrong training "
            "ids."
        )
        yield Doubt("unspecific", text, CURE)


def _n_copies(search: CopySearch | None) -> int:
    return 0 if search is None else int(search.copy.sum())
