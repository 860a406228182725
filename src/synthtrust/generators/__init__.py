"""Generators: real cases in, synthetic case sets out."""

from typing import TYPE_CHECKING

from synthtrust.lazy import import_when_asked

if TYPE_CHECKING:
    from synthtrust.generators.base import Generator
    from synthtrust.generators.brain_diffusion import BrainDiffusion
    from synthtrust.generators.case_facts import CaseFacts
    from synthtrust.generators.class_diffusion import ClassDiffusion
    from synthtrust.generators.class_folder import ClassFolder
    from synthtrust.generators.class_mixture import ClassMixture
    from synthtrust.generators.class_table import ClassTable
    from synthtrust.generators.command import Bundle, Command
    from synthtrust.generators.controls import (
        Blur,
        BlurSmall,
        CornerMark,
        DropGroup,
        LabelShuffle,
        LateCopies,
        MaskSwap,
        Mean,
        NeglectGroup,
        Noise,
        NoisyReplay,
        Replay,
    )
    from synthtrust.generators.edited_masks import EditedMasks
    from synthtrust.generators.folder import Folder
    from synthtrust.generators.image_set import ImageSet
    from synthtrust.generators.labelled_set import LabelledSet
    from synthtrust.generators.med_ddpm import MedDDPM
    from synthtrust.generators.spade_gan import SpadeGAN
    from synthtrust.generators.synthesis.synthesize import SyntheticSet, synthesize
    from synthtrust.generators.tissue import Tissue
    from synthtrust.refusals import CaseError, Refusal

import_when_asked(__name__)

__all__ = [
    # the contract, and what paints by it
    "Generator",
    "CaseFacts",
    "Refusal",
    "CaseError",
    "SyntheticSet",
    "synthesize",
    # to be judged
    "Tissue",
    "MedDDPM",
    "BrainDiffusion",
    "SpadeGAN",
    "ClassMixture",
    "ClassDiffusion",
    "EditedMasks",
    "Folder",
    "ClassFolder",
    "ClassTable",
    "LabelledSet",
    "ImageSet",
    "Bundle",
    "Command",
    # controls
    "Replay",
    "NoisyReplay",
    "Blur",
    "BlurSmall",
    "DropGroup",
    "CornerMark",
    "Noise",
    "MaskSwap",
    "LabelShuffle",
    "LateCopies",
    "Mean",
    "NeglectGroup",
]
