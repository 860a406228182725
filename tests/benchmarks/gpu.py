"""Station: what a GPU does: steps in bfloat16 and compiled, a whole case labelled, a brain painted at full size."""

import copy
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import Comparison
from benchmarks.training_step import CHANNELS, LABELS, segmenter
from helpers.gpu import device_or_why_not, random_weights
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.models import Segmenter
from synthtrust.models.acceleration import accelerate
from synthtrust.models.base import Batch
from synthtrust.quiet import quiet_libraries
from synthtrust.testing import AFFINE, save_nifti, tiny_cohort

MODALITIES = ("flair", "t1ce", "t1", "t2")
TOLERANCE = 0.05  # relative, of the loss in bfloat16


def why_not() -> str:
    """Return why nothing can be measured here; empty where there is a GPU."""
    return device_or_why_not()[1]


def close(product: float, peer: float) -> str:
    """Return how far two losses lie apart.

    Raises:
        ValueError: If by more than `TOLERANCE`.
    """
    apart = abs(product - peer) / abs(peer)
    if apart > TOLERANCE:
        raise ValueError(f"Expected one loss, but got {product} and {peer}.")
    return f"loss apart by {apart:.0e}"


def steps(model: Segmenter, batch: Batch, device: str, *, bfloat16: bool) -> Callable[[], float]:
    """Return what does a step from the same weights each time, and returns the loss before it."""
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

    def step() -> float:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(start[name])
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16) if bfloat16 else nullcontext():
            loss = model.loss_of(batch)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return steps, a labelled case and a painted brain on the GPU, with sizes of the papers."""
    quiet_libraries()
    device = str(device_or_why_not()[0])
    name = torch.cuda.get_device_name() if device == "cuda" else "a processor in the place of a GPU"
    feature_size, side, whole = (12, 64, (64, 64, 64)) if is_quick else (48, 128, (240, 240, 155))
    draw = torch.Generator().manual_seed(0)
    image = torch.rand(1, CHANNELS, side, side, side, generator=draw)
    label = torch.randint(LABELS, (1, 1, side, side, side), generator=draw)
    batch = {"image": image.to(device), "label": label.to(device)}
    model = segmenter(feature_size).to(device)
    row = partial(Comparison, f"On a GPU: {name}", is_on_gpu=True, rounds=1 if is_quick else 5)
    words = f"a step of SwinUNETR, feature size {feature_size}, {side}^3 voxels"
    plain = partial(steps, batch=batch, device=device)
    for what, options in (("", {}), (", channels last", {"channels_last": True}), (", compiled", {"compiles": True})):
        other = copy.deepcopy(model)
        accelerate(other.net, **options)
        yield row(
            f"{words}, bfloat16{what}", plain(other, bfloat16=True), "quicker", plain(model, bfloat16=False), "float32",
            close,
        )  # fmt: skip
    case = torch.rand(1, CHANNELS, *whole, generator=draw).to(device)
    with torch.no_grad():
        yield row(
            f"labelling a case of {' x '.join(map(str, whole))} voxels", partial(model.eval().predict, case), "seconds"
        )
    yield row(*painting(folder, is_quick))


def painting(folder: Path, is_quick: bool) -> tuple[str, Callable[[], object], str]:
    """Return what paints a brain with the published architecture, whose weights are drawn by chance."""
    shape, network = ((16, 20, 24), {"channels": (4, 8), "num_res_blocks": 1}) if is_quick else ((192, 192, 144), {})
    cases = tiny_cohort(folder / "real", 2, shape, MODALITIES).cases
    for case in cases:
        for role, path in case.files.items():
            voxels = case.load_image(role) if role in case.images else np.where((v := case.load_label()) == 3, 4, v)
            save_nifti(path, voxels, np.sign(AFFINE) * (AFFINE != 0))
    weights = random_weights(folder / "weights.pt", **network)
    generator = MedDDPM(weights=weights, size=shape, sampler="ddim", sampling_steps=10, **network).fit(cases)
    label = cases[0].load_label()
    paint = partial(generator.sample, label, np.random.default_rng(0))
    return f"painting {' x '.join(map(str, shape))} voxels with Med-DDPM's network, 10 steps", paint, "seconds"
