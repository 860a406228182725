"""What tests of trainings share: a tiny network, a process that is killed, and images that are compared bit by bit."""

import numpy as np

TINY_CLASS_DIFFUSION = dict(
    channels=(8, 8), num_res_blocks=1, timesteps=20, sampling_steps=3, max_steps=3, batch_size=4, lr=1e-3
)
"""Settings of a class diffusion that is trained in three steps."""


class KilledError(Exception):
    """Stands for a process that was killed."""


def equal_images(first, second):
    """Whether two mappings of modality to image hold the same values, voxel by voxel."""
    return all(np.array_equal(first[name], second[name]) for name in first)
