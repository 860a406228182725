"""Windows over a whole case: as few as an overlap allows, and evenly spread."""

import copy
import math
from collections.abc import Sequence

from monai.inferers import Inferer, SlidingWindowInferer


def even_overlap(sides: Sequence[int], window: Sequence[int], least: Sequence[float]) -> tuple[float, ...]:
    """Return the overlap along each axis with which MONAI spreads its windows evenly, and does not need more of them.

    MONAI takes steps of the same length and lets the last window end with the image, often a few voxels after the one
    before. The same number of windows, evenly spread, overlaps more everywhere.

    Args:
        sides: Side lengths of the case [voxels].
        window: Side lengths of a window [voxels].
        least: The least overlap along each axis, from 0 on and below 1.

    >>> even_overlap((146, 64), (64, 64), (0.375, 0.375))  # windows at 0, 28, 56 and 82; MONAI's are at 0, 40, 80, 82
    (0.5546875, 0.375)
    """
    overlaps = []
    for side, length, overlap in zip(sides, window, least, strict=True):
        step = max(1, int(length * (1 - overlap)))
        n = 1 + max(0, math.ceil((side - length) / step))
        even = step if n == 1 else math.ceil((side - length) / (n - 1))
        # MONAI cuts the step to a whole number, which half a voxel more keeps from becoming the one below.
        overlaps.append(overlap if n == 1 else max(0.0, 1 - (even + 0.5) / length))
    return tuple(overlaps)


def spread_over(inferer: Inferer, sides: Sequence[int]) -> Inferer:
    """Return an inferer whose windows are spread evenly over a case; any other than a sliding window as it is.

    Args:
        inferer: Its overlap is the least one.
        sides: Side lengths of the case [voxels].
    """
    if type(inferer) is not SlidingWindowInferer:
        return inferer
    window, overlap = inferer.roi_size, inferer.overlap
    lengths = [window] * len(sides) if isinstance(window, int) else list(window)
    least = [overlap] * len(sides) if isinstance(overlap, int | float) else list(overlap)
    if len(lengths) != len(sides) or len(least) != len(sides) or not all(length and length > 0 for length in lengths):
        return inferer  # MONAI says what is wrong, or fills in the sides of the case
    spread = copy.copy(inferer)
    spread.overlap = even_overlap(sides, lengths, least)
    return spread
