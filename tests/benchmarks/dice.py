"""Station: the Dice of a case, from logits to counts, against one-hot maps and MONAI's metric."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from monai.metrics import compute_dice
from monai.networks.utils import one_hot
from torch import Tensor

from benchmarks.measure import Comparison
from synthtrust.metrics.functional import case_dice
from synthtrust.models.label_map import label_map

STATION = "Dice of a case"
GOAL = "15 times MONAI's speed in under 40 MiB, difference 0"
WHOLE_TUMOUR, REGIONS = (1, 2, 3), (1, 2, 3)


def tumour(shape: tuple[int, ...], move: int) -> Tensor:
    """Return a label map ``(1, H, W, D)`` of three spheres within each other, 1.5 % of all voxels."""
    grid = np.meshgrid(*(np.arange(side) for side in shape), indexing="ij", sparse=True)
    middle = (shape[0] // 2 + move, shape[1] // 2 - 20, shape[2] // 2)
    distance = sum((axis - centre) ** 2 for axis, centre in zip(grid, middle, strict=True)) ** 0.5
    radius = 0.33 * (np.prod(shape) ** (1 / 3)) / 2
    label = np.select([distance < 0.4 * radius, distance < 0.7 * radius, distance < radius], [1, 3, 2])
    return torch.from_numpy(label.astype(np.uint8))[None]


def same(product: Tensor, peer: Tensor) -> str:
    """Raise unless both are the same Dice; the peer computes in float32."""
    difference = float((product.float() - peer).abs().max())
    if difference > 1e-6:
        raise ValueError(f"Expected equal Dice, but got {product.tolist()} and {peer.tolist()}.")
    return f"largest difference {difference:.1g}"


def equal(product: Tensor, peer: Tensor) -> str:
    """Raise unless both label maps are the same."""
    if not torch.equal(product.long(), peer):
        raise ValueError("Expected equal label maps, but got others.")
    return "the same labels"


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return counting on two sizes of maps, on maps without background, and the labels of logits."""
    torch.set_num_threads(1)
    sizes = [(48, 48, 31)] if is_quick else [(120, 120, 155), (240, 240, 155)]
    for shape in sizes:
        pred, target = tumour(shape, 0), tumour(shape, 3)
        masks = [one_hot(labels[:, None], 4) for labels in (pred, target)]
        size = float(np.prod(shape))
        words = " x ".join(map(str, shape))
        yield Comparison(
            STATION, f"three regions, {words}", lambda pred=pred, target=target: case_dice(pred, target, REGIONS), GOAL,
            lambda masks=masks: compute_dice(*masks, include_background=False), "`compute_dice` on one-hot maps", same,
            rounds=9, bytes_moved=2 * size, size=size, grows_with="voxels",
        )  # fmt: skip
    full = torch.from_numpy(np.random.default_rng(0).integers(1, 4, (1, *sizes[-1]), dtype=np.uint8))
    others = full.flip(1).contiguous()
    masks = [one_hot(labels[:, None], 4) for labels in (full, others)]
    yield Comparison(
        STATION, "as the last, and every voxel has a label", lambda: case_dice(full, others, REGIONS), "",
        lambda: compute_dice(*masks, include_background=False), "`compute_dice` on one-hot maps", same,
    )  # fmt: skip
    logits = torch.randn(1, 4, *sizes[-1])
    yield Comparison(
        STATION, "labels of logits of four classes", lambda: label_map(logits), "no slower", lambda: logits.argmax(1),
        "`argmax`", equal, bytes_moved=float(logits.nbytes + logits.nbytes / 16),
    )  # fmt: skip
