"""What training cases have in common: where they are not background, in which units, and how they look on average."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthtrust.cases import Case
from synthtrust.cases.volumes import mean_and_sd, stretch
from synthtrust.refusals import Refusal


@dataclass(frozen=True)
class Average:
    """The average of training cases, on the grid of their median shape ``(H, W, D)``, or ``(H, W)`` of plane images.

    Foreground is where any modality is not 0. Scales may differ by orders of magnitude from case to case, so that
    everything is averaged in z-scores of each case's own foreground, and units are medians over the cases.
    """

    modalities: tuple[str, ...]
    share: NDArray[np.float32]
    """Share of the cases that have foreground there, in [0, 1], shape ``(H, W, D)``."""
    z: NDArray[np.float32]
    """Mean z-score of the cases that have foreground there, shape ``(M, H, W, D)``; 0 where none has."""
    mean: NDArray[np.float64]
    """The mean of the foreground of a typical case, shape ``(M,)`` [intensity units]."""
    sd: NDArray[np.float64]
    """The standard deviation of the foreground of a typical case, shape ``(M,)`` [intensity units]."""
    floor: NDArray[np.float64]
    """Lowest intensity in the foreground of a typical case, shape ``(M,)`` [intensity units]."""

    def foreground(self, shape: Sequence[int]) -> NDArray[np.bool_]:
        """Return where at least half of the cases have foreground, stretched to a grid."""
        return stretch(self.share, shape) >= 0.5

    def painted(self, m: int, z: NDArray[np.floating]) -> NDArray[np.float32]:
        """Turn foreground z-scores of modality ``m`` into intensity units, none below what a typical case has."""
        return np.maximum(z * self.sd[m] + self.mean[m], self.floor[m]).astype(np.float32)


def average(cases: Sequence[Case]) -> Average:
    """Average training cases; reads one at a time and keeps no image.

    Raises:
        Refusal: If there are no cases, or their modalities differ.
    """
    if not cases:
        raise Refusal("Expected at least one training case, but got none.")
    modalities = tuple(cases[0].images)
    for case in cases:
        if set(case.images) != set(modalities):
            raise Refusal(f"Expected modalities {modalities}, but got {tuple(case.images)} in {case.id}.")
    shape = tuple(int(side) for side in np.median([_shape_of(case) for case in cases], axis=0))
    total, count = np.zeros((len(modalities), *shape)), np.zeros(shape)
    units = []
    for case in cases:
        images = np.stack([case.load_image(modality) for modality in modalities]).astype(np.float64)  # (M, h, w, d)
        inside = (images != 0).any(0)
        of_case = _units(images[:, inside])
        units.append(of_case)
        mean, sd, _ = of_case
        weight = stretch(inside.astype(np.float64), shape)
        count += weight
        for m, image in enumerate(images):
            total[m] += stretch(np.where(inside, (image - mean[m]) / sd[m], 0), shape)
    z = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return Average(
        modalities, (count / len(cases)).astype(np.float32), z.astype(np.float32), *_typical(np.stack(units))
    )


def _shape_of(case: Case) -> tuple[int, ...]:
    return (case.load_label() if case.has_label_map else case.load_image(next(iter(case.images)))).shape


def _units(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean, standard deviation and minimum of the foreground ``(M, voxels)``, shape ``(3, M)``."""
    mean, sd = np.transpose([mean_and_sd(line) for line in inside])
    # a voxel is foreground when any modality is not 0: the lowest of one modality is asked of its own foreground
    low = np.array([line[line != 0].min(initial=line.max()) for line in inside])
    return np.stack([mean, sd, low])


def _typical(units: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return median mean, spread and minimum over cases ``(N, 3, M)``, the first and last counted in spreads."""
    mean, sd, low = units.transpose(1, 0, 2)  # each (N, M)
    scale = np.median(sd, axis=0)
    return np.median(mean / sd, axis=0) * scale, scale, np.median(low / sd, axis=0) * scale
