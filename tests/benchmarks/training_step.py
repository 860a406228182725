"""Station: one optimizer step of SwinUNETR, against MONAI's with its own attention in a plain script."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import torch
from monai.losses import DiceCELoss
from monai.networks.nets import SwinUNETR
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.apart import Apart
from benchmarks.measure import Comparison
from helpers.configs import compose_by_hydra
from synthtrust.allocation import keep_freed_memory
from synthtrust.models import Segmenter
from synthtrust.models.acceleration import accelerate
from synthtrust.models.base import Batch
from synthtrust.quiet import quiet_libraries
from synthtrust.runs.build import make

CHANNELS, LABELS = 4, 4
TOLERANCE = 1e-4  # relative, of the loss after a step


def segmenter(feature_size: int) -> Segmenter:
    """Return the project's segmenter around SwinUNETR as the hippocampus preset has it, of another feature size."""
    options = ("model=swin_unetr_small", f"model.net.feature_size={feature_size}", "model.net.depths=[2,2,2,2]")
    cfg = compose_by_hydra("train", *options, "model.net.window_size=7", "steps=1000")
    torch.manual_seed(0)
    model: Segmenter = make(cfg.model)(in_channels=CHANNELS, n_labels=LABELS, regions={"all": [1, 2, 3]})
    return model


def stock(feature_size: int) -> torch.nn.Module:
    """Return MONAI's network with the same weights."""
    torch.manual_seed(0)
    return SwinUNETR(in_channels=CHANNELS, out_channels=LABELS, feature_size=feature_size)


def random_batch(side: int) -> Batch:
    """Return a batch of one patch, the same each time."""
    draw = torch.Generator().manual_seed(0)
    image = torch.rand(1, CHANNELS, side, side, side, generator=draw)
    return {"image": image, "label": torch.randint(LABELS, (1, 1, side, side, side), generator=draw)}


def close(product: float, peer: float) -> str:
    """Return how far two losses lie apart.

    Raises:
        ValueError: If by more than `TOLERANCE`.
    """
    apart = abs(product - peer) / peer
    if apart > TOLERANCE:
        raise ValueError(f"Expected one loss, but got {product} and {peer}.")
    return f"loss apart by {apart:.0e}"


def operations(network: torch.nn.Module, image: torch.Tensor) -> float:
    """Return the floating-point operations of a step, which are those of a pass three times."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return 3.0 * counter.get_total_flops()


def step(optimizer: torch.optim.Optimizer, loss_of: Callable[[], torch.Tensor]) -> float:
    """Do a step and return the loss before it."""
    optimizer.zero_grad()
    value = loss_of()
    value.backward()
    optimizer.step()
    return float(value.detach())


def stock_loss(network: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """Return the loss as a user of MONAI writes it."""
    loss = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False)
    value: torch.Tensor = loss(network(batch["image"]), batch["label"])
    return value


def stock_steps(feature_size: int, side: int) -> Callable[[], float]:
    """Return what does a step of a plain MONAI script and returns the loss before it."""
    quiet_libraries()
    network = stock(feature_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    return partial(step, optimizer, partial(stock_loss, network, random_batch(side)))


def steps(model: Segmenter, batch: Batch) -> Callable[[], float]:
    """Return what does a step as a run does it, and returns the loss before it."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    done = count()

    def work() -> float:
        value = step(optimizer, partial(model.loss_of, batch))
        if next(done) == 0:  # see `synthtrust.training_memory.KeepFreedMemory`
            keep_freed_memory()
            step(optimizer, partial(model.loss_of, batch))  # the first to keep what it frees, and not yet to find it
        return value

    return work


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return steps of two feature sizes and two patch sizes, two of them compiled; the larger ones take minutes."""
    quiet_libraries()
    full = [(24, 64, False), (48, 64, False), (24, 96, False), (48, 96, False), (24, 64, True), (48, 64, True)]
    for feature_size, side, is_compiled in [(12, 64, False)] if is_quick else full:
        batch, model = random_batch(side), segmenter(feature_size)
        flops = operations(stock(feature_size), batch["image"])
        accelerate(model.net, compiles=is_compiled)
        peer = Apart(stock_steps, feature_size, side)
        yield Comparison(
            "A training step",
            f"SwinUNETR, feature size {feature_size}, {side} x {side} x {side} voxels of {CHANNELS} modalities"
            + (", `compile=true`" if is_compiled else ""),
            steps(model, batch),
            "never below 1; 1.5 times where bfloat16 is sound",
            peer,
            "MONAI's SwinUNETR in float32, in a plain script",
            close,
            keeps_memory=True,
            rounds=3,
            operations=flops,
        )
        peer.end()
