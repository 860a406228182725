"""Lesions of a region, one by one: which are found and how well each is outlined, in the manner of BraTS.

A lesion is what lies close together in the reference: the region is dilated, each connected component of that is one
lesion, and its voxels are those of the reference within. A piece of the prediction belongs to every lesion whose
dilation it touches; one that touches none is a false positive.

Source: the lesion-wise scores of BraTS 2023 (Saluja et al., "BraTS-2023-Metrics"), with the dilation in mm, so that it
is the same on voxels of any size; there it is three steps on voxels of 1 mm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from synthtrust.metrics.functional.dice import EmptyRule
from synthtrust.metrics.functional.surfaces import ROUNDING, Mask, bounding_box, grown, surface_distances


@dataclass(frozen=True)
class Lesion:
    """A lesion of the reference with what was predicted for it, or a false positive."""

    n_reference: int
    """Its voxels; 0 for a false positive."""
    n_prediction: int
    """Voxels of the predicted pieces that belong to it."""
    n_overlap: int
    """Voxels in both. A lesion is found if there is one."""
    hd95: float
    """95th percentile of Hausdorff's distance between both [mm]; ``worst`` where one of them has no voxels."""

    @property
    def dice(self) -> float:
        """Dice of the lesion and the pieces that belong to it."""
        return 2 * self.n_overlap / (self.n_reference + self.n_prediction)


def find_lesions(
    prediction: Mask,
    reference: Mask,
    spacing: ArrayLike,
    *,
    worst: float,
    dilation: float = 3.0,
    whole: float | None = None,
) -> tuple[Lesion, ...]:
    """Return the lesions of the reference, in the order of the array, and behind them the false positives.

    Components are those of voxels that share a face, an edge or a corner.

    Args:
        prediction: Mask ``(H, W, D)``.
        reference: Mask of the same shape.
        spacing: Sides of a voxel along each axis [mm].
        worst: The distance of a lesion that is not found, and of a false positive [mm].
        dilation: How far around a lesion pieces belong to it [mm]; 0 for connected components as they are.
        whole: The distance between all of the prediction and all of the reference [mm], if it is known: where they are
            one lesion it is not computed again.

    >>> prediction, reference = np.zeros((2, 20, 20), bool)
    >>> reference[2:6, 2:6] = reference[7, 3] = reference[15:17, 15:17] = True  # the first two are one lesion
    >>> prediction[2:6, 2:6] = prediction[2, 15] = True
    >>> for lesion in find_lesions(prediction, reference, (1, 1), worst=28.3):
    ...     print(lesion.n_reference, lesion.n_prediction, round(lesion.dice, 4), round(lesion.hd95, 4))
    17 16 0.9697 0.8
    4 0 0.0 28.3
    0 1 0.0 28.3
    """
    if not (prediction.any() or reference.any()):
        return ()
    sides = np.asarray(spacing, dtype=np.float64)
    box = bounding_box(prediction | reference)
    if reference.any():  # all of the dilations, so that lesions and their order do not hang on the prediction
        wide = grown(bounding_box(reference), dilation, sides, reference.shape)
        box = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(box, wide, strict=True))
    predicted, present = prediction[box], reference[box]
    pieces, n_pieces = _components(predicted)
    around, n_lesions = _lesions_of(present, pieces, n_pieces, sides, dilation)
    touches = np.zeros((n_lesions + 1, n_pieces + 1), bool)
    touches[around[predicted], pieces[predicted]] = True
    lesions = []
    for number in range(1, n_lesions + 1):
        own = touches[number]
        lesion, found = present & (around == number), own[pieces]
        if not own.any():
            distance = worst
        elif n_lesions == 1 and own[1:].all() and whole is not None:
            distance = whole
        else:
            distance = surface_distances(found, lesion, sides).hausdorff_95
        lesions.append(Lesion(int(lesion.sum()), int(found.sum()), int((lesion & found).sum()), distance))
    sizes = np.bincount(pieces[predicted], minlength=n_pieces + 1)[1:]
    return (*lesions, *(Lesion(0, int(size), 0, worst) for size in sizes[~touches[1:, 1:].any(axis=0)]))


def lesion_scores(
    lesions: Sequence[Lesion], voxel_mm3: float, *, worst: float, min_volume: float = 50.0, empty: EmptyRule = "brats"
) -> tuple[float, float]:
    r"""Return the lesion-wise Dice, and the lesion-wise 95th percentile of Hausdorff's distance [mm], of a region.

    Both are means over the L lesions above the least volume and the F false positives of any volume:

    .. math:: \frac{\sum_l D_l}{L + F}, \quad \frac{\sum_l H_l + F\, H_{worst}}{L + F}

    A lesion up to the least volume counts neither as missed nor as found, and nor do pieces that belong to it. Without
    lesions and false positives the rule for empty regions decides: 1 and 0 mm (``brats``), or undefined (``nan``).

    Args:
        lesions: Those of `find_lesions`.
        voxel_mm3: Volume of a voxel [mm³].
        worst: The distance of a false positive [mm].
        min_volume: Volume up to which a lesion does not count [mm³].
        empty: What a region without lesions and false positives scores.

    >>> lesion_scores([Lesion(100, 100, 75, 2.0), Lesion(20, 0, 0, 30.0), Lesion(0, 9, 0, 30.0)], 1.0, worst=30.0)
    (0.375, 16.0)
    """
    counted = [lesion for lesion in lesions if lesion.n_reference * voxel_mm3 > min_volume or not lesion.n_reference]
    if not counted:
        return (1.0, 0.0) if empty == "brats" else (np.nan, np.nan)
    dice = float(np.mean([lesion.dice for lesion in counted]))
    return dice, float(np.mean([lesion.hd95 if lesion.n_reference else worst for lesion in counted]))


def _components(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """Return the number of the component of each voxel, 0 outside, and how many there are."""
    labels: NDArray[np.int32]
    labels, count = ndimage.label(mask, np.ones((3,) * mask.ndim))  # type: ignore[assignment]
    return labels, int(count)


def _lesions_of(
    present: Mask, pieces: NDArray[np.int32], n_pieces: int, sides: NDArray[np.float64], dilation: float
) -> tuple[NDArray[np.int32], int]:
    """Return the number of the lesion whose dilation each voxel lies in, 0 for none, and how many lesions there are.

    Dilations that touch are one, so that no voxel lies in two.
    """
    if not present.any():
        return np.zeros(present.shape, np.int32), 0
    labels, count = _components(present)
    overlapping = np.bincount(pieces[present], minlength=n_pieces + 1)[1:]
    if dilation <= 0 or (count == 1 and bool(overlapping.all())):
        return labels, count  # one component, and every piece overlaps with it: nothing is gained by dilating it
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~present, sampling=sides)
    return _components(distance <= dilation + ROUNDING)
