"""How many windows of a case a network sees at once."""

from copy import copy
from math import prod

import torch
from monai.inferers import Inferer

MOST_VOXELS = 2**19
"""Voxels of all windows that a processor computes at once, if these are more than two: 4 windows of 48 cubed."""

FEWEST = 2
"""Windows at once on a processor, however large; for a single one PyTorch computes small convolutions the slow way."""


def fitting(inferer: Inferer, device: torch.device) -> Inferer:
    """Return an inferer that takes fewer windows at once where more would only take memory.

    On a core of an AMD EPYC (family 26, model 2) a U-Net of 16 to 128 channels took 0.13 s for a window of 64 cubed
    alone, 0.037 s for each of two and 0.040 s for each of four; of 96 cubed 0.18, 0.14 and 0.15 s. SwinUNETR of feature
    size 12 took 0.65 and 0.64 s for each of one and two windows of 96 cubed, and 0.90 s of four. A GPU is left to the
    config.

    Args:
        inferer: An inferer; one that has no ``sw_batch_size`` and ``roi_size`` of numbers is returned as it is.
        device: What the network computes on.
    """
    windows, sides = getattr(inferer, "sw_batch_size", None), getattr(inferer, "roi_size", None)
    if device.type != "cpu" or not isinstance(windows, int) or not isinstance(sides, list | tuple):
        return inferer
    fewer = copy(inferer)
    fewer.sw_batch_size = min(windows, max(FEWEST, MOST_VOXELS // max(1, prod(sides))))
    return fewer
