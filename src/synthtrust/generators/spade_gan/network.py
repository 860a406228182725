"""The networks, built of MONAI's parts: a generator that label maps steer at every level, encoder and discriminator."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets import MultiScalePatchDiscriminator
from monai.networks.nets.spade_network import SPADENetResBlock
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool3d, avg_pool3d, leaky_relu

from synthtrust.generators.brain.box import depth_to_space, space_to_depth

LEAK = 0.2
"""Slope of the leaky rectifiers, as in the paper."""

FINE = 4
"""Factor by which there are fewer feature maps after the voxels are unpacked."""

DETAIL = 4.0
"""Factor that details are multiplied by for the discriminator, so that they vary about as much as the image."""

NARROW = -4.0
"""Initial logarithm of a style's variance; a style that begins as noise is ignored, and stays ignored."""


class GeneratorNetwork(nn.Module):
    """Turns a style into a coarse volume, which the label map shapes at every level on the way to an image.

    It is made of MONAI's residual blocks, and not MONAI's whole ``SPADENet``, which has no block at the finest level:
    its last block has as many feature maps as the image has channels, and sees the labels at half the resolution only.
    It differs from that network in further points:

    - the levels work on packed voxels, at a fraction of the cost; two convolutions on unpacked voxels follow, which
      also see the label map. Unpacked voxels begin as equals (Aitken et al. 2017), or a chequerboard would remain;
    - the average brain of the training cases, without their labels, is an input beside the label map, which does not
      show where ventricles and midline are; a short training would not learn it;
    - the label map is averaged to the size of a level, so that a tumour of a few voxels is still seen at the coarsest;
    - the style is an input beside the label map at every level and is added at the last one, since normalisation
      removes what is the same everywhere in a volume, such as its brightness; without this a style was soon ignored;
    - values end in [-1, 1].

    Source: Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019.

    Args:
        size: Sides of the volume to paint [voxels], multiples of ``packed * 2 ** (levels - 1)``.
        packed: Voxels per side that are folded into channels.
        n_condition: Channels of the condition.
        n_images: Channels of the image.
        channels: Feature maps per level, the finest first; every further level halves the resolution.
        spade_channels: Feature maps between the label map and the scale and shift it gives.
        style_size: Numbers of a style.
    """

    average_brain: Tensor

    def __init__(
        self,
        size: Sequence[int],
        packed: int,
        n_condition: int,
        n_images: int,
        channels: Sequence[int],
        spade_channels: int,
        style_size: int,
    ) -> None:
        super().__init__()
        self.packed = packed
        self.register_buffer("average_brain", torch.zeros(1, n_images, *size))
        self.coarsest = [side // (packed * 2 ** (len(channels) - 1)) for side in reversed(size)]  # reversed by packing
        self.first = nn.Linear(style_size, channels[-1] * math.prod(self.coarsest))
        upwards = [channels[-1], *reversed(channels)]
        n_inputs = n_condition + n_images
        self.blocks = nn.ModuleList(
            SPADENetResBlock(3, before, after, n_inputs * packed**3 + style_size, spade_channels)
            for before, after in pairwise(upwards)
        )
        self.up = nn.Upsample(scale_factor=2, mode="trilinear", align_corners=False)
        fine = max(channels[0] // FINE, n_images)
        self.unfold = nn.Conv3d(channels[0], fine * packed**3, kernel_size=3, padding=1)
        with torch.no_grad():
            for weights in self.unfold.parameters():
                weights.copy_(weights[:: packed**3].repeat_interleave(packed**3, dim=0))
        self.tint = nn.Linear(style_size, fine)
        self.last = nn.Sequential(
            nn.Conv3d(fine + n_inputs, fine, kernel_size=3, padding=1),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(fine, n_images, kernel_size=3, padding=1),
            nn.Tanh(),
        )

    def forward(self, condition: Tensor, style: Tensor) -> Tensor:
        """Paint images.

        Args:
            condition: Shape ``(B, n_condition, *size)``.
            style: Shape ``(B, style_size)``, drawn from a standard normal distribution, or predicted by an encoder.

        Returns:
            Images ``(B, n_images, *size)`` in [-1, 1].
        """
        conditioned = torch.cat([condition, self.average_brain.expand(len(condition), -1, -1, -1, -1)], 1)
        packed = space_to_depth(conditioned, self.packed)
        x = self.first(style).unflatten(1, (-1, *self.coarsest))
        for level, block in enumerate(self.blocks):
            x = self.up(x) if level else x
            sides = x.shape[2:]
            laid = style[..., None, None, None].expand(*style.shape, *sides)
            x = block(x, torch.cat([adaptive_avg_pool3d(packed, sides), laid], 1))
        fine = depth_to_space(self.unfold(leaky_relu(x, LEAK)), self.packed) + self.tint(style)[..., None, None, None]
        painted: Tensor = self.last(torch.cat([fine, conditioned], 1))
        return painted


class Encoder(nn.Module):
    """Predicts the style of a real image, as a normal distribution.

    MONAI's ``SPADEEncoder`` is not used, for two reasons. It normalises each feature map, which hides how bright an
    image is; and it computes a style from tens of thousands of features without averaging them, so that one step of
    Adam moves a style by more than the width of the normal distribution.

    Args:
        n_images: Channels of the image.
        channels: Feature maps per layer, each of which halves the resolution.
        style_size: How many numbers a style has.
    """

    def __init__(self, n_images: int, channels: Sequence[int], style_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                Convolution(3, before, after, strides=2, norm=None, act=("leakyrelu", {"negative_slope": LEAK}))
                for before, after in pairwise([n_images, *channels])
            )
        )
        to_style = nn.Linear(channels[-1], 2 * style_size)
        with torch.no_grad():
            to_style.bias[style_size:] = NARROW
        self.last = nn.Sequential(nn.LayerNorm(channels[-1]), to_style)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance, each ``(B, style_size)``, of images ``(B, n_images, *box)``."""
        mean, log_variance = self.last(self.layers(image).mean((2, 3, 4))).chunk(2, dim=1)
        return mean, log_variance


class Discriminator(nn.Module):
    """A network that separates real from painted images, patch by patch, given the condition.

    It is MONAI's ``MultiScalePatchDiscriminator`` with instance normalisation (its default, batch normalisation, fails
    for a batch of one) and with two additions, without which it could not distinguish brains from blurred ones within a
    hundred steps:

    - it also sees the details of an image, since filters that find them are learned slowly;
    - it judges only patches within the brain, since all images are alike around it.

    Source: Wang et al., High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs, CVPR 2018.

    Args:
        n_images: Channels of the image.
        n_condition: Channels of the condition.
        size: Sides of the volume [voxels], not packed.
        channels: Feature maps of the first layer; every further layer doubles them.
        layers: Layers of the first discriminator after its first layer; each further discriminator has as many more.
        discriminators: How many discriminators there are.
    """

    def __init__(
        self, n_images: int, n_condition: int, size: Sequence[int], channels: int, layers: int, discriminators: int
    ) -> None:
        super().__init__()
        self.patches = MultiScalePatchDiscriminator(
            num_d=discriminators,
            num_layers_d=layers,
            spatial_dims=3,
            channels=channels,
            in_channels=2 * n_images + n_condition,
            norm="instance",
            minimum_size_im=min(size),
        )

    def forward(self, image: Tensor, condition: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Judge images ``(B, n_images, *size)`` on conditions ``(B, n_condition, *size)``.

        Returns:
            The logits on the patches within the brain, one dimension, and the feature maps; of each discriminator.
        """
        details = DETAIL * (image - avg_pool3d(image, kernel_size=3, stride=1, padding=1))
        logits, features = self.patches(torch.cat([image, details, condition], 1))
        brain = condition.sum(1, keepdim=True)
        shares = [adaptive_avg_pool3d(brain, scale.shape[2:]) for scale in logits]
        return [scale[share >= 0.5 * share.max()] for scale, share in zip(logits, shares)], features
