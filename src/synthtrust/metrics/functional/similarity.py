"""Which real image a synthetic one was copied from: correlation of interiors, over flips and shifts, against all.

Whole images correlate at .93 to .98 between any two heads, since the outline is shared; what differs between patients
is the texture inside. So outline and slow shading are removed first (`bank`), and each query is then compared with
every image of the bank under all flips and small shifts (`nearest`), over the part that the shifted bodies share.

Measured on `Task04_Hippocampus` (32^3, 80 training cases): copies that are exact, noisy, flipped, shifted by 2 voxels,
gamma-changed or all of it at once are told from unseen patients, of which half lie below .54. On 28 x 28 radiographs
the last kind is found in part only: a small image does not say enough.

Not seen: rotations by more than about 10 degrees, elastic warps, crops, and copies of a part of an image.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

AIR = 0.1
"""Air is what lies below this share of the way from the 1st to the 90th percentile. A higher share (half, for one) cuts
through tissue where the field of view holds no air, and at another place after a change of gamma."""
SMALLEST_BODY = 0.05
"""Share of the grid that the body mask must keep; below it, everything counts as body."""
FAST, SLOW = 0.7, 2.0
"""Gaussians [nodes of the grid] between which texture is looked for. With 3 in place of 2 (as on the phantoms that the
search was first tried on) shifted copies of 28 x 28 radiographs were found less often, those of volumes equally."""
SMALLEST_OVERLAP = 0.5
"""Share of either image's texture that the overlap is taken to hold at least: less would let chance win."""


@dataclass(frozen=True)
class Bank:
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

    def take(self, index: Tensor | slice) -> "Bank":
        """Return the bank of the images with these indices (or this mask, or slice)."""
        return Bank(self.fine[index], self.body[index], self.coarse[index])


def bank(images: Iterable[Tensor], grid: int = 32, margin: int = 3) -> Bank:
    """Make images ready for `nearest`: resample, keep the body, remove the slow part, set the norm to 1.

    Each modality by itself is brought to ``grid`` nodes along each axis (stretched, with averaging where there are
    more), standardised, freed of air (a mask after a Gaussian of 1 node, eroded by ``margin``), and filtered with the
    difference of Gaussians of 0.7 and 2 nodes, taken over the body alone. Modalities weigh the same.

    The images are read one at a time, so that a generator keeps memory low. Their grids may differ, since the grid is
    stretched; only if a synthetic set is padded where the real one is not, crop both alike before.

    Args:
        images: N volumes ``(C, D, H, W)`` or images ``(C, H, W)``, any numeric dtype and intensity unit.
        grid: Nodes along each axis, even. 32 for small volumes, 48 for BraTS; more for large 2-D images (64).
        margin: Nodes by which the body is made smaller, so that the outline, which all heads share, stays out. 1 is
            better for small images that tissue fills (measured: radiographs of 28 x 28).

    Returns:
        The `Bank` of the N images, on the device of the first.

    Raises:
        ValueError: If there is no image, one has another number of axes or modalities than the first, is constant in a
            modality, or holds NaN or infinity; the message names all such images by index.

    >>> ramp = torch.arange(256.0).reshape(1, 16, 16).sin()
    >>> ready = bank([ramp, 3 * ramp + 5], grid=16)
    >>> ready.fine.shape, torch.allclose(ready.fine[0], ready.fine[1], atol=1e-5)  # level and contrast do not matter
    (torch.Size([2, 1, 16, 16]), True)
    """
    if grid < 8 or grid % 2 or margin < 0:
        raise ValueError(f"Expected an even grid of at least 8 nodes and a margin from 0, got {grid} and {margin}.")
    ready, refused, shapes = [], [], []
    for i, image in enumerate(images):
        x = image.as_subclass(Tensor).double()  # a MetaTensor would carry its affine through every step
        shapes.append((x.ndim, len(x)))
        if not (x.isfinite().all() and (x.flatten(1).amax(dim=1) > x.flatten(1).amin(dim=1)).all()):
            refused.append(i)
            continue
        ready.append(_interior(x, grid, margin))
    if refused:
        raise ValueError(
            f"Expected finite images that vary in every modality, but got constant, NaN or infinite values in the "
            f"images with index {refused[:20]} ({len(refused)} of {len(shapes)}). Leave them out, and report them."
        )
    if not shapes or len(set(shapes)) > 1 or shapes[0][0] not in (3, 4):
        raise ValueError(
            "Expected images (C, D, H, W) or (C, H, W) of one number of modalities, but got (axes, modalities) "
            f"{sorted(set(shapes)) or 'no image'}."
        )
    return Bank(*map(torch.stack, zip(*ready)))


def nearest(
    queries: Bank,
    reference: Bank,
    k: int = 6,
    *,
    exclude: Tensor | None = None,
    candidates: int = 6,
    reach: int = 4,
    memory: int = 2**28,
) -> tuple[Tensor, Tensor]:
    r"""Find the k most similar images of a reference for each query, over all flips and shifts.

    First every pair is compared on the half grid under all flips and shifts by up to one coarse node along each axis
    (in 3-D 8 x 27 matrix products). The best ``candidates`` of each query, in their best flip, are then compared on the
    full grid under all shifts up to ``reach`` by FFT. No pair is skipped in the first stage; among images that are no
    copies, all about equally far, the best may miss the second, for all sets alike. ``candidates=len(reference)``
    compares all on the full grid too (in the flip that the first stage chose). Shifts do not wrap around, and on the
    full grid the correlation is over the nodes that lie in both bodies, so that a copy is not punished for what was
    moved out of the field of view:

    .. math:: s = \max_{flip, t} \sum_x a_x b_{x+t} \Big/
              \sqrt{\sum_{x: x+t \in B} a_x^2 \; \sum_{x: x-t \in A} b_x^2}

    Args:
        queries: Q images.
        reference: N images on the same grid, with the same modalities.
        k: Neighbours; 6 is what `copy_search` needs.
        exclude: For each query the index in the reference that it must not find (itself), -1 for none, ``(Q,)``; or a
            mask ``(Q, N)``, True where a pair must not be found (same patient).
        candidates: Images of the reference that are compared on the full grid, at least k.
        reach: Largest shift along each axis [nodes of the grid].
        memory: Bound on the working memory beside the banks [bytes].

    Returns:
        ``(similarity, index)``, both ``(Q, k)``, best first: correlations from -1 to 1 (averaged over the modalities),
        and the rows of the reference.

    Raises:
        ValueError: If the grids or modalities differ, or fewer than k images may be found for a query.

    >>> images = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> found, index = nearest(bank(images.flip(-1), grid=16), bank(images, grid=16), k=1)
    >>> index[:, 0].tolist(), round(found.min().item(), 3)  # every mirrored image finds its original
    ([0, 1, 2, 3, 4], 1.0)
    """
    if queries.fine.shape[1:] != reference.fine.shape[1:]:
        raise ValueError(
            f"Expected two banks of one grid and the same modalities, but got {tuple(queries.fine.shape[1:])} and "
            f"{tuple(reference.fine.shape[1:])}. Make both with the same grid, from the same modalities."
        )
    forbidden = _forbidden(exclude, len(queries), len(reference), reference.fine.device)
    fewest = len(reference) - int(forbidden.sum(dim=1).max()) if forbidden is not None else len(reference)
    if not 1 <= k <= fewest:
        raise ValueError(f"Expected at least k = {k} images to search, but got {fewest} (n needed: {k}).")
    n_candidates = min(max(candidates, k), len(reference))
    found = []
    shifts, width = 3 ** (queries.coarse.ndim - 2), reference.coarse[0].numel()
    step = max(1, memory // (4 * (shifts + 2) * (2 * width + len(reference))))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        score, flip = _coarse(queries.coarse[rows], reference.coarse)
        if forbidden is not None:
            score = score.masked_fill(forbidden[rows], -torch.inf)
        best = score.topk(n_candidates, dim=1)
        flip = flip.gather(1, best.indices)
        similarity = _fine(queries.take(rows), reference, best.indices, flip, reach, memory)
        similarity = similarity.masked_fill(best.values == -torch.inf, -torch.inf)
        value, order = similarity.topk(k, dim=1)
        found.append((value, best.indices.gather(1, order)))
    return torch.cat([value for value, _ in found]), torch.cat([index for _, index in found])


def _interior(image: Tensor, grid: int, margin: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return one image ``(C, *spatial)`` as interior and body ``(C, g, ...)`` and coarse interior ``(C, g/2, ...)``."""
    x = image
    for axis in range(1, image.ndim):
        x = _along(x, _resampling(image.shape[axis], grid), axis)
    spatial = tuple(range(1, x.ndim))
    x = (x - x.mean(dim=spatial, keepdim=True)) / x.std(dim=spatial, keepdim=True).clamp(min=1e-12)
    body, pool = _body(_smooth(x, 1.0), margin), (F.avg_pool3d if x.ndim == 4 else F.avg_pool2d)
    slow = _smooth_inside(x, body, SLOW)
    fine = _unit(_centred(_smooth_inside(x, body, FAST) - slow, body))
    coarse = _unit(pool(_centred(_smooth_inside(x, body, 1.0) - slow, body), 2))
    return fine.float(), body.bool(), coarse.float()


def _body(smooth: Tensor, margin: int) -> Tensor:
    """Return the mask of the body without its outermost nodes, ``(C, g, ...)`` of 0 and 1."""
    flat = smooth.flatten(1)
    limits = torch.quantile(flat, torch.tensor([0.01, 0.9], dtype=flat.dtype, device=flat.device), dim=1)  # (2, C)
    threshold = torch.lerp(limits[0], limits[1], AIR).reshape(-1, *[1] * (smooth.ndim - 1))
    air = (smooth <= threshold).to(smooth.dtype)
    grown = (F.max_pool3d if smooth.ndim == 4 else F.max_pool2d)(air, 2 * margin + 1, stride=1, padding=margin)
    body = 1 - grown
    share = body.flatten(1).mean(dim=1).reshape(threshold.shape)
    return torch.where(share < SMALLEST_BODY, 1.0, body)


def _smooth_inside(x: Tensor, body: Tensor, sigma: float) -> Tensor:
    """Return the Gaussian mean over the nodes inside the body: air must not shine into it, or the outline decides."""
    return body * _smooth(x * body, sigma) / _smooth(body, sigma).clamp(min=1e-12)


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
    """Apply a matrix ``(m, n)`` to one axis of length n."""
    return torch.movedim(torch.movedim(x, axis, -1) @ matrix.to(x.device).T, -1, axis)


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


def _flips(n_axes: int) -> list[tuple[int, ...]]:
    """Return the sets of spatial axes (counted from the end) that may be mirrored, 2^d of them."""
    axes = tuple(range(-n_axes, 0))
    return [flip for m in range(n_axes + 1) for flip in combinations(axes, m)]


def _coarse(queries: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Return the best correlation over flips and shifts, and the best flip, both ``(Q, N)``."""
    n_axes = queries.ndim - 2
    size = queries.shape[-1]
    columns = reference.flatten(1).T  # (D, N)
    padded = F.pad(queries, (1, 1) * n_axes)
    score = torch.full((len(queries), len(reference)), -torch.inf, device=queries.device)
    best = torch.zeros_like(score, dtype=torch.int64)
    for i, flip in enumerate(_flips(n_axes)):
        flipped = padded.flip(flip) if flip else padded
        starts = product(range(3), repeat=n_axes)
        shifted = torch.stack([_window(flipped, start, size).flatten(1) for start in starts])  # (3^d, Q, D)
        found = (shifted @ columns).amax(dim=0)  # (Q, N)
        best = torch.where(found > score, i, best)
        score = torch.maximum(found, score)
    return score, best


def _window(x: Tensor, start: tuple[int, ...], size: int) -> Tensor:
    for axis, first in enumerate(start):
        x = x.narrow(axis - len(start), first, size)
    return x


def _fine(queries: Bank, reference: Bank, index: Tensor, flip: Tensor, reach: int, memory: int) -> Tensor:
    """Return the best correlation over shifts up to ``reach`` of each query with its candidates, ``(Q, K)``."""
    n_axes = queries.fine.ndim - 2
    result = torch.empty(index.shape, device=queries.fine.device)
    step = max(1, memory // (64 * queries.fine.shape[1] * (queries.fine.shape[-1] + reach) ** n_axes))
    for i, mirrored in enumerate(_flips(n_axes)):
        rows, columns = (flip == i).nonzero(as_tuple=True)
        for start in range(0, len(rows), step):
            row, column = rows[start : start + step], columns[start : start + step]
            found = index[row, column]
            a, in_a = (x[row].flip(mirrored) if mirrored else x[row] for x in (queries.fine, queries.body))
            b, in_b = reference.fine[found], reference.body[found]
            product_ = _shifted_products(a, b, reach)
            energy_a = _shifted_products(a**2, in_b.float(), reach).clamp(min=SMALLEST_OVERLAP)
            energy_b = _shifted_products(in_a.float(), b**2, reach).clamp(min=SMALLEST_OVERLAP)
            result[row, column] = (product_ / (energy_a * energy_b).sqrt()).flatten(1).amax(dim=1)
    return result.clamp(-1, 1)  # rounding may leave 1 + 1e-7


def _shifted_products(a: Tensor, b: Tensor, reach: int) -> Tensor:
    """Return the sum over nodes and modalities of a times shifted b, ``(P, 2 reach + 1, ...)``, one for each shift."""
    axes = tuple(range(2 - a.ndim, 0))
    size = [a.shape[-1] + reach] * len(axes)  # so much room that no shift up to reach wraps around
    spectrum = torch.fft.rfftn(a, s=size, dim=axes).conj() * torch.fft.rfftn(b, s=size, dim=axes)
    products = torch.fft.irfftn(spectrum.sum(dim=1), s=size, dim=axes)
    window = torch.arange(-reach, reach + 1, device=a.device) % size[0]
    for axis in axes:
        products = products.index_select(axis, window)
    return products


def _forbidden(exclude: Tensor | None, n_queries: int, n: int, device: torch.device) -> Tensor | None:
    if exclude is None:
        return None
    if exclude.dtype == torch.bool and exclude.shape == (n_queries, n):
        return exclude.to(device)
    if exclude.dtype == torch.bool or exclude.shape != (n_queries,) or int(exclude.max()) >= n:
        raise ValueError(
            f"Expected to exclude one index below {n} for each of {n_queries} queries, or a mask "
            f"({n_queries}, {n}), but got {exclude.dtype} of shape {tuple(exclude.shape)}."
        )
    return torch.arange(n, device=device) == exclude.to(device)[:, None]
