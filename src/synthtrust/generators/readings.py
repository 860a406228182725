"""Readings: possible meanings of the values in an imported label file, compared with the label of the real case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import CaseError
from synthtrust.cases.cohort import BRATS_LABELS
from synthtrust.cases.readers.label_values import label_called, named_values, spelt
from synthtrust.refusals import Refusal

KEY = "generator.label_values"
CLEARLY = 2  # a reading is clearly nearest if the next one differs from the real label in this many times its voxels

TUMOUR: Mapping[str, Mapping[int, str]] = {
    "as in BraTS 2023": {1: "NCR", 2: "ED", 3: "ET"},
    "1 and 2 exchanged": {1: "ED", 2: "NCR", 3: "ET"},
    "as in BraTS 2021": {1: "NCR", 2: "ED", 4: "ET"},
    "1 and 2 exchanged, 4 for ET": {1: "ED", 2: "NCR", 4: "ET"},
}
"""Readings of brain tumours by name; Med-DDPM writes masks in the order of the Decathlon, ED 1 and NCR 2."""

BRAIN: Mapping[str, Mapping[int, str]] = {
    f"{name}, 4 for the brain": {**values, 4: ""} for name, values in TUMOUR.items() if 4 not in values
}
"""Readings of masks that have a class for the brain, as Med-DDPM adds one; it becomes background."""


@dataclass(frozen=True)
class Reading:
    """One way to read the values of a label file."""

    name: str
    """The name of the reading in words, for manifests and errors."""
    values: Mapping[int, int]
    """Value in the file -> canonical label of the cohort; 0 is background."""
    drops: bool = False
    """Whether it reads a value as background that other readings read as a label."""
    n_differ: int = 0
    """Number of voxels in which it differs from the label of the real case."""

    def read(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the canonical labels of a label file ``(H, W, D)``."""
        table = np.zeros(256, np.uint8)
        table[list(self.values)] = list(self.values.values())
        labels: NDArray[np.uint8] = table[raw]
        return labels


def readings_of(labels: Mapping[str, int], own: Mapping[str, Mapping[int, int] | None]) -> list[Reading]:
    """Return the readings to try for a cohort, the most likely first.

    Args:
        labels: Name -> canonical label of the cohort.
        own: Name -> values of readings that come with the files or the real cases; None where there is no such reading.
    """
    readings = [Reading(name, {0: 0, **values}) for name, values in own.items() if values is not None]
    if BRATS_LABELS.items() <= labels.items():
        readings += [Reading(name, _canonical(values, labels)) for name, values in TUMOUR.items()]
    readings.append(Reading("canonical", {0: 0} | {value: value for value in labels.values()}))
    if BRATS_LABELS.items() <= labels.items():
        readings += [Reading(name, _canonical(values, labels), drops=True) for name, values in BRAIN.items()]
    return readings


def stated_reading(label_values: Mapping[Any, Any], labels: Mapping[str, int]) -> Reading:
    """Return the reading that a user states.

    Raises:
        Refusal: If it names a label that the cohort lacks, or has another form.
    """
    names = named_values(label_values, KEY)
    names = {value: name if name in labels else label_called(name) for value, name in names.items()}
    if strange := [name for name in names.values() if name and name not in labels]:
        raise Refusal(f"Expected labels of the cohort, {list(labels)}, in {KEY}, but got {strange[0]!r}.")
    return Reading(f"as {KEY} says", _canonical(names, labels))


def compare(raw: NDArray[np.uint8], real: NDArray[np.uint8], readings: Sequence[Reading]) -> list[Reading]:
    """Count for each reading in how many voxels it differs from the real label, the nearest first.

    Args:
        raw: Values of the label file, shape ``(H, W, D)``.
        real: Canonical labels of the real case, same shape.
        readings: The readings to try; one that lacks a value of the file is left out, and of several that give the
            same label the first is kept.

    Returns:
        The readings, each reduced to the values in the file.
    """
    pairs = np.bincount(raw.ravel().astype(np.int64) * 256 + real.ravel(), minlength=256 * 256).reshape(256, 256)
    values = np.flatnonzero(pairs.sum(axis=1)).tolist()
    by_outcome: dict[tuple[int, ...], Reading] = {}
    for reading in readings:
        if set(values) <= reading.values.keys():
            outcome = tuple(reading.values[value] for value in values)
            n_equal = sum(int(pairs[value, label]) for value, label in zip(values, outcome))
            read = replace(reading, values=dict(zip(values, outcome)), n_differ=raw.size - n_equal)
            by_outcome.setdefault(outcome, read)
    return sorted(by_outcome.values(), key=lambda reading: reading.n_differ)


def as_stated(
    label_values: Mapping[Any, Any],
    labels: Mapping[str, int],
    raw: NDArray[np.uint8],
    real: NDArray[np.uint8],
    compared: Sequence[Reading],
) -> Reading:
    """Return the reading that a user states, compared with the real label like all others.

    Raises:
        CaseError: If it lacks a value of the file, or another reading gives the label of the real case.
        Refusal: If it names a label that the cohort lacks.
    """
    stated = stated_reading(label_values, labels)
    if not (own := compare(raw, real, [stated])):
        raise CaseError(
            f"Expected values among {sorted(stated.values)}, which {KEY} names, but got {np.unique(raw).tolist()[:8]}. "
            "Name them all."
        )
    if own[0].n_differ and compared and not compared[0].n_differ:
        raise CaseError(
            f"Expected the label of the real case {stated.name}, but {own[0].n_differ} voxels differ, and none if "
            f"its values are {_in_words(compared[0], labels)}. Change {KEY}, or leave it out."
        )
    return own[0]


def nearest(compared: Sequence[Reading], labels: Mapping[str, int], *, edited: bool, stated: bool = False) -> Reading:
    """Return the reading that gives the label of the real case, or for an edited mask the one that is clearly nearest.

    Args:
        compared: As ``compare`` returns them, at least one.
        labels: Name -> canonical label of the cohort, for errors.
        edited: Whether the label may differ from that of the real case.
        stated: Whether the user stated the reading, so that it need not be clear.

    Raises:
        CaseError: If no reading gives the real label and edited masks are not allowed, or two are about equally near.
    """
    best = compared[0]
    clear = stated or len(compared) == 1 or _is_clear(best, compared[1])
    if best.n_differ == 0 or (edited and clear):
        return best
    others = "".join(f", {other.n_differ} if {_in_words(other, labels)}" for other in compared[1:3])
    differ = f"{best.n_differ} voxels differ if its values are {_in_words(best, labels)}{others}"
    if clear and not edited:
        advice = (
            "Set generator.edited_masks=true if masks were changed on purpose: they are then read as the nearest of "
            "these, and the manifest says so."
        )
    else:
        advice = (
            "No reading is clearly the nearest. If masks were changed on purpose, state the right one in "
            f"{KEY}, and set generator.edited_masks=true."
        )
    raise CaseError(f"Expected the label of the real case, but it was painted on another label: {differ}. {advice}")


def _is_clear(best: Reading, other: Reading) -> bool:
    """Return whether an edited label can only be read as ``best``.

    A map that lacks one of two labels does not distinguish them: one may have been removed, or both exchanged.
    """
    n_disputed = sum(other.values[value] != label for value, label in best.values.items())
    return n_disputed > 1 and CLEARLY * best.n_differ <= other.n_differ


def _canonical(names: Mapping[int, str], labels: Mapping[str, int]) -> dict[int, int]:
    return {0: 0} | {value: labels[name] if name else 0 for value, name in names.items()}


def _in_words(reading: Reading, labels: Mapping[str, int]) -> str:
    """Return the values in words, such as ``1 NCR, 2 ED, 4 ET``."""
    names = {value: name for name, value in labels.items()}
    named = {value: names.get(label, "") for value, label in reading.values.items() if value}
    return spelt(named) or "background alone"
