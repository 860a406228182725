"""Whether the files of a case lie on one grid, asked of their headers alone."""

import numpy as np

from synthtrust.cases.case import Case
from synthtrust.cases.errors import CaseError
from synthtrust.cases.volumes import GRID_TOLERANCE, read_header, spatial


def check_grid(case: Case) -> None:
    """Check from the headers alone that every file of a case is there and lies on the voxel grid of its label map.

    Raises:
        CaseError: If a file is missing or not NIfTI, or its shape, channels or affine do not fit.
    """
    shape, affine = read_header(case.label_map)
    for modality, path in case.images.items():
        image_shape, image_affine = read_header(path)
        channel = case.channels.get(modality)
        if channel is not None:
            if len(image_shape) != 4 or channel >= image_shape[3]:
                raise CaseError(f"Expected {modality} in channel {channel} of {path}, but got shape {image_shape}.")
            image_shape = image_shape[:3]
        if spatial(image_shape) != spatial(shape):
            raise CaseError(
                f"Expected {path} on the grid of its label, but got shape {image_shape} against {shape}. "
                "Resample one onto the other."
            )
        if not np.allclose(image_affine, affine, atol=GRID_TOLERANCE):
            raise CaseError(
                f"Expected {path} to have the affine of its label, but they differ by up to "
                f"{np.abs(image_affine - affine).max():.3g} mm. Resample one onto the other."
            )
