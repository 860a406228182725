"""SPADE GAN: paints a brain onto a label map in a single pass, trained here."""

from synthtrust.generators.spade_gan.generator import SpadeGAN
from synthtrust.generators.spade_gan.network import GeneratorNetwork

__all__ = ["GeneratorNetwork", "SpadeGAN"]
