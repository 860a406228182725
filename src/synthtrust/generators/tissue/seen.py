"""What is looked at in a training case: z-scores, label map, foreground and units."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from synthtrust.cases import Case
from synthtrust.cases.volumes import mean_and_sd
from synthtrust.refusals import Refusal


class Seen(NamedTuple):
    """One case: intensities, label map, where it is not background, and its units."""

    z: NDArray[np.float32]  # (M, H, W, D) z-scores
    label: NDArray[np.uint8]  # (H, W, D)
    foreground: NDArray[np.bool_]  # any modality is not 0, holes filled
    inside: NDArray[np.bool_]  # every modality is not 0: fields of view may differ
    scale: NDArray[np.float32]  # (2, M): mean and standard deviation of the foreground [intensity units]


def look_at(case: Case, modalities: Sequence[str]) -> Seen:
    """Read a case.

    Raises:
        Refusal: If hardly any voxel is unlabelled and not 0 in all modalities.
    """
    z = np.stack([case.load_image(name) for name in modalities])
    label = case.load_label()
    inside = (z != 0).all(0)
    if np.count_nonzero(inside & (label == 0)) < 2:
        raise Refusal(f"Expected unlabelled voxels where every modality is not 0, but {case.id} has none.")
    foreground = binary_fill_holes((z != 0).any(0) | (label > 0))
    scale = np.empty((2, len(z)), dtype=np.float32)
    for m, image in enumerate(z):
        values = image[inside]
        values = np.clip(values, *np.quantile(values, [0.002, 0.998]))  # a few hot voxels shall not set the scale
        scale[:, m] = mean_and_sd(values)
        image -= scale[0, m]
        image /= scale[1, m]
    return Seen(z, label, foreground, inside, scale)
