"""The outline of a mask as an SVG path."""

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray


def contour_path(mask: NDArray[np.bool_], pixel: tuple[float, float] = (1.0, 1.0)) -> str:
    """Return the outline of a mask as closed lines halfway between the voxels inside and those outside.

    Args:
        mask: ``(rows, columns)``; what lies beyond its edge is outside.
        pixel: Distance between rows and between columns, in the units of the path.

    Returns:
        The ``d`` of an SVG path; the first column reaches from 0 to ``pixel[1]``. One decimal is kept.

    >>> contour_path(np.array([[True]]))
    'M0 .5L.5 0L1 .5L.5 1Z'
    """
    padded = np.pad(mask.astype(np.float64), 1)
    paths = []
    for line in contour_generator(z=padded).lines(0.5):
        points = [f"{_short((x - 0.5) * pixel[1])} {_short((y - 0.5) * pixel[0])}" for x, y in np.asarray(line)[:-1]]
        paths.append(f"M{'L'.join(points)}Z")
    return "".join(paths)


def _short(value: float) -> str:
    """Write a number that is not negative with one decimal at most, in as few characters as can be.

    >>> _short(0.5), _short(12.04), _short(0.0)
    ('.5', '12', '0')
    """
    return f"{round(value, 1):g}".removeprefix("0") or "0"
