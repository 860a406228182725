"""The linear guess of the velocity is the best there is, and what is left of it has the variance that is claimed."""

import numpy as np
import pytest
import torch
from torch import nn

from synthtrust.generators.brain_diffusion.velocity import VelocityNetwork
from synthtrust.generators.diffusion.schedule import Diffusion

VARIANCES = torch.tensor([9.0, 1.0, 0.01])


class Constant(nn.Module):
    """Stands for a network: keeps what it was shown, and predicts one value everywhere."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x, timesteps):
        self.shown = x
        return torch.full_like(x[:, :3], self.value)


def drawn(diffusion, t, n=40_000):
    generator = torch.Generator().manual_seed(0)
    image, noise = torch.randn(2, 1, 3, n, 1, 1, generator=generator)
    image = image * VARIANCES.sqrt().reshape(1, 3, 1, 1, 1)
    return diffusion.noised(image, t, noise), diffusion.velocity(image, t, noise)


@pytest.mark.parametrize("timestep", [0, 20, 60, 99])
def test_what_the_linear_guess_leaves_has_the_variance_that_the_network_is_scaled_by(timestep):
    diffusion, t = Diffusion(100), torch.tensor([timestep])
    noised, velocity = drawn(diffusion, t)
    guess = VelocityNetwork(Constant(0.0), VARIANCES, diffusion)(noised, t)
    share2 = float(diffusion.sqrt_one_minus_alphas_cumprod(t, noised)) ** 2
    left = (velocity - guess)[0].flatten(1)
    expected = VARIANCES / ((1 - share2) * VARIANCES + share2)
    np.testing.assert_allclose(left.var(1), expected, rtol=0.03)
    correlation = (left * noised[0].flatten(1)).mean(1) / (left.std(1) * noised[0].flatten(1).std(1))
    assert correlation.abs().max() < 0.02, "a better line could be drawn"
    prediction = VelocityNetwork(Constant(1.0), VARIANCES, diffusion)(noised, t)
    np.testing.assert_allclose((guess - prediction)[0, :, 0, 0, 0].numpy(), expected.sqrt().numpy(), rtol=1e-3)


def test_the_network_sees_components_of_variance_one_and_the_condition_as_it_is():
    diffusion, t = Diffusion(100), torch.tensor([60])
    noised, _ = drawn(diffusion, t)
    condition = torch.full_like(noised[:, :1], 5)
    network = Constant(0.0)
    VelocityNetwork(network, VARIANCES, diffusion)(torch.cat([noised, condition], 1), t)
    np.testing.assert_allclose(network.shown[0, :3].flatten(1).var(1), 1, rtol=0.03)
    assert (network.shown[:, 3] == 5).all()
