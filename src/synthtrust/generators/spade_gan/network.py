"""The networks, on MONAI's parts: a painter that label maps steer at every level, and a critic of patches."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets import MultiScalePatchDiscriminator
from monai.networks.nets.spade_network import SPADENetResBlock
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool3d, avg_pool3d, leaky_relu

LEAK = 0.2
"""Slope of the leaky rectifiers, as in the paper."""

DETAIL = 4.0
"""How much details are magnified for the critic: their values are then about as wide as those of the image."""

NARROW = -4.0
"""First logarithm of a style's variance: a style that begins as noise is ignored, and stays so."""


class Painter(nn.Module):
    """A style becomes a coarse volume, and the label map shapes it at every level on the way up to an image.

    Made of MONAI's residual blocks, not of its whole ``SPADENet``, which has no block at the finest level: its last
    one has as many feature maps as the image has channels, and knows the labels at half the resolution only. Three
    further choices differ from it:

    - the label map is averaged to the size of a level, so that a tumour of a few voxels is still seen at the coarsest;
    - the style is laid beside the label map at every level, since normalisation takes from a volume what is the same
      everywhere, such as its brightness;
    - values end in [-1, 1].

    Source: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019.

    Args:
        box: Sides of the volume to paint, ``(D, H, W)`` of packed voxels, multiples of ``2 ** (levels - 1)``.
        n_condition: Channels of the condition.
        n_images: Channels of the image.
        channels: Feature maps per level, the finest first; every further level halves the resolution.
        spade_channels: Feature maps between the label map and the scale and shift it gives.
        style_size: Numbers of a style.
    """

    def __init__(
        self,
        box: Sequence[int],
        n_condition: int,
        n_images: int,
        channels: Sequence[int],
        spade_channels: int,
        style_size: int,
    ) -> None:
        super().__init__()
        self.coarsest = [side // 2 ** (len(channels) - 1) for side in box]
        self.first = nn.Linear(style_size, channels[-1] * math.prod(self.coarsest))
        upwards = [channels[-1], *reversed(channels)]
        self.blocks = nn.ModuleList(
            SPADENetResBlock(3, before, after, n_condition + style_size, spade_channels)
            for before, after in pairwise(upwards)
        )
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = nn.Conv3d(channels[0], n_images, kernel_size=3, padding=1)

    def forward(self, condition: Tensor, style: Tensor) -> Tensor:
        """Paint.

        Args:
            condition: Shape ``(B, n_condition, *box)``.
            style: Shape ``(B, style_size)``, drawn from a standard normal distribution or told by an encoder.

        Returns:
            Images ``(B, n_images, *box)`` in [-1, 1].
        """
        x = self.first(style).unflatten(1, (-1, *self.coarsest))
        for level, block in enumerate(self.blocks):
            x = self.up(x) if level else x
            sides = x.shape[2:]
            laid = style[..., None, None, None].expand(*style.shape, *sides)
            x = block(x, torch.cat([adaptive_avg_pool3d(condition, sides), laid], 1))
        painted: Tensor = torch.tanh(self.last(leaky_relu(x, LEAK)))
        return painted


class Encoder(nn.Module):
    """Tells the style of a real image, as a normal distribution.

    Not MONAI's ``SPADEEncoder``, for two reasons. It normalises each feature map, which hides how bright an image is;
    and it joins tens of thousands of features to a style without averaging them, so that one step of Adam throws a
    style by more than the normal distribution is wide.

    Args:
        n_images: Channels of the image.
        channels: Feature maps per layer, each of which halves the resolution.
        style_size: Numbers of a style.
    """

    def __init__(self, n_images: int, channels: Sequence[int], style_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                Convolution(3, before, after, strides=2, norm=None, act=("leakyrelu", {"negative_slope": LEAK}))
                for before, after in pairwise([n_images, *channels])
            )
        )
        self.last = nn.Sequential(nn.LayerNorm(channels[-1]), nn.Linear(channels[-1], 2 * style_size))
        with torch.no_grad():
            self.last[1].bias[style_size:] = NARROW

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance, each ``(B, style_size)``, of images ``(B, n_images, *box)``."""
        mean, log_variance = self.last(self.layers(image).mean((2, 3, 4))).chunk(2, dim=1)
        return mean, log_variance


class Critic(nn.Module):
    """Tells real from painted, patch by patch, given the condition.

    MONAI's ``MultiScalePatchDiscriminator`` with three changes, without which it did not tell 2 mm brains from blurred
    ones within a hundred steps:

    - it is shown the details of an image beside the image, since filters that find them are slow to be learned;
    - only patches within the brain are judged: around it there is nothing to tell anything by;
    - nothing is normalised (MONAI's default, of the batch, knows nothing of a batch of one), and weights begin as
      PyTorch has them.

    Source: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, CVPR 2018.

    Args:
        n_images: Channels of the image.
        n_condition: Channels of the condition.
        size: Sides of the volume [voxels], not packed.
        channels: Feature maps of the first layer; every further layer doubles them.
        layers: Of the first critic, after its first; each further critic has as many more.
        critics: How many.
    """

    def __init__(
        self, n_images: int, n_condition: int, size: Sequence[int], channels: int, layers: int, critics: int
    ) -> None:
        super().__init__()
        self.patches = MultiScalePatchDiscriminator(
            num_d=critics,
            num_layers_d=layers,
            spatial_dims=3,
            channels=channels,
            in_channels=2 * n_images + n_condition,
            norm=None,
            bias=True,
            minimum_size_im=min(size),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                module.reset_parameters()

    def forward(self, image: Tensor, condition: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Judge images ``(B, n_images, *size)`` on conditions ``(B, n_condition, *size)``.

        Returns:
            The verdicts on the patches within the brain, one dimension, and the feature maps; of each critic.
        """
        details = DETAIL * (image - avg_pool3d(image, kernel_size=3, stride=1, padding=1))
        verdicts, features = self.patches(torch.cat([image, details, condition], 1))
        brain = condition.sum(1, keepdim=True)
        shares = [adaptive_avg_pool3d(brain, verdict.shape[2:]) for verdict in verdicts]
        return [verdict[share >= 0.5 * share.max()] for verdict, share in zip(verdicts, shares)], features
