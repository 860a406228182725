"""Training cases, found again: by their label map or findings, the very same or the most alike, or by their class."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case, Findings
from synthtrust.refusals import Refusal

COARSE = 24  # side of the grid on which label maps are compared

T = TypeVar("T")


class Memory(Protocol):
    """Remembers training cases; images stay on disk."""

    cases: list[Case]

    def recall(self, label: Any, rng: np.random.Generator) -> Case:
        """Return a training case to a label map ``(H, W, D)``, or to a class or findings."""


class MapMemory:
    """Remembers which case each label map belongs to.

    Args:
        cases: Training cases, at least one; when two have the same label map, the last one counts.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        labels = [case.load_label() for case in cases]
        self._by_digest = {_digest(label): case for label, case in zip(labels, cases)}
        self._coarse = np.stack([_coarse(label) for label in labels])  # (N, COARSE, COARSE, COARSE)

    def recall(self, label: Any, rng: np.random.Generator) -> Case:
        """Return the case that has exactly this label map ``(H, W, D)``, or else the one that has the most like it."""
        return self.of(label) or self.most_alike(label)

    def of(self, label: NDArray[np.uint8]) -> Case | None:
        """Return the case that has exactly this label map ``(H, W, D)``, None when none has."""
        return self._by_digest.get(_digest(label))

    def most_alike(self, label: NDArray[np.uint8]) -> Case:
        """Return the case with the highest Dice of all labelled voxels, both maps thinned to ``COARSE`` per axis."""
        coarse = _coarse(label)
        agree = ((self._coarse == coarse) & (coarse > 0)).sum((1, 2, 3))
        size = (self._coarse > 0).sum((1, 2, 3)) + (coarse > 0).sum()
        return self.cases[int(np.argmax(2 * agree / np.maximum(size, 1)))]


class ClassMemory:
    """Remembers which cases each class has, or each combination of findings.

    Args:
        cases: Training cases with classes or findings, at least one.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        self.by_class = by_class(cases)

    def recall(self, label: Any, rng: np.random.Generator) -> Case:
        """Return a case of this class, or of findings most like these, by chance, each as likely as the others."""
        cases = of_class(self.by_class, label)
        return cases[int(rng.integers(len(cases)))]


def remember(cases: Sequence[Case]) -> Memory:
    """Return the memory for training cases with label maps, or for those with classes or findings.

    Raises:
        Refusal: If there are none.
    """
    return ClassMemory(cases) if classified(cases) else MapMemory(cases)


def classified(cases: Sequence[Case]) -> bool:
    """Whether training cases have classes or findings, and not label maps.

    Raises:
        Refusal: If there are none.
    """
    if not cases:
        raise Refusal("Expected at least one training case, but got none.")
    return not cases[0].has_label_map


def by_class(cases: Sequence[Case]) -> dict[int | Findings, list[Case]]:
    """Return the cases of each class, or combination of findings, that occurs."""
    groups: dict[int | Findings, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.target, []).append(case)
    return groups


def of_class(known: Mapping[Any, T], label: int | Findings) -> T:
    """Return what is known of a class, or of the findings most like those asked for.

    Most alike are those that differ in the fewest findings; of several the first in order.

    >>> of_class({Findings((0, 0, 1)): "mass", Findings((1, 1, 1)): "all"}, Findings((0, 1, 1)))
    'mass'

    Raises:
        Refusal: If no training case has that class.
    """
    if isinstance(label, Findings):
        return known[min(sorted(known), key=lambda other: _n_differing(other, label))]
    if label not in known:
        raise Refusal(f"Expected a class among {sorted(known)}, those of the training cases, but got {label}.")
    return known[label]


def _n_differing(some: Findings, others: Findings) -> int:
    """Count the findings that one has and the other has not.

    Raises:
        Refusal: If they are not as many.
    """
    if len(some) != len(others):
        raise Refusal(f"Expected {len(some)} findings, as the training cases have, but got {others}.")
    return sum(value != other for value, other in zip(some, others))


def _digest(label: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(label.shape).encode() + np.ascontiguousarray(label).tobytes()).hexdigest()


def _coarse(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick COARSE voxels along each axis, evenly spread."""
    return label[np.ix_(*(np.linspace(0, side - 1, COARSE).round().astype(int) for side in label.shape))]
