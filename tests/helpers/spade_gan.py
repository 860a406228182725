"""A tiny SPADE GAN, which learns in a second, and what its tests ask of it."""

import numpy as np

TINY = dict(
    channels=(4, 8), spade_channels=4, style_size=3, discriminator_channels=4, discriminator_layers=1, patch_fold=1,
    max_steps=3, lr=1e-3, discriminator_lr=1e-3, precision="32-true",
)  # fmt: skip


def sample(generator, case, seed=0):
    """Paint on the label map of a case."""
    return generator.sample(case.load_label(), np.random.default_rng(seed))


def losses(home):
    """Return the table of the losses of a training."""
    return np.genfromtxt(home / "loss.csv", delimiter=",", names=True)
