"""Dice from integer label maps: exact voxel counts, and one division at the end."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from synthtrust.refusals import Refusal

Region: TypeAlias = int | Sequence[int]
"""A label, or several labels that make one region: the tumour core of BraTS is ``(1, 3)``."""

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
    n_cases = pred.shape[0]
    case = torch.arange(n_cases, device=pred.device)[:, None]
    pair = (case * n_labels + target) * n_labels + pred  # (B, V): one number for (case, target label, predicted label)
    return torch.bincount(pair.flatten(), minlength=n_cases * n_labels**2).reshape(n_cases, n_labels, n_labels)


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
    n_labels = len(named) + 1  # 0 stands for all labels that are in no region
    counts = confusion(_encode(pred, named), _encode(target, named), n_labels)
    members = [[0, *(int(label in union) for label in named)] for union in unions]
    inside = torch.tensor(members, device=pred.device)  # (K, L)
    # Products and sums rather than a matrix product, which CUDA does not offer for integers.
    in_both = (counts[:, None] * inside[:, :, None] * inside[:, None, :]).sum(dim=(-2, -1))
    in_prediction = (counts.sum(dim=1)[:, None] * inside).sum(dim=-1)
    in_reference = (counts.sum(dim=2)[:, None] * inside).sum(dim=-1)
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
    # A MetaTensor would carry its affine through every step; uint8 would overflow, and index like a mask.
    plain = [labels.as_subclass(Tensor).long().flatten(start_dim=1) for labels in (pred, target)]
    return plain[0], plain[1]


def _encode(labels: Tensor, named: list[int]) -> Tensor:
    """Return the position (from 1) of each label in the list ``named``, and 0 for all other labels."""
    top = max(named)
    table = torch.zeros(top + 3, dtype=torch.int64)  # -1 for all below 0, 0 to top, and top + 1 for all above
    table[torch.tensor(named) + 1] = torch.arange(1, len(named) + 1)
    below_to_above = labels.clamp(-1, top + 1) + 1
    return table.to(labels.device).index_select(0, below_to_above.flatten()).reshape(labels.shape)
