"""A small network that looks around each voxel: convolutions that widen, and nothing that rescales what passes."""

from collections.abc import Sequence

from monai.networks.nets.diffusion_model_unet import get_timestep_embedding
from torch import Tensor, nn

MAX_PERIOD = 1000
"""Longest period of the sinusoids that embed the timestep [timesteps]."""

EMBEDDED = 128
"""Width of the embedding of the timestep."""


class LocalNetwork(nn.Module):
    """Residual convolutions of growing reach, each scaled and shifted by the timestep, without normalisation.

    At first it is a line through its input, which already removes most of the noise of a volume. A U-Net as large,
    whose every block normalises, took several times as long to get there on two cores.

    Args:
        in_channels: Components and condition together.
        out_channels: Components.
        width: Feature maps.
        dilations: Dilations of the convolutions, one after the other [packed voxels].
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, EMBEDDED), nn.SiLU())
        self.first = nn.Conv3d(in_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width, dilation) for dilation in dilations)
        self.modulation = _Modulation(width)
        self.last = nn.Conv3d(width, out_channels, 3, padding=1)

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the prediction for each component.

        Args:
            x: Components and condition, shape ``(B, in_channels, D, H, W)``.
            timesteps: Shape ``(B,)``, integers from 0.
        """
        time = self.time(get_timestep_embedding(timesteps, self.width, MAX_PERIOD).to(x.dtype))
        h = self.modulation(self.first(x), time)
        for block in self.blocks:
            h = block(h, time)
        prediction: Tensor = self.last(h)
        return prediction


class _Modulation(nn.Module):
    """Scales and shifts feature maps by the timestep; at first not at all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale_and_shift = nn.Linear(EMBEDDED, 2 * width)
        nn.init.zeros_(self.scale_and_shift.weight)
        nn.init.zeros_(self.scale_and_shift.bias)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.scale_and_shift(time)[:, :, None, None, None].chunk(2, 1)
        return h * (1 + scale) + shift


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.modulation = _Modulation(width)
        self.convolution = nn.Conv3d(width, width, 3, padding=dilation, dilation=dilation)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        added: Tensor = self.convolution(nn.functional.silu(self.modulation(h, time)))
        return h + added
