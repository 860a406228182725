"""Training cases, found again: by their label map, the very one or the one most like it, or by their class."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case

COARSE = 24  # side of the grid on which label maps are compared

T = TypeVar("T")


class Memory(Protocol):
    """Remembers training cases; images stay on disk."""

    cases: list[Case]

    def recall(self, label: Any, rng: np.random.Generator) -> Case:
        """Return a training case to a label map ``(H, W, D)``, or to a class."""


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
        mine = _coarse(label)
        agree = ((self._coarse == mine) & (mine > 0)).sum((1, 2, 3))
        size = (self._coarse > 0).sum((1, 2, 3)) + (mine > 0).sum()
        return self.cases[int(np.argmax(2 * agree / np.maximum(size, 1)))]


class ClassMemory:
    """Remembers which cases each class has.

    Args:
        cases: Training cases with classes, at least one.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        self.by_class = by_class(cases)

    def recall(self, label: Any, rng: np.random.Generator) -> Case:
        """Return a case of this class by chance, each as likely as the others."""
        cases = of_class(self.by_class, label)
        return cases[int(rng.integers(len(cases)))]


def remember(cases: Sequence[Case]) -> Memory:
    """Return the memory for training cases with label maps, or for those with classes.

    Raises:
        ValueError: If there are none.
    """
    return ClassMemory(cases) if classified(cases) else MapMemory(cases)


def classified(cases: Sequence[Case]) -> bool:
    """Whether training cases have classes, and not label maps.

    Raises:
        ValueError: If there are none.
    """
    if not cases:
        raise ValueError("Expected at least one training case, but got none.")
    return isinstance(cases[0].label, int)


def by_class(cases: Sequence[Case]) -> dict[int, list[Case]]:
    """Return the cases of each class that occurs."""
    found: dict[int, list[Case]] = {}
    for case in cases:
        found.setdefault(case.category, []).append(case)
    return found


def of_class(known: Mapping[int, T], label: int) -> T:
    """Return what is known of a class.

    Raises:
        ValueError: If no training case has that class.
    """
    if label not in known:
        raise ValueError(f"Expected a class among {sorted(known)}, those of the training cases, but got {label}.")
    return known[label]


def _digest(label: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(label.shape).encode() + np.ascontiguousarray(label).tobytes()).hexdigest()


def _coarse(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick COARSE voxels along each axis, evenly spread."""
    return label[np.ix_(*(np.linspace(0, side - 1, COARSE).round().astype(int) for side in label.shape))]
