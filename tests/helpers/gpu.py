"""The device of tests and benchmarks for a GPU: a GPU, or by ``SYNTHTRUST_GPU_STAND_IN=cpu`` a processor in its place.

With the stand-in the same bodies run on small sizes, so that they are known to work before a GPU sees them.
"""

import os
from pathlib import Path

import torch

from synthtrust.generators.diffusion.schedule import cosine_betas
from synthtrust.generators.med_ddpm.network import empty_network
from synthtrust.generators.med_ddpm.published import published_shapes

STAND_IN = "SYNTHTRUST_GPU_STAND_IN"


def device_or_why_not() -> tuple[str | None, str]:
    """Return the device, or None and the reason why there is none."""
    if os.environ.get(STAND_IN) == "cpu":
        return "cpu", ""
    if torch.cuda.is_available():
        return "cuda", ""
    return None, "no GPU that PyTorch can use here"


def number_of_devices() -> int:
    """Return how many there are; a processor stands in for two."""
    return 2 if os.environ.get(STAND_IN) == "cpu" else torch.cuda.device_count()


def synchronised(device: str) -> None:
    """Wait until the device has done what it was asked for."""
    if device == "cuda":
        torch.cuda.synchronize()


def random_weights(path: Path, timesteps: int = 250, **network) -> str:
    """Write a checkpoint of Med-DDPM's architecture whose weights are drawn by chance, and return its path."""
    draw = torch.Generator().manual_seed(0)
    shapes = published_shapes(empty_network(**network))
    ema = {key: 0.02 * torch.randn(shape, generator=draw) for key, shape in shapes.items()}
    torch.save({"ema": ema | {"betas": torch.from_numpy(cosine_betas(timesteps)).float()}}, path)
    return str(path)
