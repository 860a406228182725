"""Whether a machine has a GPU, asked of its driver: importing PyTorch to ask would take ten seconds."""

import ctypes
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

OTHER_DRIVERS = ("/dev/kfd", "/dev/dxg")
"""Devices of GPUs that NVIDIA's library need not know: those of AMD, and those of Windows seen from its Linux."""


def count_gpus() -> int | None:
    """Return how many GPUs there are for PyTorch, or None where only PyTorch itself can tell."""
    if _torch_is_for_cpus() or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return 0
    if platform.system() != "Linux" or any(Path(device).exists() for device in OTHER_DRIVERS):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    known = _count_nvidia()
    return known if visible is None else min(known, len(visible.split(",")))


def _torch_is_for_cpus() -> bool:
    try:
        return version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False


def _count_nvidia() -> int:
    """Ask NVIDIA's management library, which a later fork does not mind, unlike CUDA itself."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return 0  # no driver
    number = ctypes.c_uint()
    if nvml.nvmlInit_v2() != 0:
        return 0
    try:
        return number.value if nvml.nvmlDeviceGetCount_v2(ctypes.byref(number)) == 0 else 0
    finally:
        nvml.nvmlShutdown()
