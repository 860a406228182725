"""What makes the steps of a network quicker on a GPU, and changes nothing else about it."""

import torch
from torch import nn

MEMORY_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Number of a weight's axes -> how convolutions of so many axes lay channels last."""


def accelerate(net: nn.Module, *, compiles: bool = False, channels_last: bool = False) -> None:
    """Prepare a network in place for quicker steps; its weights keep their names, shapes and values.

    Args:
        net: The network, of planes or volumes.
        compiles: Compile its forward pass when it is first called (``torch.compile``).
        channels_last: Store weights of convolutions with channels last, and with them what flows through these.
    """
    if channels_last:
        for weight in net.parameters():
            if weight.ndim in MEMORY_FORMATS:
                weight.data = weight.data.contiguous(memory_format=MEMORY_FORMATS[weight.ndim])
    if compiles:
        net.compile()
