"""Feature spaces: an image in, one row of features out, for the distances of fidelity and of privacy."""

from synthtrust.audits.spaces.images import features_in, load, standardised
from synthtrust.audits.spaces.offline import (
    LowResolution,
    Network,
    RandomConvolutions,
    RegionTexture,
    Space,
    on_grid,
)
from synthtrust.audits.spaces.task_network import TaskNetwork

__all__ = [
    "Space",
    "RandomConvolutions",
    "LowResolution",
    "RegionTexture",
    "Network",
    "TaskNetwork",
    "features_in",
    "load",
    "on_grid",
    "standardised",
]
