"""Feature spaces: an image in, one row of features out, for the distances of fidelity and of privacy."""

from synthtrust.audits.spaces.dino import Dino
from synthtrust.audits.spaces.images import (
    check_grids,
    common_size,
    features_in,
    load,
    size_of,
    standardised,
    try_space,
)
from synthtrust.audits.spaces.medicalnet import MedicalNet
from synthtrust.audits.spaces.offline import (
    LowResolution,
    Network,
    RandomConvolutions,
    RegionTexture,
    Space,
)
from synthtrust.audits.spaces.pretrained import Inception, RadImageNet
from synthtrust.audits.spaces.task_network import TaskNetwork

__all__ = [
    "Space",
    "RandomConvolutions",
    "LowResolution",
    "RegionTexture",
    "Network",
    "TaskNetwork",
    "Inception",
    "RadImageNet",
    "MedicalNet",
    "Dino",
    "check_grids",
    "common_size",
    "features_in",
    "load",
    "size_of",
    "standardised",
    "try_space",
]
