"""The diffusion: how images become noise by a cosine schedule, and how a network's guesses lead back."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthtrust.generators.synthesis.progress import report_steps
from synthtrust.refusals import Refusal

Sampler = Literal["ddpm", "ddim", "dpm_solver", "sde_dpm_solver"]
"""Ways back from noise: all timesteps with new noise at each; few of first order; few of second order; and few of
second order with new noise at each."""
Predict = Callable[[Tensor, Tensor], Tensor]
"""Tells the noise ``(B, ...)`` in images ``(B, ...)`` at timesteps ``(B,)``."""

OFFSET = 0.008  # of the cosine schedule: the first steps shall not be too small (Nichol and Dhariwal 2021, Eq. 17)
MOST = 0.999  # largest beta (ibid.)
LEAST_VARIANCE = 1e-20  # of the last step, where it is 0, so that it has a logarithm


def cosine_betas(timesteps: int) -> NDArray[np.float64]:
    """Return the variances that are added step by step, shape ``(timesteps,)``.

    In float64: MONAI's float32 tables are off by up to 5e-6, which is 2 % of the first beta of 250. Source: Nichol and
    Dhariwal, Improved Denoising Diffusion Probabilistic Models, 2021, Eq. (17).

    >>> cosine_betas(250)[[0, -1]].round(8).tolist()
    [0.00019427, 0.999]
    """
    share = np.arange(timesteps + 1) / timesteps
    kept = np.cos((share + OFFSET) / (1 + OFFSET) * np.pi / 2) ** 2
    return np.clip(1 - kept[1:] / kept[:-1], 0, MOST)


class Diffusion:
    """A cosine schedule of ``timesteps`` steps, with the way there, one step back, and the whole way back.

    MONAI's schedulers are not used for the way back: its DDPM with fewer steps than trained gives samples that are
    twice too wide, its DDIM takes the alpha of a step that it does not visit, and both draw one noise for a whole
    batch, so that a case would depend on its neighbours.

    Args:
        timesteps: T.
        low: Least value of an image, one for all or per channel ``(C, 1, 1, 1)``.
        high: Largest.
        spacing_power: How much denser few timesteps are where images are nearly noise; 1 is even. There the contrast of
            images is decided whose standard deviation is well above 1, later that of images well below.
    """

    def __init__(
        self, timesteps: int = 250, low: float | Tensor = -1.0, high: float | Tensor = 1.0, spacing_power: float = 1.0
    ) -> None:
        if timesteps < 2:
            raise Refusal(f"Expected at least 2 timesteps, but got {timesteps}.")
        self.timesteps = timesteps
        self.spacing_power = spacing_power
        self.low, self.high = torch.as_tensor(low), torch.as_tensor(high)
        self.betas = cosine_betas(timesteps)
        self.alphas_cumprod = np.cumprod(1 - self.betas)  # alpha-bar: share of the variance that is still the image
        self.alphas_cumprod_prev = np.append(1.0, self.alphas_cumprod[:-1])

    def noised(self, image: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Return images ``(B, ...)`` noised up to timesteps ``(B,)``; Ho et al. 2020, Eq. (4)."""
        share = self.sqrt_one_minus_alphas_cumprod(t, image)
        return (1 - share**2).sqrt() * image + share * noise

    def sqrt_one_minus_alphas_cumprod(self, t: Tensor, like: Tensor) -> Tensor:
        """Return the standard deviation of the noise at timesteps ``(B,)``, shape ``(B, 1, ...)`` as ``like``."""
        share = torch.from_numpy((1 - self.alphas_cumprod) ** 0.5).to(like.device, like.dtype)
        return share[t].reshape(-1, *[1] * (like.ndim - 1))

    def velocity(self, image: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Return how fast images turn into their noise at timesteps ``(B,)``; Salimans and Ho 2022, App. D.

        A network that tells it is never asked for a small difference of large numbers: it tells the noise where the
        image is nearly clean, and the image where it is nearly noise.
        """
        share = self.sqrt_one_minus_alphas_cumprod(t, image)
        return (1 - share**2).sqrt() * noise - share * image

    def noise_of(self, velocity: Tensor, x: Tensor, t: Tensor) -> Tensor:
        """Return the noise in ``x`` at timesteps ``(B,)`` that goes with a velocity."""
        share = self.sqrt_one_minus_alphas_cumprod(t, x)
        return (1 - share**2).sqrt() * velocity + share * x

    def denoised(self, x: Tensor, t: int, noise: Tensor) -> Tensor:
        """Return the image that is left of ``x`` without its noise, clipped to the range of images."""
        signal = self.alphas_cumprod[t]
        return self.clipped((x - (1 - signal) ** 0.5 * noise) / signal**0.5)

    def reverse_step(self, x: Tensor, t: int, noise: Tensor) -> tuple[Tensor, float]:
        """Return mean ``(B, ...)`` and log variance of the images one timestep before ``t``.

        The variance is the smaller of the two in use, that of the posterior; Ho et al. 2020, Eqs. (6) and (7).
        """
        beta, signal, before = self.betas[t], self.alphas_cumprod[t], self.alphas_cumprod_prev[t]
        of_image = before**0.5 * beta / (1 - signal)
        of_x = (1 - beta) ** 0.5 * (1 - before) / (1 - signal)
        variance = max(beta * (1 - before) / (1 - signal), LEAST_VARIANCE)
        return of_image * self.denoised(x, t, noise) + of_x * x, float(np.log(variance))

    def timesteps_for(self, sampler: Sampler, steps: int | None) -> list[int]:
        """Return the timesteps to visit, from the last to 0.

        >>> Diffusion(250).timesteps_for("ddim", 4), Diffusion(250, spacing_power=2).timesteps_for("ddim", 4)
        ([249, 166, 83, 0], [249, 221, 138, 0])

        Raises:
            Refusal: If the sampler is unknown, or cannot be used with so many steps.
        """
        steps = self.timesteps if steps is None else steps
        if sampler not in get_args(Sampler):
            raise Refusal(f"Expected sampler among {list(get_args(Sampler))}, but got {sampler!r}.")
        if sampler == "ddpm" and steps != self.timesteps:
            raise Refusal(
                f"Expected all {self.timesteps} steps for 'ddpm', but got {steps}: with fewer, samples are too wide. "
                "Use sampler='sde_dpm_solver'."
            )
        if not 2 <= steps <= self.timesteps:
            raise Refusal(f"Expected 2 to {self.timesteps} sampling steps, but got {steps}.")
        if steps == self.timesteps:
            return list(range(steps))[::-1]
        share = 1 - np.linspace(0, 1, steps) ** self.spacing_power
        return sorted({int(t) for t in ((self.timesteps - 1) * share).round()}, reverse=True)

    @torch.no_grad()
    def sample(
        self,
        predict: Predict,
        shape: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        sampler: Literal["ddpm", "ddim"] = "ddim",
        steps: int | None = None,
        device: torch.device | str = "cpu",
    ) -> Tensor:
        """Paint one image per generator, all randomness of which is its own.

        Args:
            predict: Tells the noise.
            shape: The shape of one image.
            generators: On the CPU, so that the same seed is the same noise on every device; one per image.
            sampler: ``ddpm`` visits all timesteps and draws noise at each; ``ddim`` draws only the first noise
                (Song et al. 2021, Eq. 12 with sigma 0).
            steps: How many timesteps are visited; None for all.
            device: Where to compute.

        Returns:
            Images ``(B, *shape)`` in their range.

        Raises:
            Refusal: If the sampler cannot be used with so many steps.
        """
        kept = self.timesteps_for(sampler, steps)

        def draw() -> Tensor:
            return torch.stack([torch.randn(*shape, generator=generator) for generator in generators]).to(device)

        x = draw()
        for t, after in report_steps(list(zip(kept, [*kept[1:], -1], strict=True))):
            noise = predict(x, torch.full((len(x),), t, device=device)).float()
            if sampler == "ddpm":
                x, log_variance = self.reverse_step(x, t, noise)
                if t > 0:
                    x = x + np.exp(0.5 * log_variance) * draw()
            else:
                x = self._ddim_step(x, t, after, noise)
        return self.clipped(x)

    def clipped(self, x: Tensor) -> Tensor:
        """Return images ``(B, ...)`` with what lies outside their range moved to its nearest end."""
        return torch.maximum(torch.minimum(x, self.high.to(x)), self.low.to(x))

    def _ddim_step(self, x: Tensor, t: int, after: int, noise: Tensor) -> Tensor:
        image = self.denoised(x, t, noise)
        before, signal = self.alphas_cumprod[after] if after >= 0 else 1.0, self.alphas_cumprod[t]
        noise = (x - signal**0.5 * image) / (1 - signal) ** 0.5  # what it is after the image was clipped
        return before**0.5 * image + (1 - before) ** 0.5 * noise
