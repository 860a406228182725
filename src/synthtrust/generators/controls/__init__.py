"""Controls: generators whose faults are known, so that an audit can be seen to find them."""

from synthtrust.generators.controls.blur import Blur
from synthtrust.generators.controls.blur_small import BlurSmall
from synthtrust.generators.controls.corner_mark import CornerMark
from synthtrust.generators.controls.drop_group import DropGroup
from synthtrust.generators.controls.label_shuffle import LabelShuffle
from synthtrust.generators.controls.late_copies import LateCopies
from synthtrust.generators.controls.mask_swap import MaskSwap
from synthtrust.generators.controls.mean import Mean
from synthtrust.generators.controls.neglect_group import NeglectGroup
from synthtrust.generators.controls.noise import Noise
from synthtrust.generators.controls.noisy_replay import NoisyReplay
from synthtrust.generators.controls.replay import Replay

__all__ = [
    "Blur",
    "BlurSmall",
    "DropGroup",
    "LabelShuffle",
    "MaskSwap",
    "Mean",
    "NeglectGroup",
    "CornerMark",
    "LateCopies",
    "Noise",
    "NoisyReplay",
    "Replay",
]
