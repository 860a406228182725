"""Which real image a synthetic one was copied from: correlation of interiors, over flips and shifts, against all.

Whole images correlate at .93 to .98 between any two heads, since the outline is shared; what differs between patients
is the texture inside. So outline and slow shading are removed first (`interiors.texture_bank`), and each query is then
compared with every image of the bank under all flips and small shifts (`most_similar`), over the part that the shifted
bodies share.

Measured on `Task04_Hippocampus` (32^3, 80 training cases): copies that are exact, noisy, flipped, shifted by 2 voxels,
gamma-changed or all of it at once are told from unseen patients, of which half lie below .45. On 28 x 28 radiographs
the last kind is found in part only: a small image does not say enough.

Copies that are turned, of another size, cut out, or of a part of the image alone are found by the `variants` of the
queries, and inverted ones by inverted queries. Not seen: rotations and sizes beyond those asked for, those that are
mirrored as well, strong elastic warps, and copies of less than half an image.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from synthtrust.metrics.functional.coarse_correlation import CoarseReference, flips
from synthtrust.metrics.functional.interiors import TextureBank
from synthtrust.metrics.functional.masked_correlation import NOT_COMPARED, Way, best_correlation
from synthtrust.metrics.functional.variants import Pose, Variant
from synthtrust.refusals import Refusal

REACH = 4  # nodes of the grid
MEMORY = 2**28  # bytes


def most_similar(
    queries: TextureBank,
    reference: TextureBank,
    k: int = 6,
    *,
    exclude: Tensor | None = None,
    groups: Tensor | None = None,
    candidates: int = 6,
    variants: Sequence[Variant] = (Pose(),),
    reach: int = REACH,
    memory: int = MEMORY,
) -> tuple[Tensor, Tensor]:
    r"""Find the k most similar images of a reference for each query, over all flips and shifts.

    First every pair is compared on the half grid under all flips and shifts by up to a sixteenth of the side along each
    axis (in 3-D on 32^3 nodes 8 x 27 products, see `CoarseReference` for what they share). The best ``candidates`` of
    each query, in their best flip, are then compared on the full grid under all shifts up to ``reach`` by FFT. No pair
    is skipped in the first stage; among
    images that are no copies, all about equally far, the best may miss the second, for all sets alike.
    ``candidates=len(reference)`` compares all on the full grid in every flip, and so finds the nearest for sure. Shifts
    do not wrap around, and on the full grid the correlation is over the nodes that lie in both bodies, so that a copy
    is not punished for what was moved out of the field of view:

    .. math:: s = \max_{flip, t} \sum_x a_x b_{x+t} /
              \sqrt{\sum_{x: x+t \in B} a_x^2 \; \sum_{x: x-t \in A} b_x^2}

    Args:
        queries: Q images.
        reference: N images on the same grid, with the same modalities.
        k: Neighbours; 6 is what `copy_search` needs.
        exclude: For each query the index in the reference that it must not find (itself), -1 for none, ``(Q,)``; or a
            mask ``(Q, N)``, True where a pair must not be found (same patient).
        groups: Which images of the reference count as one, integers from 0 ``(N,)``: several of one patient, say. The
            most alike of a group is the neighbour, and the k neighbours are of k groups. None: each is its own.
        candidates: Images of the reference that are compared on the full grid, at least k.
        variants: How each query is laid onto the reference: as it is in every mirroring, by default. Others, such as
            `poses` or `parts`, are not mirrored. The best one counts.
        reach: Largest shift along each axis [nodes of the grid].
        memory: Bound on the working memory beside the banks [bytes].

    Returns:
        ``(similarity, index)``, both ``(Q, k)``, best first: correlations from -1 to 1 (averaged over the modalities),
        and the rows of the reference.

    Raises:
        Refusal: If the grids or modalities differ, or fewer than k images (or groups) may be found for a query.

    >>> from synthtrust.metrics.functional.interiors import texture_bank
    >>> images = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> found, index = most_similar(texture_bank(images.flip(-1), grid=16), texture_bank(images, grid=16), k=1)
    >>> index[:, 0].tolist(), round(found.min().item(), 3)  # every mirrored image finds its original
    ([0, 1, 2, 3, 4], 1.0)
    """
    _check_alike(queries, reference)
    forbidden = _forbidden(exclude, len(queries), len(reference), reference.fine.device)
    fewest = _fewest(forbidden, groups, len(reference))
    if not 1 <= k <= fewest:
        raise Refusal(f"Expected at least k = {k} images to search, but got {fewest} (n needed: {k}).")
    n_candidates = min(max(candidates, k), len(reference))
    nearest_of_chunk = []
    ways = _ways(variants, queries.coarse.ndim - 2)
    coarse = CoarseReference(reference, ways)
    step = max(1, memory // 64 // len(reference))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        score, way = coarse.scores(queries.take(rows), memory)
        if forbidden is not None:
            score = score.masked_fill(forbidden[rows], -torch.inf)
        index = score.topk(n_candidates, dim=1).indices
        is_repeated = torch.zeros_like(index, dtype=torch.bool)
        if groups is not None and n_candidates < len(reference):  # the best images may all be of few groups
            n_groups = min(n_candidates, len(groups.unique()))
            leaders = _of_groups(score, groups.expand(len(score), -1), n_groups)[1]
            is_repeated = torch.cat([is_repeated, (leaders[:, :, None] == index[:, None]).any(dim=2)], dim=1)
            index = torch.cat([index, leaders], dim=1)
        if candidates < len(reference):
            tried = [way.gather(1, index).masked_fill(is_repeated, NOT_COMPARED)]
        else:
            tried = [torch.full_like(index, i) for i in range(len(ways))]
        asked = queries.take(rows)
        similarity = torch.stack(
            [best_correlation(asked, reference, index, w, ways, reach=reach, memory=memory) for w in tried]
        ).amax(0)
        similarity = similarity.masked_fill(score.gather(1, index) == -torch.inf, -torch.inf)
        value, order = similarity.topk(k, dim=1) if groups is None else _of_groups(similarity, groups[index], k)
        nearest_of_chunk.append((value, index.gather(1, order)))
    return torch.cat([value for value, _ in nearest_of_chunk]), torch.cat([index for _, index in nearest_of_chunk])


def pairwise_similarity(
    first: TextureBank,
    second: TextureBank,
    block: int = 16,
    *,
    variants: Sequence[Variant] = (Pose(),),
) -> Tensor:
    """Return the similarity of each image of one bank with the image in the same place of another, ``(N,)``.

    The highest over all variants, flips and shifts on the full grid.

    Args:
        first: N images.
        second: As many, on the same grid.
        block: Pairs that are compared at once.
        variants: How each image of the first bank is laid onto that of the second, as for `most_similar`.

    Raises:
        Refusal: If the banks differ in length, grid or modalities.

    >>> from synthtrust.metrics.functional.interiors import texture_bank
    >>> images = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    >>> pairwise_similarity(texture_bank(images, grid=16), texture_bank(images.flip(-2), grid=16)).min().item() > 0.999
    True
    """
    if len(first) != len(second):
        raise Refusal(f"Expected as many images in both banks, but got {len(first)} and {len(second)}.")
    _check_alike(first, second)
    ways = _ways(variants, first.fine.ndim - 2)
    similarity = []
    for start in range(0, len(first), block):
        rows = slice(start, start + block)
        chunk, other_chunk = first.take(rows), second.take(rows)
        itself = torch.arange(len(chunk))[:, None].expand(-1, len(ways))
        every = torch.arange(len(ways)).expand(len(chunk), -1)
        values = best_correlation(chunk, other_chunk, itself, every, ways, reach=REACH, memory=MEMORY)
        similarity.append(values.amax(dim=1))
    return torch.cat(similarity)


def _check_alike(first: TextureBank, second: TextureBank) -> None:
    if first.fine.shape[1:] != second.fine.shape[1:]:
        raise Refusal(
            f"Expected two banks of one grid and the same modalities, but got {tuple(first.fine.shape[1:])} and "
            f"{tuple(second.fine.shape[1:])}. Make both with the same grid, from the same modalities."
        )


def _ways(variants: Sequence[Variant], n_axes: int) -> list[Way]:
    """Return each variant in every mirroring that is tried of it."""
    return [Way(variant, flip) for variant in variants for flip in (flips(n_axes) if variant.is_mirrored else [()])]


def _of_groups(similarity: Tensor, group_of_column: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the best of the k best groups and their columns, ``(Q, k)``, where columns ``(Q, K)`` are of groups."""
    value, group = _best_of(similarity, group_of_column).topk(k, dim=1)
    other = group_of_column[:, None] != group[..., None]  # (Q, k, K)
    return value, similarity[:, None].masked_fill(other, -torch.inf).argmax(dim=2)


def _best_of(score: Tensor, group_of_column: Tensor) -> Tensor:
    """Return the best score of each group ``(Q, G)``, minus infinity where it has no column."""
    none = score.new_full((len(score), int(group_of_column.max()) + 1), -torch.inf)
    return none.scatter_reduce(1, group_of_column, score, "amax")


def _fewest(forbidden: Tensor | None, groups: Tensor | None, n: int) -> int:
    """Return how many images, or groups of them, the query with the fewest may find."""
    if forbidden is None:
        return n if groups is None else len(groups.unique())
    if groups is None:
        return n - int(forbidden.sum(dim=1).max())
    return int(_best_of((~forbidden).float(), groups.expand(len(forbidden), -1)).clamp(min=0).sum(dim=1).min())


def _forbidden(exclude: Tensor | None, n_queries: int, n: int, device: torch.device) -> Tensor | None:
    if exclude is None:
        return None
    if exclude.dtype == torch.bool and exclude.shape == (n_queries, n):
        return exclude.to(device)
    if exclude.dtype == torch.bool or exclude.shape != (n_queries,) or int(exclude.max()) >= n:
        raise Refusal(
            f"Expected to exclude one index below {n} for each of {n_queries} queries, or a mask "
            f"({n_queries}, {n}), but got {exclude.dtype} of shape {tuple(exclude.shape)}."
        )
    return torch.arange(n, device=device) == exclude.to(device)[:, None]
