"""Variants that a copy is looked for under: small rotations, other sizes, halves, single modalities, warped pieces.

They change the query, at the level of its `TextureBank`, so that every set of images goes through the same search: the
unseen patients that likeness is measured against as well as the synthetic images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.metrics.functional.interiors import TextureBank


@dataclass(frozen=True)
class Pose:
    """The whole image, turned and enlarged about its middle; as it is, by default, and then in every mirroring."""

    angle: float = 0.0
    """Rotation [degrees], of the image before its grid was stretched."""
    plane: tuple[int, int] = (-2, -1)
    """The two axes of the rotation, counted from the end."""
    scale: float = 1.0
    """Factor of the size, along all axes."""
    extent: tuple[int, ...] = ()
    """Sides of the image before its grid was stretched [voxels]; empty for equal sides."""

    @property
    def is_mirrored(self) -> bool:
        """Whether the search mirrors it: with every rotation in every mirroring it would take too long."""
        return self.angle == 0 and self.scale == 1

    @property
    def share(self) -> float:
        """The share of the texture that is compared."""
        return 1.0

    def fine(self, bank: TextureBank) -> tuple[Tensor, Tensor]:
        """Return interiors and bodies of the images in this pose, each of norm 1."""
        if self.is_mirrored:
            return bank.fine, bank.body
        body = self._moved(bank.body.float(), "bilinear") > 0.5
        return _unit(self._moved(bank.fine, "bicubic") * body), body

    def coarse(self, bank: TextureBank) -> Tensor:
        """Return the coarse interiors of the images in this pose, each of norm 1."""
        return bank.coarse if self.is_mirrored else _unit(self._moved(bank.coarse, "bicubic"))

    def coarse_norm(self, coarse: Tensor) -> Tensor:
        """Return the norm of what is compared of images ``(N, C, ...)``, ``(N,)``: they have norm 1."""
        return coarse.new_ones(len(coarse))

    def _moved(self, x: Tensor, mode: str) -> Tensor:
        """Turn and resize images ``(N, C, *spatial)``; outside is 0."""
        n_axes = x.ndim - 2
        extent = self.extent or (1,) * n_axes
        if self.angle:
            turn = math.radians(self.angle)
            stretch = extent[self.plane[0]] / extent[self.plane[1]]  # a stretched grid turns a rotation into a shear
            matrix = [[math.cos(turn), -math.sin(turn) * stretch], [math.sin(turn) / stretch, math.cos(turn)]]
            x = _in_plane(x, self.plane, matrix, mode)
        if self.scale != 1:
            for axis in range(-n_axes, 0, 2):  # an odd axis is taken with its neighbour, which stays as it is then
                pair = (axis, axis + 1) if axis < -1 else (-2, -1)
                first = 1 / self.scale if axis < -1 else 1.0
                x = _in_plane(x, pair, [[1 / self.scale, 0.0], [0.0, first]], mode)
        return x


@dataclass(frozen=True)
class Part:
    """One half of the image, or one modality of several, as it is; nothing else of the query is compared."""

    axis: int = 0
    """Axis that the image is halved along, counted from the end; 0: it is not halved."""
    second: bool = False
    """Whether it is the half with the higher indices."""
    modality: int = -1
    """The modality; -1: all."""
    n_modalities: int = 1

    @property
    def is_mirrored(self) -> bool:
        """Whether the search mirrors it."""
        return False

    @property
    def share(self) -> float:
        """The share of the texture that is compared, if all places and modalities have as much."""
        return (0.5 if self.axis else 1.0) / (self.n_modalities if self.modality >= 0 else 1)

    def fine(self, bank: TextureBank) -> tuple[Tensor, Tensor]:
        """Return interiors and bodies of this part of the images, each of norm 1."""
        return _unit(self._kept(bank.fine)), self._kept(bank.body)

    def coarse(self, bank: TextureBank) -> Tensor:
        """Return the coarse interiors of this part of the images, each of norm 1."""
        return _unit(self._kept(bank.coarse))

    def norm(self, coarse: Tensor) -> Tensor:
        """Return the norm of this part of images ``(N, C, ...)``, ``(N,)``."""
        return self._kept(coarse).flatten(1).norm(dim=1)

    def coarse_norm(self, coarse: Tensor) -> Tensor:
        """Return the norm of this part of images ``(N, C, ...)``, at least half of what is expected, ``(N,)``."""
        return self.norm(coarse).clamp(min=math.sqrt(self.share / 2))

    def _kept(self, x: Tensor) -> Tensor:
        kept = torch.zeros_like(x)
        channels = slice(None) if self.modality < 0 else slice(self.modality, self.modality + 1)
        where = [slice(None), channels, *[slice(None)] * (x.ndim - 2)]
        if self.axis:
            middle = x.shape[self.axis] // 2
            where[self.axis] = slice(middle, None) if self.second else slice(middle)
        kept[tuple(where)] = x[tuple(where)]
        return kept


@dataclass(frozen=True)
class Pieces:
    """The whole image in every mirroring, compared piece by piece, see `piecewise_correlation`."""

    is_mirrored: ClassVar[bool] = True
    share: ClassVar[float] = 1.0

    def fine(self, bank: TextureBank) -> tuple[Tensor, Tensor]:
        """Return interiors and bodies as they are: each pair of pieces is moved by itself."""
        return bank.fine, bank.body

    def coarse(self, bank: TextureBank) -> Tensor:
        """Return the coarse interiors as they are."""
        return bank.coarse

    def coarse_norm(self, coarse: Tensor) -> Tensor:
        """Return the norm of what is compared of images ``(N, C, ...)``, ``(N,)``: they have norm 1."""
        return coarse.new_ones(len(coarse))


Variant = Pose | Part | Pieces


def poses(extent: Sequence[int], angles: Sequence[float], scales: Sequence[float]) -> tuple[Pose, ...]:
    """Return the image as it is, turned by each angle both ways in each plane, and in each other size.

    Args:
        extent: Sides of the image in voxels, before its grid is stretched.
        angles: Sizes of the rotations [degrees].
        scales: Factors of the size.

    >>> len(poses((28, 28), [5, 10], [0.95, 1.05])), len(poses((40, 50, 40), [5, 10], [0.95, 1.05]))
    (7, 15)
    """
    sides = tuple(extent)
    planes = list(combinations(range(-len(sides), 0), 2))
    turned = [Pose(sign * angle, plane, 1.0, sides) for angle in angles for plane in planes for sign in (-1, 1)]
    return (Pose(extent=sides), *turned, *(Pose(scale=scale, extent=sides) for scale in scales))


def parts(n_axes: int, n_modalities: int) -> tuple[Part, ...]:
    """Return both halves along each axis, and each modality if there are several.

    >>> len(parts(2, 1)), len(parts(3, 4))
    (4, 10)
    """
    halves = [Part(axis, second) for axis in range(-n_axes, 0) for second in (False, True)]
    single = [Part(modality=i, n_modalities=n_modalities) for i in range(n_modalities if n_modalities > 1 else 0)]
    return (*halves, *single)


def _in_plane(x: Tensor, plane: tuple[int, int], matrix: list[list[float]], mode: str) -> Tensor:
    """Sample images ``(N, C, *spatial)`` in a plane at matrix @ (second, first axis), both from -1 to 1."""
    moved = x.movedim(plane, (-2, -1))
    flat = moved.reshape(len(x), -1, *moved.shape[-2:])
    affine = torch.tensor([[*matrix[0], 0.0], [*matrix[1], 0.0]], dtype=x.dtype, device=x.device)
    where = F.affine_grid(affine[None], [1, *flat.shape[1:]], align_corners=False).expand(len(x), -1, -1, -1)
    sampled = F.grid_sample(flat, where, mode=mode, padding_mode="zeros", align_corners=False)
    return sampled.reshape(moved.shape).movedim((-2, -1), plane)


def _unit(x: Tensor) -> Tensor:
    return x / x.flatten(1).norm(dim=1).clamp(min=1e-12).reshape(-1, *[1] * (x.ndim - 1))
