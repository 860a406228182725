"""P5 asks whether label maps that are said to be nobody's are those of training patients.

Twins carry label maps of patients by construction, which the verdict says; it is asked of sets with label maps of their
own. There, the label map of a case that names that patient as its parent is disclosed as a twin's is, and said in the
same words; one that nobody declared is a leak. Label maps of unseen patients say how alike those of two people are, as
in the copy search (P1).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom
from scipy.stats import binom, binomtest

from synthtrust.audits.privacy.audit_data import AuditData
from synthtrust.audits.privacy.label_map_copies import COPIES
from synthtrust.audits.privacy.question import CURE, Leak, TestRow, disclosed_label_maps
from synthtrust.audits.privacy.settings import MIN_COMPUTED, NEIGHBOURS, PrivacySettings
from synthtrust.cases import Case
from synthtrust.machine import readers
from synthtrust.metrics.functional import CopySearch, ShapeSpace, label_shapes
from synthtrust.refusals import Refusal
from synthtrust.verdicts import Doubt, Reason

QUESTION = "Search for label maps of patients"
CHANCE = 0.002
"""Share of strangers' label maps beyond the copy threshold of 9: 5 of 3,100 hippocampi in 80 draws were."""
BY_CHANCE = 0.05
"""Probability from which on so many beyond the threshold are taken for chance."""
BY_ITSELF = 4 / 3
"""Times the copy threshold: beyond it a single label map is a copy, however many others there are."""
MOST_RESIZED, MOST_SCALE = 200, 0.15
"""Training label maps that are resized to learn what size changes, at most, and by how much [logarithm of the size]."""
Shapes = NDArray[np.float32]


@dataclass(frozen=True)
class LabelMapCopies:
    """The answer to P5."""

    search: CopySearch
    """The search among training patients, in the order of the synthetic cases that have a labelled voxel."""
    declared: NDArray[np.bool_]
    """Whether the nearest training case is the declared parent, or the donor, of each synthetic case."""
    sources: tuple[str, ...]
    """The nearest training case of each synthetic case."""
    found: dict[str, tuple[int, int]]
    """Kind of planted copy -> how many were found, and how many were planted."""

    @property
    def n_declared(self) -> int:
        """Copies of a case that is declared as their parent or donor."""
        return int((self.search.copy & self.declared).sum())

    @property
    def undeclared(self) -> NDArray[np.bool_]:
        """Copies of a case that is not declared."""
        return self.search.copy & ~self.declared


def ask(data: AuditData, settings: PrivacySettings) -> LabelMapCopies:
    """Search for label maps of training patients, and for planted copies of them.

    Raises:
        Refusal: If there are too few patients on a side, or no label map has a labelled voxel.
    """
    sides = [_labelled(side.cases) for side in (data.train, data.holdout, data.synthetic)]
    n_train, n_holdout = (len({case.patient for case, _ in side}) for side in sides[:2])
    if n_train <= NEIGHBOURS or n_holdout < MIN_COMPUTED or not sides[2]:
        raise Refusal(
            f"Expected label maps of more than {NEIGHBOURS} training and at least {MIN_COMPUTED} unseen patients, but "
            f"got {n_train} and {n_holdout}, and {len(sides[2])} synthetic ones."
        )
    labels = [label for _, label in sides[0]]
    train, unseen, synthetic = (_shapes([label for _, label in side], data.labels) for side in sides)
    changed = _shapes([*resized(labels[:MOST_RESIZED], np.random.default_rng([settings.seed, 7]))], data.labels)
    space = ShapeSpace(train, changed)
    patients = np.unique([case.patient for case, _ in sides[0]], return_inverse=True)[1]
    null, _ = nearest_patients(unseen, space, patients)
    similarity, index = nearest_patients(synthetic, space, patients)
    search = settings.search(similarity, null)
    nearest = index[search.view, np.arange(len(synthetic))]
    sources = [sides[0][j][0] for j in nearest]
    declared = [
        bool({case.parent, case.donor} & {source.id, source.patient})
        for (case, _), source in zip(sides[2], sources, strict=True)
    ]
    return LabelMapCopies(
        beyond_chance(search, np.array(declared), BY_ITSELF * settings.copy_threshold_for(len(unseen))),
        np.array(declared),
        tuple(source.id for source in sources),
        _planted(labels, space, patients, null, data.labels, settings),
    )


def beyond_chance(search: CopySearch, declared: NDArray[np.bool_], by_itself: float) -> CopySearch:
    """Count weak copies as suspect where chance explains as many: a large set of strangers' label maps has one or two.

    A copy of the case that is declared as its parent is no chance, and stays one.

    Args:
        search: The search, item by item.
        declared: Whether the nearest case is the declared parent of each item.
        by_itself: Strength beyond which an item is a copy whatever the others are.

    >>> n, of_200 = [], np.arange(200)
    >>> for top in ([10.0], [13.0], [10.0, 10.0, 10.0]):
    ...     strength = np.where(of_200 < len(top), top[0], 1.0)
    ...     found = CopySearch(strength, -strength, strength, strength > 9, strength > 99, 60, 0 * of_200)
    ...     n.append(int(beyond_chance(found, of_200 < 0, 12.0).copy.sum()))
    >>> n
    [0, 1, 3]
    """
    undeclared = search.copy & ~declared
    n_beyond = int(undeclared.sum())
    if not n_beyond or binom.sf(n_beyond - 1, len(undeclared), CHANCE) < BY_CHANCE:
        return search
    weak = undeclared & (search.strength <= by_itself)
    return replace(search, copy=search.copy & ~weak, suspect=search.suspect | weak)


def _planted(
    labels: Sequence[NDArray[np.uint8]], space: ShapeSpace, patients: NDArray[np.int64], null: NDArray[np.float64],
    values: Sequence[int], settings: PrivacySettings,
) -> dict[str, tuple[int, int]]:  # fmt: skip
    """Plant copies of a few training label maps in every way, and count those that are found."""
    m = min(settings.n_copies, len(labels) // 5)
    chosen = np.random.default_rng([settings.seed, 5]).permutation(len(labels))[:m]
    counts = {}
    for number, (kind, change) in enumerate(COPIES.items() if m else ()):
        changed = [change(labels[i], np.random.default_rng([settings.seed, 6, number, int(i)])) for i in chosen]
        similarity, index = nearest_patients(_shapes(changed, values), space, patients)
        search = settings.search(similarity, null)
        right = patients[index[search.view, np.arange(m)]] == patients[chosen]
        counts[kind] = (int((search.copy & right).sum()), m)
    return counts


def _labelled(cases: Sequence[Case]) -> list[tuple[Case, NDArray[np.uint8]]]:
    """Return cases with their label maps, those that have a labelled voxel."""
    with ThreadPoolExecutor(readers()) as pool:
        labels = pool.map(lambda case: case.load_label(), cases)
        return [(case, label) for case, label in zip(cases, labels, strict=True) if label.any()]


def _shapes(labels: Sequence[NDArray[np.uint8]], values: Sequence[int]) -> Shapes:
    with ThreadPoolExecutor(readers()) as pool:
        return np.stack(list(pool.map(lambda label: label_shapes(label, values), labels)))


def resized(labels: Sequence[NDArray[np.uint8]], rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield label maps in another size, to the nearest voxel, or as they are where nothing would be left."""
    for label in labels:
        changed = zoom(label, float(np.exp(rng.uniform(-MOST_SCALE, MOST_SCALE))), order=0)
        yield changed if changed.any() else label


def nearest_patients(
    queries: Shapes, space: ShapeSpace, patients: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the similarities to the nearest six patients ``(V, n, 6)``, and the nearest label map ``(V, n)``."""
    similarity = space.similarity(queries)
    of_patients = np.stack([similarity[..., patients == i].max(axis=-1) for i in range(patients.max() + 1)], axis=-1)
    return -np.sort(-of_patients, axis=-1)[..., :NEIGHBOURS], similarity.argmax(axis=-1)


def rows(answer: LabelMapCopies, confidence: float) -> Iterator[TestRow]:
    """Yield the share of label maps that are a training patient's, with its exact binomial interval."""
    k, n = int(answer.search.copy.sum()), len(answer.search.copy)
    interval = binomtest(k, n).proportion_ci(confidence)
    note = f"{k} of {n} copies, {answer.n_declared} of them of a declared parent; {answer.search.suspect.sum()} suspect"
    yield TestRow("P5 label maps of training patients", k / n, interval.low, interval.high, decisive=True, note=note)


def leaks(answer: LabelMapCopies) -> Iterator[Leak]:
    """Yield the proof that label maps of training patients are in the set without a word."""
    if n := int(answer.undeclared.sum()):
        n_sources = len({answer.sources[i] for i in np.flatnonzero(answer.undeclared)})
        text = (
            f"{n} of {len(answer.search.copy)} label maps are those of {n_sources} training cases that are not "
            "declared as their parents, as they are or changed a little (P5)."
        )
        yield Leak("label_maps", text, "P5")


def remarks(answer: LabelMapCopies) -> Iterator[Reason]:
    """Yield that label maps of declared parents are in the set, or that none was found."""
    if answer.n_declared:
        whose = (
            "those of the training patients that are declared as their parents, as they are or changed a little (P5)"
        )
        yield disclosed_label_maps(answer.n_declared, len(answer.search.copy), whose)
    if not answer.search.copy.any():
        text = (
            f"None of the {len(answer.search.copy)} label maps was found to be a training patient's, as it is or "
            "changed a little (P5)."
        )
        yield Reason("label_maps_searched", text)


def doubts(answer: LabelMapCopies) -> Iterator[Doubt]:
    """Yield that some label maps are suspect; whose declared parent they resemble is no doubt."""
    if n := int((answer.search.suspect & ~answer.declared).sum()):
        text = f"{n} label maps are suspect, between a stranger's and a training patient's (P5)."
        yield Doubt("suspect_label_maps", text, CURE)
