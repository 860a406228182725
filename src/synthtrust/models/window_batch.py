"""How many windows of a case a network sees at once."""

from copy import copy
from math import prod

import torch
from monai.inferers import Inferer

MOST_VOXELS = 2**19
"""Voxels of all windows that a processor computes at once: 4 windows of 48 cubed, 2 of 64 cubed, 1 of 96 cubed."""


def fitting(inferer: Inferer, device: torch.device) -> Inferer:
    """Return an inferer that takes fewer windows at once where more would only take memory.

    For a window alone PyTorch computes small convolutions the slow way: on a core of an AMD EPYC (family 26, model 2) a
    U-Net of 16 to 128 channels took 0.13 s for a window of 64 cubed, 0.037 s for each of two and 0.040 s for each of
    four. With larger windows that matters less, and memory more: of 96 cubed it took 0.18, 0.14 and 0.15 s, SwinUNETR
    of feature size 12 took 0.65, 0.64 and 0.90 s, and of feature size 48 by twos as long as one by one, in 3.1 GiB in
    place of 2.1. A GPU is left to the config.

    Args:
        inferer: An inferer; one that has no ``sw_batch_size`` and ``roi_size`` of numbers is returned as it is.
        device: What the network computes on.
    """
    windows, sides = getattr(inferer, "sw_batch_size", None), getattr(inferer, "roi_size", None)
    if device.type != "cpu" or not isinstance(windows, int) or not isinstance(sides, list | tuple):
        return inferer
    fewer = copy(inferer)
    fewer.sw_batch_size = max(1, min(windows, MOST_VOXELS // max(1, prod(sides))))
    return fewer
