"""Dice from integer label maps: exact voxel counts, and one division at the end."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.refusals import Refusal

Region: TypeAlias = int | Sequence[int]
"""A label, or several labels that make one region: the tumour core of BraTS is ``(1, 3)``."""

CHUNK = 2**20
"""Voxels that are counted at once; a multiple of a word. What counting takes beside the maps is a few of these."""
WORD = 8
"""Bytes that are looked at together when unlabelled voxels are skipped."""
BYTE = 256
"""Labels that an unsigned byte can tell apart."""

EmptyRule: TypeAlias = Literal["brats", "nan"]
"""The Dice of a region that is empty in prediction and reference: 1, as BraTS counts it, or undefined."""


def confusion(pred: Tensor, target: Tensor, n_labels: int) -> Tensor:
    """Count the voxels of every pair of labels, case by case, in one pass.

    Args:
        pred: Label maps ``(B, *spatial)`` of any integer dtype.
        target: Label maps of the same shape.
        n_labels: L; the labels are 0 to L-1.

    Returns:
        Voxel counts ``(B, L, L)``, int64; row = label in ``target``, column = label in ``pred``.

    Raises:
        TypeError: If a map does not hold integers, but probabilities or a one-hot mask, for example.
        Refusal: If the shapes differ or a value lies outside 0 to L-1.

    >>> confusion(torch.tensor([[0, 1, 1, 2]]), torch.tensor([[0, 0, 1, 2]]), n_labels=3)
    tensor([[[1, 1, 0],
             [0, 1, 0],
             [0, 0, 1]]])
    """
    pred, target = _label_maps(pred, target)
    for name, labels in (("pred", pred), ("target", target)):
        if labels.numel() and (labels.min() < 0 or labels.max() >= n_labels):
            outside = torch.unique(labels[(labels < 0) | (labels >= n_labels)]).tolist()
            raise Refusal(f"Expected labels from 0 to {n_labels - 1} in {name}, but got {outside[:8]}.")
    return torch.from_numpy(_counts(pred, target, n_labels)).to(pred.device)


def overlap(pred: Tensor, target: Tensor, regions: Sequence[Region]) -> tuple[Tensor, Tensor, Tensor]:
    """Count the voxels of each region in both maps, in the prediction, and in the reference.

    Voxels whose label is in no region (usually the background) lie outside every region. Labels need not be contiguous.

    Args:
        pred: Label maps ``(B, *spatial)`` of any integer dtype.
        target: Label maps of the same shape, the reference.
        regions: K labels or unions of labels.

    Returns:
        ``(intersection, n_prediction, n_reference)``, each ``(B, K)``, int64, in voxels.

    Raises:
        TypeError: If a map does not hold integers.
        Refusal: If the shapes differ, there is no region, or one has no label or a negative one.

    >>> [n.tolist() for n in overlap(torch.tensor([[0, 1, 1, 4]]), torch.tensor([[0, 0, 1, 4]]), [1, (1, 4)])]
    [[[1, 2]], [[2, 3]], [[1, 2]]]
    """
    pred, target = _label_maps(pred, target)
    unions = [(region,) if isinstance(region, int) else tuple(region) for region in regions]
    named = sorted({label for union in unions for label in union})
    if not unions or not all(unions) or named[0] < 0:
        raise Refusal(f"Expected at least one region, each of labels from 0 on, but got {list(regions)}.")
    if pred.dtype == target.dtype == torch.uint8:  # counted as they are; other labels become numbers first
        labels = list(range(1 + max((int(x.max()) for x in (pred, target) if x.numel()), default=0)))
        counts = _counts(pred, target, len(labels))
    else:
        labels = [-1, *named]  # -1 stands for all labels that are in no region
        counts = _counts(pred, target, len(labels), named)
    inside = np.array([[label in union for label in labels] for union in unions], dtype=np.int64)  # (K, L)
    n_voxels = (
        ((inside @ counts) * inside).sum(axis=-1),
        counts.sum(axis=1) @ inside.T,
        counts.sum(axis=2) @ inside.T,
    )
    in_both, in_prediction, in_reference = (torch.from_numpy(n).to(pred.device) for n in n_voxels)
    return in_both, in_prediction, in_reference


def dice_from_counts(
    intersection: Tensor, n_prediction: Tensor, n_reference: Tensor, empty: EmptyRule = "brats"
) -> Tensor:
    """Return Dice, Eq. (5): twice the intersection over the sum of both volumes.

    If only one of the two is empty, Dice is 0. If both are, the formula is 0/0 and a rule decides. State the rule in
    every report: it changes T5 by a third if 10 of 251 cases lack the region.

    Args:
        intersection: Voxels in prediction and reference, ``(B, K)``.
        n_prediction: Voxels in the prediction, ``(B, K)``.
        n_reference: Voxels in the reference, ``(B, K)``.
        empty: ``"brats"`` counts a region that is empty in both as 1, as the BraTS challenge does; ``"nan"`` leaves it
            undefined.

    Returns:
        Dice ``(B, K)``, float64, from 0 to 1, or NaN where undefined.

    Raises:
        Refusal: If ``empty`` is neither of the two rules.

    >>> both, prediction, reference = torch.tensor([3, 0, 0]), torch.tensor([4, 5, 0]), torch.tensor([4, 0, 0])
    >>> dice_from_counts(both, prediction, reference)
    tensor([0.7500, 0.0000, 1.0000], dtype=torch.float64)
    """
    if empty not in ("brats", "nan"):
        raise Refusal(f"Expected empty to be 'brats' or 'nan', but got {empty!r}.")
    volume = (n_prediction + n_reference).double()
    dice = 2 * intersection.double() / volume  # 0/0 is NaN
    return torch.where(volume > 0, dice, 1.0) if empty == "brats" else dice


def case_dice(pred: Tensor, target: Tensor, labels: Sequence[Region], empty: EmptyRule = "brats") -> Tensor:
    """Return the Dice of every case in every region (C in the paper), ``(B, K)`` float64.

    Args:
        pred: Label maps ``(B, *spatial)`` of any integer dtype.
        target: Label maps of the same shape, the reference.
        labels: K labels or unions of labels, in the order of the result's columns.
        empty: The Dice of a region that is empty in both, see `dice_from_counts`.

    Raises:
        TypeError: If a map does not hold integers.
        Refusal: If the shapes differ, there is no region, or ``empty`` is unknown.

    >>> case_dice(torch.tensor([[0, 1, 1, 4]]), torch.tensor([[0, 0, 1, 4]]), labels=[1, (1, 4), 2])
    tensor([[0.6667, 0.8000, 1.0000]], dtype=torch.float64)
    """
    return dice_from_counts(*overlap(pred, target, labels), empty=empty)


def _label_maps(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return both maps as plain int64 tensors ``(B, V)``; refuse what is no pair of label maps."""
    for name, labels in (("pred", pred), ("target", target)):
        if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
            raise TypeError(f"Expected an integer label map as {name}, but got {labels.dtype}. Take the argmax first.")
    if pred.shape != target.shape or pred.ndim < 2:
        raise Refusal(
            f"Expected label maps of one shape (B, *spatial), but got {tuple(pred.shape)} and {tuple(target.shape)}."
        )
    # A MetaTensor would carry its affine through every step.
    plain = [labels.as_subclass(Tensor).flatten(start_dim=1) for labels in (pred, target)]
    return plain[0], plain[1]


def _counts(pred: Tensor, target: Tensor, n_labels: int, named: list[int] | None = None) -> NDArray[np.int64]:
    """Count the pairs of labels of label maps ``(B, V)``, ``(B, L, L)``.

    Args:
        pred: Label maps of integers.
        target: The same, the reference.
        n_labels: L.
        named: Labels that are counted as 1, 2, ..., and all others as 0; None for labels that are counted as they are.
    """
    counts = np.zeros((len(pred), n_labels, n_labels), dtype=np.int64)
    for case, maps in enumerate(zip(pred, target, strict=True)):
        counts[case] = _pairs(*(labels.cpu().numpy() for labels in maps), n_labels=n_labels, named=named)
    return counts


def _pairs(pred: NDArray, target: NDArray, *, n_labels: int, named: list[int] | None) -> NDArray[np.int64]:
    """Count the pairs of labels of two label maps ``(V,)``, ``(L, L)``.

    Most voxels of a case have no label in either map. They are skipped eight at a time, so that little more is done
    than to read both maps once.
    """
    counts = np.zeros(n_labels**2, dtype=np.int64)
    dtype = np.dtype(np.uint8 if n_labels <= BYTE else np.uint32)
    for start in range(0, len(pred), CHUNK):
        chunk = slice(start, start + CHUNK)
        words = [_words(_numbered(labels[chunk], named).astype(dtype, copy=False)) for labels in (pred, target)]
        labelled = np.flatnonzero(words[0] | words[1])
        predicted, reference = (word[labelled].view(dtype) for word in words)
        counts += np.bincount(reference.astype(np.int64) * n_labels + predicted, minlength=n_labels**2)
    counts[0] = len(pred) - counts[1:].sum()
    return counts.reshape(n_labels, n_labels)


def _words(labels: NDArray) -> NDArray[np.uint64]:
    """Return labels in words of eight bytes; the last one is filled up by zeros."""
    missing = -labels.nbytes % WORD
    return (np.pad(labels, (0, missing // labels.itemsize)) if missing else labels).view(np.uint64)


def _numbered(labels: NDArray, named: list[int] | None) -> NDArray:
    """Return the position (from 1) of each label in the list ``named``, and 0 for all other labels."""
    if named is None:
        return labels
    top = max(named)
    table = np.zeros(top + 3, dtype=np.int64)  # -1 for all below 0, 0 to top, and top + 1 for all above
    table[np.array(named) + 1] = np.arange(1, len(named) + 1)
    return table[labels.astype(np.int64).clip(-1, top + 1) + 1]
