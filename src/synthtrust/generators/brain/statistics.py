"""The statistics of the training cases that a generator needs beside the weights of its network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.generators.brain.box import Size, smallest_size
from synthtrust.generators.brain.condition import find_brain, mean_mask
from synthtrust.generators.brain.intensity import scale_of
from synthtrust.machine import readers
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class TrainingStatistics:
    """Statistics of the training cases that painting needs beside the network."""

    modalities: tuple[str, ...]
    labels: tuple[int, ...]
    """Labels with a channel of the condition, in order; the channel of the brain comes last."""
    size: Size
    """Sides of the box that is painted [voxels]."""
    atlas: NDArray[np.float32]
    """Share of cases that have brain at each voxel, ``(H, W, D)``."""
    scale: NDArray[np.float32]
    """Median over the cases of the intensities that become -1 and +1, ``(2, M)`` [intensity units]."""

    @property
    def n_channels(self) -> int:
        """Number of channels of the condition, one for each label and one for the brain."""
        return len(self.labels) + 1

    def plain(self) -> dict[str, Any]:
        """Return the statistics as values that a checkpoint may hold and load safely."""
        return {
            "modalities": list(self.modalities),
            "labels": list(self.labels),
            "size": list(self.size),
            "atlas": torch.from_numpy(self.atlas),
            "scale": torch.from_numpy(self.scale),
        }

    @classmethod
    def from_plain(cls, facts: Mapping[str, Any]) -> Self:
        """Undo ``plain``."""
        return cls(
            modalities=tuple(facts["modalities"]),
            labels=tuple(facts["labels"]),
            size=tuple(facts["size"]),
            atlas=facts["atlas"].numpy(),
            scale=facts["scale"].numpy(),
        )


@dataclass(frozen=True)
class CaseArrays:
    """One training case in memory."""

    images: NDArray[np.float32]
    """``(M, H, W, D)`` [intensity units]."""
    label: NDArray[np.uint8]
    """Label map without the brain's own class, if there was one, ``(H, W, D)``."""
    brain: NDArray[np.bool_]


def measure_training_cases(
    cases: Sequence[Case],
    modalities: Sequence[str],
    *,
    labels: Sequence[int] | None,
    size: Size | None,
    multiple: int,
    intensity_percentile: float | None,
    brain_label: int | None,
) -> TrainingStatistics:
    """Measure training cases, reading each once and keeping no image.

    Args:
        cases: Training cases, at least one.
        modalities: Channels of the image, in order.
        labels: Channels of the condition; None for all that occur.
        size: Sides of the box; None for the smallest that holds every brain.
        multiple: Number that the sides must be multiples of [voxels].
        intensity_percentile: See ``scale_of``.
        brain_label: Class of the brain in the label maps, if there is one.

    Raises:
        Refusal: If there are no cases, they lack a modality, or the size does not fit.
    """
    check_modalities(cases, modalities)
    if size is not None and any(side % multiple for side in size):
        raise Refusal(f"Expected a size whose sides are multiples of {multiple}, but got {list(size)}.")

    def look(case: Case) -> tuple[_Mask, NDArray[np.uint8], NDArray[np.float32]]:
        seen = read_case(case, modalities, brain_label)
        return (
            _Mask(np.packbits(seen.brain), seen.brain.shape),
            np.unique(seen.label),
            scale_of(seen.images, seen.brain, intensity_percentile),
        )

    masks, values, scales = zip(*in_parallel(look, cases), strict=True)
    occurring = sorted({int(value) for of_case in values for value in of_case} - {0})
    return TrainingStatistics(
        modalities=tuple(modalities),
        labels=tuple(occurring if labels is None else labels),
        size=smallest_size((mask.unpack() for mask in masks), multiple) if size is None else size,
        atlas=mean_mask(mask.unpack() for mask in masks),
        scale=np.median(scales, axis=0).astype(np.float32),
    )


class _Mask(NamedTuple):
    """A mask with one bit per voxel, since all masks of a large cohort are in memory at once."""

    bits: NDArray[np.uint8]
    shape: tuple[int, ...]

    def unpack(self) -> NDArray[np.bool_]:
        return np.unpackbits(self.bits, count=int(np.prod(self.shape))).reshape(self.shape).astype(bool)


def read_case(case: Case, modalities: Sequence[str], brain_label: int | None) -> CaseArrays:
    """Read one case. Its brain is its label's own class if it has that, else where its images are not 0."""
    images = np.stack([case.load_image(name) for name in modalities])
    brain, label = marked_brain(case.load_label(), brain_label)
    return CaseArrays(images, label, find_brain(images, label) if brain is None else brain)


def marked_brain(
    label: NDArray[np.uint8], brain_label: int | None
) -> tuple[NDArray[np.bool_] | None, NDArray[np.uint8]]:
    """Return the brain that a label map itself marks, None if it does not, and the label map without that class."""
    if brain_label is None or not (label == brain_label).any():
        return None, label
    return label > 0, np.where(label == brain_label, 0, label).astype(np.uint8)


def check_modalities(cases: Sequence[Case], modalities: Sequence[str]) -> None:
    """Refuse cases that have other modalities.

    Raises:
        Refusal: If there are no cases, or a case has other modalities.
    """
    if not cases:
        raise Refusal("Expected training cases, but got none.")
    for case in cases:
        if set(case.images) != set(modalities):
            raise Refusal(f"Expected {sorted(modalities)} in every case, but {case.id} has {sorted(case.images)}.")


def in_parallel(work: Callable[[Case], Any], cases: Sequence[Case]) -> Iterator[Any]:
    """Yield ``work(case)`` in order, a few cases at a time."""
    at_once = readers()
    with ThreadPoolExecutor(at_once) as pool:  # unpacking leaves the interpreter's lock
        for start in range(0, len(cases), at_once):
            yield from pool.map(work, cases[start : start + at_once])
