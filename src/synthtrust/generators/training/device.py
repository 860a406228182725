"""The device that a process paints on: of several GPUs, each rank of a job takes its own."""

import os
from typing import Any

import torch
from torch import nn

RANKS = ("LOCAL_RANK", "SLURM_LOCALID")
"""Where launchers write a process's number on its machine."""


def own_device() -> torch.device:
    """Return this process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    rank = next((int(os.environ[name]) for name in RANKS if name in os.environ), 0)
    return torch.device("cuda", rank % torch.cuda.device_count())


def at_home(network: nn.Module) -> nn.Module:
    """Move a network of volumes to this process's device, in the layout that is quickest there.

    On two CPU cores with bfloat16 a U-Net of 18.6 million weights on 40 x 48 x 40 voxels took 0.40 s a pass with
    channels last, and 0.84 s without; its training step 2.1 s against 2.7 s. In float32 it makes no difference: on one
    core of an AMD EPYC (family 25, model 17), kept to AVX2 or not, 0.17 to 0.21 s a pass of ``LocalNetwork`` with 96
    channels on 20 x 20 x 20 voxels either way.
    """
    device = own_device()
    move: Any = network.to  # torch does not declare the layout
    return network.to(device) if device.type == "cuda" else move(memory_format=torch.channels_last_3d)
