"""What images of one cohort have to agree on: numbers of one depth, and one label for one image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthtrust.cases.cohort import RefusedCase
from synthtrust.cases.formats.raster_kind import RasterKind
from synthtrust.files import sha256_of
from synthtrust.refusals import CaseError

CLEAR = 2 / 3
"""Share of the images from which a depth is that of the cohort, and every other one an exception."""


def other_depths(kinds: Mapping[Path, RasterKind], where: Path) -> list[RefusedCase]:
    """Refuse images whose numbers have another depth than most: intensities are compared across images.

    Args:
        kinds: The kind of every plane image.
        where: The file or folder that errors name.

    Raises:
        CaseError: If no depth is that of two thirds of the images.
    """
    counts = Counter(kind.depth for kind in kinds.values())
    if len(counts) < 2:
        return []
    usual, count = counts.most_common(1)[0]
    if count < CLEAR * len(kinds):
        first = {depth: next(path for path, kind in kinds.items() if kind.depth == depth) for depth in counts}
        listed = ", ".join(f"{count} of {depth} (first {first[depth]})" for depth, count in counts.most_common())
        raise CaseError(
            f"Expected images of one depth in {where}, but got {listed}. Bring them to one, or read them apart."
        )
    return [
        RefusedCase(
            path,
            f"Expected {usual} as in {count} of {len(kinds)} images, but got {kind.depth} in {path}. Bring it to the "
            "same depth, or leave it out.",
        )
        for path, kind in kinds.items()
        if kind.depth != usual
    ]


def two_labels(labels: Sequence[tuple[Path, Any]]) -> list[RefusedCase]:
    """Refuse images that are there twice, byte for byte, with labels that differ; only files of one size are read.

    Args:
        labels: File and label of each image.
    """
    refused = []
    for group in _alike(labels):
        if len({label for _, label in group}) > 1:
            listed = " and ".join(f"{path} ({label})" for path, label in group)
            refused += [
                RefusedCase(
                    path, f"Expected one label for one image, but the same image is {listed}. Leave out the wrong one."
                )
                for path in dict.fromkeys(path for path, _ in group)
            ]
    return refused


def _alike(labels: Sequence[tuple[Path, Any]]) -> list[list[tuple[Path, Any]]]:
    """Return the groups of two and more files with the same bytes."""
    of_size: dict[int, list[tuple[Path, Any]]] = {}
    for path, label in labels:
        of_size.setdefault(path.stat().st_size, []).append((path, label))
    groups: dict[tuple[int, str], list[tuple[Path, Any]]] = {}
    for size, files in of_size.items():
        if len({label for _, label in files}) > 1:  # of one label they are no conflict
            for path, label in files:
                groups.setdefault((size, sha256_of(path)), []).append((path, label))
    return [group for group in groups.values() if len(group) > 1]
