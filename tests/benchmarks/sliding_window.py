"""Station: a full case labelled by a sliding window, against MONAI's over the whole grid at overlap 0.5."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import UNet
from torch import Tensor

from benchmarks.apart import Apart
from benchmarks.brains import GRIDS, MODALITIES, augmenting, brains
from benchmarks.measure import Comparison
from synthtrust.allocation import keep_freed_memory
from synthtrust.data.cache import Prepared, prepare
from synthtrust.data.patches import Patches
from synthtrust.metrics.functional import dice_from_counts, overlap
from synthtrust.models import Segmenter

REGIONS = {"whole": (1, 2, 3), "core": (1, 3), "enhancing": (3,)}
STEPS = 60
NETWORK, CASE = "net.pt", "case.pt"
"""Files by which a plain script gets the network and the case."""
MOST = 0.002
"""The largest difference in Dice that counts as the same result."""


def trained(cases: list[Prepared], side: int, least: float) -> Segmenter:
    """Return a small network that has learned to find the tumours, with windows of a side and the config's overlap.

    Batch norm, since instance norm sees how much of a window is air: a network that learned from crops of brains then
    labels the windows of the whole grid otherwise, and worse, which is no matter of speed.
    """
    torch.manual_seed(0)
    inferer = SlidingWindowInferer([side] * 3, 4, overlap=least, mode="gaussian")
    net = partial(UNet, spatial_dims=3, channels=(8, 16, 32), strides=(2, 2), num_res_units=1, norm="batch")
    loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
    optimizer = partial(torch.optim.AdamW, lr=3e-3)
    model = Segmenter(net, loss, optimizer, inferer, in_channels=4, regions=REGIONS, n_labels=4)
    patches, steps = Patches(cases, [48] * 3, augment=augmenting()), optimizer(model.parameters())
    for n in range(STEPS):
        item = patches[n]
        steps.zero_grad()
        model.loss_of({name: value[None] for name, value in item.items()}).backward()
        steps.step()
    keep_freed_memory()  # as a run does on its way to its test cases
    return model.eval()


def dice(label: Tensor, reference: Tensor) -> np.ndarray:
    """Return the Dice of each region of one case."""
    return dice_from_counts(*overlap(label, reference, list(REGIONS.values())))[0].numpy()


def stock_labels(folder: Path, side: int) -> Callable[[], Tensor]:
    """Return what labels the whole grid as a plain MONAI script does, with the network and the case of a folder."""
    net, whole = torch.load(folder / NETWORK, weights_only=False), torch.load(folder / CASE)
    stock = SlidingWindowInferer([side] * 3, 4, overlap=0.5, mode="gaussian")

    @torch.inference_mode()
    def label() -> Tensor:
        return stock(whole, net).argmax(1)

    return label


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return a case at both sizes, and with the windows that networks of a paper see."""
    config = yaml.safe_load((Path(__file__).parents[2] / "conf" / "model" / "_segmenter.yaml").read_text())
    for size, side in (("2 mm", 32), ("full size", 64), ("full size", 96)):
        if is_quick and size != "2 mm":
            continue
        grid = GRIDS[size][0]
        cohort = brains(folder / size, size, 2)
        cases = prepare(cohort.cases, cohort.modalities, folder / f"{size} cache")
        model = trained(cases, side, config["inferer"]["overlap"])
        case = cases[1]
        box = tuple(slice(low, low + n) for low, n in zip(case.facts["origin"], case.label().shape, strict=True))
        image = torch.from_numpy(case.image().astype(np.float32))[None]
        whole, reference = torch.zeros((1, 4, *grid)), torch.zeros((1, *grid), dtype=torch.uint8)
        whole[:, :, *box], reference[:, *box] = image, torch.from_numpy(case.label())
        torch.save(model.net, folder / NETWORK)
        torch.save(whole, folder / CASE)
        peer = Apart(stock_labels, folder, side)

        @torch.inference_mode()
        def label(model=model, image=image) -> Tensor:
            return model.predict(image)

        def agree(product: Tensor, peer: Tensor, box=box, reference=reference) -> str:
            on_grid = torch.zeros_like(reference)
            on_grid[:, *box] = product
            ours, theirs = dice(on_grid, reference), dice(peer, reference)
            if (worst := float(np.abs(ours - theirs).max())) > MOST:
                raise AssertionError(f"Expected Dice within {MOST} of {theirs}, but got {ours}.")
            return f"Dice {theirs.round(3).tolist()}, differing by at most {worst:.2g}"

        yield Comparison(
            "Labelling a full case",
            f"{len(MODALITIES)} x {' x '.join(map(str, grid))}, windows of {side}^3",
            label,
            "4 x",
            peer,
            "MONAI's windows over the whole grid, overlap 0.5, in a plain script",
            agree,
            keeps_memory=True,
            rounds=1 if is_quick else 3,
            size=float(np.prod(grid)),
            grows_with="" if side == 96 else "voxels",
        )
        peer.end()
