"""Images made ready for the copy search: read in parallel, held as interiors only, refused with their file."""

from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.privacy.transforms import inverted
from synthtrust.cases import Case
from synthtrust.machine import readers
from synthtrust.metrics.functional import TextureBank, texture_bank
from synthtrust.progress import track
from synthtrust.refusals import CaseError, Refusal

VOLUME_GRID, LARGEST_PLANE_GRID, SMALLEST_GRID = 32, 64, 8


@dataclass(frozen=True)
class EmbeddedCases:
    """Cases beside the interiors of their images, in one order."""

    bank: TextureBank
    inverse: TextureBank
    """The interiors of the same images with bright and dark exchanged: an inverted copy has another body."""
    cases: tuple[Case, ...]

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def patients(self) -> list[str]:
        """The patient of each case."""
        return [case.patient for case in self.cases]

    def take(self, keep: Sequence[int] | NDArray[np.integer]) -> "EmbeddedCases":
        """Return those at these places."""
        index = torch.as_tensor(np.asarray(keep, dtype=int))
        return EmbeddedCases(self.bank.take(index), self.inverse.take(index), tuple(self.cases[i] for i in keep))

    def without(self, ids: Container[str]) -> "EmbeddedCases":
        """Return those of other cases than these."""
        return self.take([i for i, case in enumerate(self.cases) if case.id not in ids])

    def join(self, *others: "EmbeddedCases") -> "EmbeddedCases":
        """Return these and others."""
        parts = (self, *others)
        return EmbeddedCases(
            TextureBank.join([part.bank for part in parts]),
            TextureBank.join([part.inverse for part in parts]),
            tuple(case for part in parts for case in part.cases),
        )


@dataclass(frozen=True)
class Grid:
    """The grid that all images of one comparison are brought to."""

    nodes: int
    margin: int
    """Nodes that are taken off the body at its outline."""
    extent: tuple[int, ...] = ()
    """Sides of the image that it was made for [voxels]."""

    @classmethod
    def of(cls, image: Tensor) -> "Grid":
        """Return the grid for images like this one, ``(C, *spatial)``: small plane images keep their own."""
        if image.ndim == 4:
            return cls(VOLUME_GRID, margin=2, extent=tuple(image.shape[1:]))
        side = min(image.shape[1:]) // 2 * 2
        return cls(max(SMALLEST_GRID, min(side, LARGEST_PLANE_GRID)), margin=1, extent=tuple(image.shape[1:]))


def read_images(case: Case, modalities: Sequence[str]) -> Tensor:
    """Read a case as ``(C, *spatial)``, float32, in the file's intensity units.

    Raises:
        CaseError: If a file cannot be used, or its modalities lie on different grids.
    """
    images = [case.load_image(modality) for modality in modalities]
    if len(shapes := {image.shape for image in images}) > 1:
        raise CaseError(f"Expected one grid for all modalities of case {case.id}, but got {sorted(shapes)}.")
    return torch.from_numpy(np.stack(images))


def load_embedded(
    cases: Sequence[Case], modalities: Sequence[str], grid: Grid, description: str
) -> tuple[EmbeddedCases, set[tuple]]:
    """Read cases and keep their interiors; as many at once as `synthtrust.machine.readers` allows.

    Args:
        cases: The cases to read.
        modalities: The modalities to read of each.
        grid: The grid that all are brought to.
        description: What they are, for the progress bar.

    Returns:
        The images, and the shapes of the files.

    Raises:
        CaseError: If an image cannot be searched: it holds NaN or infinity, or is constant in a modality.
    """

    def read(case: Case) -> tuple[EmbeddedCases, tuple[int, ...]]:
        image = read_images(case, modalities)
        return embed(image, grid, case), tuple(image.shape[1:])

    with ThreadPoolExecutor(readers()) as pool:
        results = pool.map(read, cases)
        shown = track(results, f"Reading {description}", total=len(cases))
        parts = list(shown)
    first, *others = (part for part, _ in parts)
    return first.join(*others), {shape for _, shape in parts}


def embed(image: Tensor, grid: Grid, case: Case) -> EmbeddedCases:
    """Return one image as a case with its interior; a refusal names its file."""
    try:
        bank = texture_bank([image], grid.nodes, grid.margin)
    except Refusal:
        files = ", ".join(sorted({str(path) for path in case.images.values()}))
        raise CaseError(
            f"Expected images that vary in every modality, but case {case.id} has a constant one: {files}. Repair or "
            "leave out this case."
        ) from None
    return EmbeddedCases(bank, _inverse(image, bank, grid), (case,))


def _inverse(image: Tensor, bank: TextureBank, grid: Grid) -> TextureBank:
    """Return the interior of the inverted image; that of the image itself if nothing would be left of it."""
    try:
        return texture_bank([torch.from_numpy(inverted(image.numpy()))], grid.nodes, grid.margin)
    except Refusal:  # all that is not 0 has one value
        return bank


def repeated(images: EmbeddedCases) -> dict[str, str]:
    """Return id -> id of the first image that it repeats, voxel by voxel."""
    first: dict[bytes, str] = {}
    same = {case.id: first.setdefault(_content(images, i), case.id) for i, case in enumerate(images.cases)}
    return {id_: other for id_, other in same.items() if id_ != other}


def _content(images: EmbeddedCases, i: int) -> bytes:
    return images.bank.fine[i].numpy().tobytes()
