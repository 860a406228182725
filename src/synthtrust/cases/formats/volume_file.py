"""An opened volume: what its header says, and a way to its voxels, as they are stored."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthtrust.refusals import CaseError

MOST_VOXELS = 2**31
"""The largest volume that is read, 8 GB in memory: a scan of the whole body at half a millimetre has less."""

Part = tuple[int | slice, ...]


@dataclass(frozen=True)
class VolumeFile:
    """A volume on disk whose header was read."""

    path: Path
    shape: tuple[int, ...]
    """The shape of the array as it is stored, axes of length one and channels included."""
    affine: NDArray[np.float64]
    """Voxel of the stored array -> right, anterior, superior [mm], shape ``(4, 4)``."""
    dtype: np.dtype
    """The type of the numbers on disk."""
    load: Callable[[Part], NDArray]
    """Reads a part of the array, and no more of the file than it has to."""
    oriented: bool = True
    """Whether the header says how the axes lie; if not, the affine is a guess from the voxel size."""
    scaled: bool = False
    """Whether the header has a slope or an intercept, so that values are others than the numbers on disk."""

    def part(self, channel: int | None) -> Part:
        """Return which part of the array is one volume ``(H, W, D)``.

        Axes of length one before or behind the three of space are left out, as are those between them and the channels
        (ITK writes vectors as ``(X, Y, Z, 1, C)``).

        Args:
            channel: Index along the last axis; None for a file of one volume.

        Raises:
            CaseError: If no volume can be read so from an array of this shape; the message names file and shape.
        """
        axes = list(range(len(self.shape)))
        if channel is not None:
            while len(axes) > 4 and self.shape[axes[-1]] == 1:
                axes.pop()
            if len(axes) < 4 or channel >= self.shape[axes[-1]]:
                raise CaseError(f"Expected channel {channel} of a volume, but got shape {self.shape} in {self.path}.")
        last = axes.pop() if channel is not None else None
        while len(axes) > 3 and self.shape[axes[-1]] == 1:
            axes.pop()
        while len(axes) > 3 and self.shape[axes[0]] == 1:
            axes.pop(0)
        if len(axes) != 3 or not prod(self.shape):
            raise CaseError(f"Expected a volume (H, W, D), but got shape {self.shape} in {self.path}.")
        return tuple(
            slice(None) if axis in axes else channel if axis == last and channel is not None else 0
            for axis in range(len(self.shape))
        )

    @property
    def channels(self) -> int | None:
        """How many volumes lie along the last axis; None where the array is one volume.

        Raises:
            CaseError: If the array has more axes than those of space and of channels.
        """
        try:
            self.part(None)
        except CaseError as error:
            if len(self.shape) < 4:
                raise
            try:
                part = self.part(0)
            except CaseError:
                raise error from None
            return self.shape[max(axis for axis, index in enumerate(part) if index == 0 and self.shape[axis] > 1)]
        return None

    @property
    def sides(self) -> tuple[int, ...]:
        """Voxels per axis of space, as stored."""
        part = self.part(None if self.channels is None else 0)
        return tuple(side for side, index in zip(self.shape, part) if isinstance(index, slice))


def check_promise(file: VolumeFile, n_bytes: int, most: int) -> None:
    """Refuse a header that promises more voxels than can be there, before memory is asked for.

    Args:
        file: The volume.
        n_bytes: The number of bytes of the voxels as the header promises them.
        most: Bytes that the file can hold at most.

    Raises:
        CaseError: If it promises more; the message names the file.
    """
    if n_bytes > most:
        raise CaseError(
            f"Expected a whole file, but {file.path} is cut short or damaged: its header promises {n_bytes:,} bytes of "
            f"voxels, and it can hold {most:,}. Copy it again."
        )
    if prod(file.sides) > MOST_VOXELS:
        raise CaseError(
            f"Expected a volume of at most {MOST_VOXELS:,} voxels, but {file.path} has {prod(file.sides):,}. Crop or "
            "resample it."
        )
