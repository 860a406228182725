"""The network: a three-dimensional U-Net that tells the noise in an image, on MONAI's parts."""

import math
from collections.abc import Sequence

import torch
from monai.networks.nets import DiffusionModelUNet
from monai.networks.nets.diffusion_model_unet import get_timestep_embedding
from torch import Tensor, nn

from synthtrust.refusals import Refusal

CHANNELS = (64, 64, 128, 192, 256)
"""Feature maps per level of the published BraTS network."""

MAX_PERIOD = 1000
"""The longest period of the sinusoids that encode the timestep [timesteps], as the published weights have it."""

GROUPS = 32
"""Most groups of a group normalisation, as published."""


class DiffusionUNet(DiffusionModelUNet):
    """MONAI's diffusion U-Net, behaving as the published Med-DDPM does where the two differ.

    They differ in three ways: the longest period of the time embedding is 1000, upsampling is trilinear, and the
    epsilon of the normalisations is 1e-5. Attention, with one head, is in the middle block alone.

    Source: Dorjsembe et al., Conditional Diffusion Models for Semantic 3D Brain MRI Synthesis, IEEE JBHI 2024; written
    from published shapes and numbers.

    Args:
        in_channels: Image and condition together.
        out_channels: The number of channels of the image.
        channels: Feature maps per level, even numbers; every further level halves the resolution.
        num_res_blocks: Residual blocks per level.

    Raises:
        Refusal: If a number of channels is odd.
    """

    def __init__(
        self,
        in_channels: int = 8,
        out_channels: int = 4,
        channels: Sequence[int] = CHANNELS,
        num_res_blocks: int = 2,
    ) -> None:
        common = math.gcd(*channels)
        if common % 2:
            raise Refusal(f"Expected even numbers of channels, but got {list(channels)}.")
        super().__init__(
            spatial_dims=3,
            in_channels=in_channels,
            out_channels=out_channels,
            num_res_blocks=num_res_blocks,
            channels=tuple(channels),
            attention_levels=(False,) * len(channels),
            norm_num_groups=min(GROUPS, common // 2),  # two channels a group where they are fewest, as published
            norm_eps=1e-5,
            num_head_channels=channels[-1],
        )
        self.channels = tuple(channels)
        self.blocks_per_level = num_res_blocks
        for module in self.modules():
            if isinstance(module, nn.Upsample):
                module.mode, module.align_corners = "trilinear", False

    @property
    def stride(self) -> int:
        """What every side of the input has to be a multiple of [voxels]."""
        return int(2 ** (len(self.channels) - 1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:  # type: ignore[override, unused-ignore]
        """Return the noise in ``x``.

        Args:
            x: Noisy image and condition, shape ``(B, in_channels, D, H, W)``, sides multiples of ``stride``.
            timesteps: How far each image is noised, shape ``(B,)``, integers from 0.

        Returns:
            The noise, shape ``(B, out_channels, D, H, W)``.

        Raises:
            Refusal: If the channels or the sides do not fit.
        """
        if x.ndim != 5 or x.shape[1] != self.in_channels or any(side % self.stride for side in x.shape[2:]):
            raise Refusal(
                f"Expected (B, {self.in_channels}, D, H, W) with sides that are multiples of {self.stride}, "
                f"but got {tuple(x.shape)}. Crop or pad the volume, or use fewer levels of channels."
            )
        time = self.time_embed(get_timestep_embedding(timesteps, self.channels[0], MAX_PERIOD).to(x.dtype))
        h = self.conv_in(x)
        skips = [h]
        for block in self.down_blocks:
            h, passed = block(hidden_states=h, temb=time)
            skips += passed
        h = self.middle_block(hidden_states=h, temb=time)
        for block in self.up_blocks:
            n = len(block.resnets)
            h = block(hidden_states=h, res_hidden_states_list=skips[-n:], temb=time)
            del skips[-n:]
        noise: Tensor = self.out(h)
        return noise


def empty_network(**arguments: object) -> DiffusionUNet:
    """Make a network without weights, on no device: costs nothing and draws no random number."""
    with torch.device("meta"):
        return DiffusionUNet(**arguments)  # type: ignore[arg-type]
