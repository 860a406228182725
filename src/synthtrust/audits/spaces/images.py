"""Cases as feature spaces see them: read, checked, and standardised."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.spaces.offline import Space
from synthtrust.cases import Case, CaseError
from synthtrust.cases.formats.rasters import is_raster, raster_kind
from synthtrust.cases.formats.volumes import read_header
from synthtrust.cases.volumes import z_score
from synthtrust.refusals import Refusal


def standardised(image: Tensor) -> Tensor:
    """Bring the voxels of each modality that are not 0 to mean 0 and standard deviation 1, as a network sees them.

    Units of MR are arbitrary and differ from scan to scan. What this hides, the level and contrast of whole images, is
    looked at apart, as global intensity.

    >>> standardised(torch.tensor([[1.0, 0.0, 3.0]])).abs().tolist()
    [[1.0, 0.0, 1.0]]
    """
    result: NDArray[np.float32] = image.numpy().astype(np.float32)
    for channel in result:
        z_score(channel, channel != 0)
    return torch.from_numpy(result)


def load(case: Case, modalities: Sequence[str]) -> tuple[Tensor, Tensor | None, tuple[float, ...]]:
    """Return image ``(C, *spatial)``, label map (None without one), and voxel size [mm] (1 where the file has none).

    Raises:
        CaseError: If an image cannot be read, is constant, or holds NaN or infinity.
    """
    images = [case.load_image(modality) for modality in modalities]
    flat = [modality for modality, image in zip(modalities, images) if image.min() == image.max()]
    if flat:
        raise CaseError(
            f"Expected images that vary, but {flat[0]} of {case.source} case {case.id} is {images[0].flat[0]:g} in "
            f"every voxel of {case.images[flat[0]]}. Repair or leave it out."
        )
    first = case.images[modalities[0]]
    spacing = (1.0,) * images[0].ndim if is_raster(first) else tuple(map(float, voxel_sizes(read_header(first)[1])))
    label = torch.from_numpy(case.load_label()) if case.has_label_map else None
    return torch.from_numpy(np.stack(images)), label, spacing[: images[0].ndim]


def features_in(
    space: Space, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]
) -> Tensor:
    """Return the features ``(d,)`` of an image ``(C, *spatial)`` [intensity units].

    The image is standardised first, unless the space asks for raw intensities. Without ``labels`` to look at, it is
    taken as a whole, whether it has a label map or not.
    """
    given = image if getattr(space, "raw", False) else standardised(image)
    return space(given, label if labels else None, labels, spacing).detach()


def try_space(space: Space, name: str, case: Case, modalities: Sequence[str], labels: Sequence[int]) -> None:
    """Ask a space for one case, before hours of work.

    Raises:
        Refusal: If it fails, with its name and why, or gives no row of features.
    """
    image, label, spacing = load(case, modalities)
    try:
        row = features_in(space, image, label, labels, spacing)
    except Refusal:
        raise
    except Exception as error:  # a space of another package may fail in any way
        raise Refusal(
            f"Expected a feature space for images {tuple(image.shape)}, but {name} fails with "
            f"{type(error).__name__}: {error}"
        ) from error
    if row.ndim != 1 or not row.isfinite().any():
        raise Refusal(f"Expected a row of features (d,), but {name} gives {tuple(row.shape)} of {row.dtype}.")


def check_grids(folder: Path, synthetic: Collection[tuple[int, ...]], real: Collection[tuple[int, ...]]) -> None:
    """Check that synthetic images lie on grids that real ones have.

    Args:
        folder: Where the synthetic set lies, for the message.
        synthetic: Sides of the synthetic images [voxels].
        real: Sides of the real images [voxels].

    Raises:
        CaseError: If a synthetic image is on another grid.
    """
    if foreign := sorted(set(synthetic) - set(real)):
        raise CaseError(
            f"Expected synthetic images on the grids of real ones, but {folder} has {foreign[0]} where real ones have "
            f"{sorted(real)[:4]}. Resample them, or paint on the real grid."
        )


def common_size(sizes: Collection[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the size to bring images to, the smallest along each axis; None if all have one.

    >>> common_size({(28, 30), (32, 26)}), common_size({(28, 28)})
    ((28, 26), None)
    """
    return None if len(sizes) <= 1 else tuple(map(min, zip(*sizes, strict=True)))


def size_of(path: Path) -> tuple[int, ...]:
    """Return the sides of an image without reading it, colours and modalities left out."""
    if is_raster(path):
        return raster_kind(path).shape
    return tuple(read_header(path)[0][:3])
