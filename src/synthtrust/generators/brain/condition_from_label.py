"""From a label map to the condition that a network paints on, and from its values to images."""

import numpy as np
from numpy.typing import NDArray

from synthtrust.generators.brain.box import crop_or_pad
from synthtrust.generators.brain.condition import likely_brain, numbered, one_hot
from synthtrust.generators.brain.intensity import from_unit
from synthtrust.generators.brain.statistics import TrainingStatistics, marked_brain
from synthtrust.refusals import Refusal


def condition_from_label(
    label: NDArray[np.uint8], known: TrainingStatistics, brain_label: int | None
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return the brain on the label's grid ``(H, W, D)``, and the condition's channels in the box ``(K, *size)``.

    The brain is that of the label map's own class for it, or of the atlas of the training cases. The part of it beyond
    the box is not painted.

    Raises:
        Refusal: If the label map has a label that the training cases lack, or one beyond the box.
    """
    brain, label = marked_brain(label, brain_label)
    brain = likely_brain(known.atlas, label) if brain is None else brain
    if np.count_nonzero(crop_or_pad(label, known.size)) != np.count_nonzero(label):
        raise Refusal(
            f"Expected labels within the {known.size} voxels about the grid's centre, but got some beyond. Train "
            "with a larger size."
        )
    channel = crop_or_pad(numbered(label, brain, known.labels), known.size)
    inside = crop_or_pad(crop_or_pad(brain, known.size), label.shape)
    return inside, one_hot(channel, known.n_channels)


def to_images(
    unit: NDArray[np.float32], brain: NDArray[np.bool_], known: TrainingStatistics
) -> dict[str, NDArray[np.floating]]:
    """Return painted values ``(M, *size)`` in [-1, 1] as images on the brain's grid, by modality [intensity units]."""
    images = from_unit(crop_or_pad(unit, brain.shape, fill=-1), known.scale, brain)
    return dict(zip(known.modalities, images, strict=True))
