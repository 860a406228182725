"""The interiors of images: what is left of a scan when its outline and its slow shading are taken away."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.refusals import Refusal

AIR = 0.1
"""Air is what lies below this share of the way from the 1st to the 90th percentile. A higher share (half, for one) cuts
through tissue where the field of view holds no air, and at another place after a change of gamma."""
SMALLEST_BODY = 0.05
"""Share of the grid that the body mask must keep; below it, everything counts as body."""
FINE, COARSE = (0.3, 0.7), (1.0, 2.0)
"""Gaussians [nodes of the grid] between which texture is looked for, at the full grid and at half. What all patients
share is coarse: with 0.5 and 1.5 nodes, blended and cropped copies stood out from honest images far less."""
NEIGHBOURHOOD, LEAST_CONTRAST = 2.0, 0.25
"""Gaussian [nodes] over which the contrast of the fine texture is made even, and the share of the image's own contrast
that counts as one at least. Without it a few bright edges, which the images of many patients have in the same place,
decide the correlation: honest radiographs reached strengths of 11, and so did copies that were missed."""


@dataclass(frozen=True)
class TextureBank:
    """Images made ready for the search. Rows are images, each with norm 1.

    In bytes it takes about ``5.5 * N * C * grid**3``: 180 MB for 1,000 volumes of one modality on 32^3.
    """

    fine: Tensor
    """Interiors ``(N, C, g, g[, g])``, float32."""
    body: Tensor
    """Where an interior may differ from 0, bool, the shape of ``fine``."""
    coarse: Tensor
    """The interiors, smoother and on half the grid, ``(N, C, g/2, g/2[, g/2])``."""

    def __len__(self) -> int:
        return len(self.fine)

    def take(self, index: Tensor | slice) -> "TextureBank":
        """Return the bank of the images with these indices (or this mask, or slice)."""
        return TextureBank(self.fine[index], self.body[index], self.coarse[index])

    def mirrored(self, axes: Sequence[int]) -> "TextureBank":
        """Return the bank of the mirrored images: along these axes, counted from the end."""
        if not axes:
            return self
        fine, body, coarse = (x.flip(tuple(axes)) for x in (self.fine, self.body, self.coarse))
        return TextureBank(fine, body, coarse)

    @classmethod
    def join(cls, banks: Sequence["TextureBank"]) -> "TextureBank":
        """Return one bank of the images of several, in their order; all on one grid, with the same modalities."""
        return cls(*(torch.cat(parts) for parts in zip(*((b.fine, b.body, b.coarse) for b in banks))))


def texture_bank(images: Iterable[Tensor], grid: int = 32, margin: int = 2) -> TextureBank:
    """Make images ready for `most_similar`: resample, keep the body, remove the slow part, set the norm to 1.

    Each modality by itself is brought to ``grid`` nodes along each axis (stretched, with averaging where there are
    more), standardised, freed of air (a mask after a Gaussian of 1 node, eroded by ``margin``), and filtered with the
    difference of Gaussians of 0.3 and 0.7 nodes, taken over the body alone, whose contrast is then made even over the
    neighbourhood. Modalities weigh the same.

    The images are read one at a time, so that a generator keeps memory low. Their grids may differ, since the grid is
    stretched; only if a synthetic set is padded where the real one is not, crop both alike before.

    Args:
        images: N volumes ``(C, D, H, W)`` or images ``(C, H, W)``, any numeric dtype and intensity unit.
        grid: Nodes along each axis, even. 32 for volumes; small 2-D images on their own grid (28), large ones on 64.
        margin: Nodes by which the body is made smaller, so that the outline, which all heads share, stays out. 1 is
            better for small images that tissue fills (measured: radiographs of 28 x 28).

    Returns:
        The `TextureBank` of the N images, on the device of the first.

    Raises:
        Refusal: If there is no image, one has another number of axes or modalities than the first, is constant in a
            modality, or holds NaN or infinity; the message names all such images by index.

    >>> ramp = torch.arange(256.0).reshape(1, 16, 16).sin()
    >>> ready = texture_bank([ramp, 3 * ramp + 5], grid=16)
    >>> ready.fine.shape, torch.allclose(ready.fine[0], ready.fine[1], atol=1e-5)  # level and contrast do not matter
    (torch.Size([2, 1, 16, 16]), True)
    """
    if grid < 8 or grid % 2 or margin < 0:
        raise Refusal(f"Expected an even grid of at least 8 nodes and a margin from 0, got {grid} and {margin}.")
    ready, refused, shapes = [], [], []
    for i, image in enumerate(images):
        x = image.as_subclass(Tensor).double()  # a MetaTensor would carry its affine through every step
        shapes.append((x.ndim, len(x)))
        if not (x.isfinite().all() and (x.flatten(1).amax(dim=1) > x.flatten(1).amin(dim=1)).all()):
            refused.append(i)
            continue
        ready.append(_interior(x, grid, margin))
    if refused:
        raise Refusal(
            f"Expected finite images that vary in every modality, but got constant, NaN or infinite values in the "
            f"images with index {refused[:20]} ({len(refused)} of {len(shapes)}). Leave them out, and report them."
        )
    if not shapes or len(set(shapes)) > 1 or shapes[0][0] not in (3, 4):
        raise Refusal(
            "Expected images (C, D, H, W) or (C, H, W) of one number of modalities, but got (axes, modalities) "
            f"{sorted(set(shapes)) or 'no image'}."
        )
    return TextureBank(*map(torch.stack, zip(*ready)))


def _interior(image: Tensor, grid: int, margin: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return one image ``(C, *spatial)`` as interior and body ``(C, g, ...)`` and coarse interior ``(C, g/2, ...)``."""
    x = image
    for axis in range(1, image.ndim):
        x = _along(x, _resampling(image.shape[axis], grid), axis)
    spatial = tuple(range(1, x.ndim))
    x = (x - x.mean(dim=spatial, keepdim=True)) / x.std(dim=spatial, keepdim=True).clamp(min=1e-12)
    body, pool = _body(_smooth(x, 1.0), margin), (F.avg_pool3d if x.ndim == 4 else F.avg_pool2d)
    fine = _unit(_even(_between(x, body, *FINE), body))
    coarse = _unit(pool(_between(x, body, *COARSE), 2))
    return fine.float(), body.bool(), coarse.float()


def _between(x: Tensor, body: Tensor, fast: float, slow: float) -> Tensor:
    """Return what lies between two Gaussians inside the body, with mean 0 there and 0 outside."""
    return _centred(_smooth_inside(x, body, fast) - _smooth_inside(x, body, slow), body)


def _even(x: Tensor, body: Tensor) -> Tensor:
    """Divide by the contrast of the neighbourhood, so that weak texture counts as much as strong edges.

    Source: local contrast normalisation, Jarrett et al. 2009, "What is the best multi-stage architecture for object
    recognition?", with Gaussian weights over the body alone.
    """
    spatial = tuple(range(1, x.ndim))
    contrast = ((x**2).sum(dim=spatial, keepdim=True) / body.sum(dim=spatial, keepdim=True)).sqrt()
    around = _smooth_inside(x**2, body, NEIGHBOURHOOD).clamp(min=0).sqrt()
    return x / (around + LEAST_CONTRAST * contrast).clamp(min=1e-12)


def _body(smooth: Tensor, margin: int) -> Tensor:
    """Return the mask of the body without its outermost nodes, ``(C, g, ...)`` of 0 and 1."""
    flat = smooth.flatten(1)
    limits = torch.from_numpy(np.quantile(flat.cpu().numpy(), [0.01, 0.9], axis=1)).to(flat)  # (2, C); without sorting
    threshold = torch.lerp(limits[0], limits[1], AIR).reshape(-1, *[1] * (smooth.ndim - 1))
    air = (smooth <= threshold).to(smooth.dtype)
    for axis in range(1, air.ndim):  # nodes of air around each node: a box is lines along one axis after the other
        air = _along(air, _near(air.shape[axis], margin), axis)
    body = (air == 0).to(smooth.dtype)
    share = body.flatten(1).mean(dim=1).reshape(threshold.shape)
    return torch.where(share < SMALLEST_BODY, 1.0, body)


def _smooth_inside(x: Tensor, body: Tensor, sigma: float) -> Tensor:
    """Return the Gaussian mean over the nodes inside the body: air must not shine into it, or the outline decides."""
    inside, share = _smooth(torch.cat([x * body, body]), sigma).tensor_split(2)
    return body * inside / share.clamp(min=1e-12)


def _centred(x: Tensor, body: Tensor) -> Tensor:
    """Subtract the mean inside the body, and set everything outside to 0."""
    spatial = tuple(range(1, x.ndim))
    mean = (x * body).sum(dim=spatial, keepdim=True) / body.sum(dim=spatial, keepdim=True)
    return (x - mean) * body


def _unit(x: Tensor) -> Tensor:
    """Scale every modality to the same norm, and all together to norm 1: the product of two is their mean NCC."""
    norm = x.flatten(1).norm(dim=1).clamp(min=1e-12).reshape(-1, *[1] * (x.ndim - 1))
    return x / norm / math.sqrt(len(x))


def _smooth(x: Tensor, sigma: float) -> Tensor:
    for axis in range(1, x.ndim):
        x = _along(x, _gaussian(x.shape[axis], sigma), axis)
    return x


def _along(x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Apply a matrix ``(m, n)`` to one axis of length n, not the first."""
    matrix = matrix.to(x.device)
    if axis == x.ndim - 1:
        return x @ matrix.T
    product = matrix @ x.flatten(0, axis - 1).flatten(2)  # no axis is moved, which would copy the image twice
    return product.reshape(*x.shape[:axis], len(matrix), *x.shape[axis + 1 :])


@lru_cache(maxsize=512)
def _resampling(n: int, grid: int) -> Tensor:
    """Return the matrix ``(grid, n)`` of linear interpolation, widened to a node where there are more voxels.

    Without the widening, fine texture would fold into the grid and change with every shift of half a node.
    """
    step = n / grid
    centre = (torch.arange(grid, dtype=torch.float64)[:, None] + 0.5) * step - 0.5
    distance = (torch.arange(n, dtype=torch.float64) - centre.clamp(0, n - 1)).abs() / max(1.0, step)
    weight = (1 - distance).clamp(min=0)
    return weight / weight.sum(dim=1, keepdim=True)


@lru_cache(maxsize=64)
def _gaussian(n: int, sigma: float) -> Tensor:
    """Return the matrix ``(n, n)`` of a Gaussian filter; at the border it weighs what is there."""
    node = torch.arange(n, dtype=torch.float64)
    weight = torch.exp(-((node[:, None] - node) ** 2) / (2 * sigma**2))
    return weight / weight.sum(dim=1, keepdim=True)


@lru_cache(maxsize=64)
def _near(n: int, margin: int) -> Tensor:
    """Return the matrix ``(n, n)`` that is 1 where two nodes lie at most ``margin`` apart, else 0."""
    node = torch.arange(n)
    return ((node[:, None] - node).abs() <= margin).double()
