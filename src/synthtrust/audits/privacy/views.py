"""The views of the copy search: in each, images are compared in other variants, against unseen patients in the same.

One search over everything would find each kind of copy less often, since what unseen patients reach by chance grows
with every variant that is tried. So the images as they are, inverted ones, those that are turned or resized, those
of which only a part is compared, and plane ones piece by piece are searched one after the other, and an image counts by
the view in which it is most suspicious.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.audits.privacy.embedded import EmbeddedCases
from synthtrust.audits.privacy.settings import NEIGHBOURS, PrivacySettings
from synthtrust.metrics.functional import TextureBank, most_similar, pairwise_similarity
from synthtrust.metrics.functional.variants import Pieces, Pose, Variant, parts, poses

Array = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """One way to compare images."""

    name: str
    """What tables call it."""
    variants: tuple[Variant, ...]
    """The variants of each image that are compared; the best one counts."""
    inverted: bool = False
    """Whether bright and dark of the images are exchanged."""

    def queries(self, images: EmbeddedCases) -> TextureBank:
        """Return the interiors of images in this view."""
        return images.inverse if self.inverted else images.bank


def views_of(extent: Sequence[int], n_modalities: int, settings: PrivacySettings) -> tuple[View, ...]:
    """Return the views of images.

    Args:
        extent: Sides of the images [voxels].
        n_modalities: How many modalities they have.
        settings: The rotations and sizes that are tried.

    >>> [view.name for view in views_of((28, 28), 1, PrivacySettings())]
    ['whole image', 'inverted', 'turned or resized', 'half or one modality', 'piece by piece']
    """
    moved = poses(extent, settings.angles, settings.scales)[1:]
    return (
        View("whole image", (Pose(extent=tuple(extent)),)),
        View("inverted", (Pose(extent=tuple(extent)),), inverted=True),
        *([View("turned or resized", moved)] if moved else []),
        View("half or one modality", parts(len(extent), n_modalities)),
        # warped volumes are found as they are, on their coarse grid; pieces of volumes would take minutes
        *([View("piece by piece", (Pieces(),))] if len(extent) == 2 else []),
    )


def nearest_in(
    views: Sequence[View],
    queries: EmbeddedCases,
    reference: EmbeddedCases,
    *,
    candidates: int,
    exclude: Tensor | None = None,
    groups: Tensor | None = None,
) -> tuple[Array, NDArray[np.int64]]:
    """Return the similarities of each image to its nearest six in each of V views, and those: both ``(V, n, 6)``.

    The arguments are those of `most_similar`.
    """
    searches = [
        most_similar(
            view.queries(queries), reference.bank, NEIGHBOURS, exclude=exclude, groups=groups, candidates=candidates,
            variants=view.variants,
        )
        for view in views
    ]  # fmt: skip
    similarity, index = (torch.stack(parts_of_views) for parts_of_views in zip(*searches))
    return similarity.double().numpy(), index.numpy()


def pairwise_in(views: Sequence[View], first: EmbeddedCases, second: EmbeddedCases) -> Array:
    """Return the similarity of images in the same place of two sets in each of V views, ``(V, n)``."""
    similarity = [pairwise_similarity(view.queries(first), second.bank, variants=view.variants) for view in views]
    return torch.stack(similarity).double().numpy()


def in_its_view(values: NDArray[Any], view: NDArray[np.int64]) -> NDArray[Any]:
    """Return what was found of each image in its own view ``(n, ...)``, of values of all views ``(V, n, ...)``.

    >>> in_its_view(np.array([[1, 2], [3, 4]]), np.array([1, 0])).tolist()
    [3, 2]
    """
    result: NDArray[Any] = values[view, np.arange(values.shape[1])]
    return result
