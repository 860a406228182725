"""The outline of a mask as an SVG path."""

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray


def contour_path(mask: NDArray[np.bool_], pixel: tuple[float, float]) -> str:
    """Return the outline of a mask as closed lines halfway between the voxels inside and those outside.

    Args:
        mask: ``(rows, columns)``; what lies beyond its edge is outside.
        pixel: Distance between rows and between columns, in the units of the path, of which there are no parts.

    Returns:
        The ``d`` of an SVG path, a start and then steps; the first column reaches from 0 to ``pixel[1]``.

    >>> contour_path(np.array([[True]]), (10, 20))
    'M0 5l10 -5 10 5 -10 5z'
    >>> contour_path(np.array([[False]]), (10, 20))
    ''
    """
    paths = []
    for line in contour_generator(z=np.pad(mask.astype(np.float64), 1)).lines(0.5):
        points = np.rint((np.asarray(line)[:-1] - 0.5) * pixel[::-1]).astype(int)  # (P, 2), x before y
        before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
        points = points[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]  # none in the middle of a line
        if len(points):
            steps = " ".join(map(str, np.diff(points, axis=0).ravel().tolist()))
            paths.append(f"M{points[0, 0]} {points[0, 1]}l{steps}z")
    return "".join(paths)
