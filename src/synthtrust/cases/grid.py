"""Whether the files of a case lie on one grid, asked of their headers alone."""

from collections.abc import Sequence
from pathlib import Path

from synthtrust.cases.case import Case
from synthtrust.cases.formats.volumes import VolumeHeader, describe_header
from synthtrust.cases.geometry import GRID_LIMIT, grid_distance, grid_distance_mm
from synthtrust.refusals import CaseError


def check_grid(case: Case) -> None:
    """Check from the headers alone that every file of a case is there and lies on the voxel grid of its label map.

    Files of one case may be stored in different orientations, as long as their voxels lie in the same places.

    Raises:
        CaseError: If a file is missing or no volume, or its shape, channels or place do not fit.
    """
    label_map = case.require_label_map()
    label = describe_header(label_map)
    headers = {path: describe_header(path) for path in set(case.images.values())}
    for modality, path in case.images.items():
        shape, channel = headers[path].shape, case.channels.get(modality)
        if channel is not None and (len(shape) != 4 or channel >= shape[3]):
            raise CaseError(f"Expected {modality} in channel {channel} of {path}, but got shape {shape}.")
        _check(path, headers[path], shape if channel is None else shape[:3], label_map, label)


def check_same_grid(path: Path, label: Path) -> None:
    """Check that a volume lies on the voxel grid of a label map.

    Raises:
        CaseError: If not; the message names both orientations, and how far apart they are.
    """
    header = describe_header(path)
    _check(path, header, header.shape, label, describe_header(label))


def check_alike(images: Sequence[Path]) -> None:
    """Check that the images of a case without a label lie on one voxel grid.

    Raises:
        CaseError: If not, or a file is missing or no volume.
    """
    headers = [describe_header(path) for path in images]
    for path, header in zip(images[1:], headers[1:], strict=True):
        _check(path, header, header.shape, images[0], headers[0], "its other modality")


def _check(
    path: Path,
    image: VolumeHeader,
    shape: tuple[int, ...],
    label: Path,
    label_map: VolumeHeader,
    role: str = "its label",
) -> None:
    sides = label_map.shape
    stored = f"stored {image.orientation} against {label_map.orientation}"
    if shape != sides:
        raise CaseError(
            f"Expected {path} on the grid of {role} {label}, but got shape {shape} against {sides} ({stored}). "
            "Resample one onto the other."
        )
    apart = grid_distance(image.affine, label_map.affine, sides)
    if apart > GRID_LIMIT:
        raise CaseError(
            f"Expected {path} on the grid of {role} {label}, but their voxels lie up to "
            f"{grid_distance_mm(image.affine, label_map.affine, sides):.3g} mm apart, {apart:.2g} voxels ({stored}). "
            "Resample one onto the other."
        )
