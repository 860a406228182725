"""The device that a process paints on: of several GPUs, each rank of a job takes its own."""

import os

import torch

RANKS = ("LOCAL_RANK", "SLURM_LOCALID")
"""Where launchers write a process's number on its machine."""


def own_device() -> torch.device:
    """Return this process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    rank = next((int(os.environ[name]) for name in RANKS if name in os.environ), 0)
    return torch.device("cuda", rank % torch.cuda.device_count())
