"""Whether the files of a case lie on one grid, asked of their headers alone."""

from pathlib import Path

from synthtrust.cases.case import Case
from synthtrust.cases.errors import CaseError
from synthtrust.cases.geometry import GRID_LIMIT, grid_distance, grid_distance_mm
from synthtrust.cases.volumes import describe_header


def check_grid(case: Case) -> None:
    """Check from the headers alone that every file of a case is there and lies on the voxel grid of its label map.

    Files of one case may be stored in different orientations, as long as their voxels lie in the same places.

    Raises:
        CaseError: If a file is missing or no volume, or its shape, channels or place do not fit.
    """
    for modality, path in case.images.items():
        check_same_grid(path, case.label_map, case.channels.get(modality), modality)


def check_same_grid(path: Path, label: Path, channel: int | None = None, modality: str = "an image") -> None:
    """Check that a volume, or one channel of a file, lies on the voxel grid of a label map.

    Raises:
        CaseError: If not; the message names both orientations, and how far apart they are.
    """
    image, label_map = describe_header(path), describe_header(label)
    shape, sides = image.shape, label_map.shape
    if channel is not None:
        if len(shape) != 4 or channel >= shape[3]:
            raise CaseError(f"Expected {modality} in channel {channel} of {path}, but got shape {shape}.")
        shape = shape[:3]
    stored = f"stored {image.orientation} against {label_map.orientation}"
    if shape != sides:
        raise CaseError(
            f"Expected {path} on the grid of its label {label}, but got shape {shape} against {sides} ({stored}). "
            "Resample one onto the other."
        )
    apart = grid_distance(image.affine, label_map.affine, sides)
    if apart > GRID_LIMIT:
        raise CaseError(
            f"Expected {path} on the grid of its label {label}, but their voxels lie up to "
            f"{grid_distance_mm(image.affine, label_map.affine, sides):.3g} mm apart, {apart:.2g} voxels ({stored}). "
            "Resample one onto the other."
        )
