"""The velocity of a brain: the best linear guess from its principal components, and what a small network adds."""

import torch
from torch import Tensor, nn

from synthtrust.generators.diffusion.schedule import Diffusion


class VelocityNetwork(nn.Module):
    """Predicts the velocity of components whose variances are known: a linear guess, and what a network adds to it.

    With a share s of noise and a = sqrt(1 - s^2), a component z = a z0 + s n of variance L has, as the best linear
    guess of its velocity a n - s z0, the value a s (1 - L) / (a^2 L + s^2) z, and what is left of it has variance
    L / (a^2 L + s^2). The network sees components of variance 1, and predicts what is left in units of its
    standard deviation. A small network then need not carry the noise of fine components through its few feature maps.
    Without this it predicted all of them as noise, and painted brains without gyri, or left the noise in.

    Source: Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, 2022, Section 5, for each
    component on its own.

    Args:
        network: Sees components and condition, ``(B, C + K, ...)``, and timesteps ``(B,)``; predicts ``(B, C, ...)``.
        variances: Variances of the components, ``(C,)``.
        diffusion: The noise schedule.
    """

    variances: Tensor

    def __init__(self, network: nn.Module, variances: Tensor, diffusion: Diffusion) -> None:
        super().__init__()
        self.network, self.diffusion = network, diffusion
        self.register_buffer("variances", variances.reshape(1, -1, 1, 1, 1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the velocity of the components in ``x``, shape ``(B, C, ...)``, float32."""
        noisy, condition = x.split([self.variances.shape[1], x.shape[1] - self.variances.shape[1]], 1)
        share = self.diffusion.sqrt_one_minus_alphas_cumprod(timesteps, noisy)
        signal = (1 - share**2).sqrt()
        total = signal**2 * self.variances + share**2
        residual = self.network(torch.cat([noisy / total.sqrt(), condition], 1), timesteps).float()
        return signal * share * (1 - self.variances) / total * noisy - (self.variances / total).sqrt() * residual
