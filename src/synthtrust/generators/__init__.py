"""Generators: real cases in, synthetic case sets out."""

from synthtrust.generators.base import Generator
from synthtrust.generators.blur import Blur
from synthtrust.generators.class_diffusion import ClassDiffusion
from synthtrust.generators.class_mixture import ClassMixture
from synthtrust.generators.folder import Folder
from synthtrust.generators.label_shuffle import LabelShuffle
from synthtrust.generators.mask_swap import MaskSwap
from synthtrust.generators.mean import Mean
from synthtrust.generators.med_ddpm import MedDDPM
from synthtrust.generators.noise import Noise
from synthtrust.generators.noisy_replay import NoisyReplay
from synthtrust.generators.replay import Replay
from synthtrust.generators.spade_gan import SpadeGAN
from synthtrust.generators.synthesize import synthesize
from synthtrust.generators.tissue import Tissue

__all__ = [
    # the contract, and what paints by it
    "Generator",
    "synthesize",
    # to be judged
    "Tissue",
    "MedDDPM",
    "SpadeGAN",
    "ClassMixture",
    "ClassDiffusion",
    "Folder",
    # controls
    "Replay",
    "NoisyReplay",
    "Blur",
    "Noise",
    "MaskSwap",
    "LabelShuffle",
    "Mean",
]
