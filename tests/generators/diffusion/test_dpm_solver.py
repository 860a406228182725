"""The solver of second order follows a known path to its end in few steps."""

import pytest
import torch

from synthtrust.generators.diffusion.dpm_solver import paint, visited
from synthtrust.generators.diffusion.schedule import Diffusion


def known_path(mean, sd, steps, order=2):
    """Paint where the image in every noised one is known: images are normal, ``mean`` and ``sd``."""
    diffusion = Diffusion(250)

    def guess(x, t):
        signal = torch.from_numpy(diffusion.alphas_cumprod)[t].reshape(-1, 1)
        return mean + sd**2 * signal.sqrt() / (sd**2 * signal + 1 - signal) * (x - signal.sqrt() * mean)

    noise = torch.randn(5000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return noise / noise.std(), paint(diffusion, guess, noise / noise.std(), visited(250, steps), order=order)


@pytest.mark.parametrize(("sd", "steps"), [(0.05, 20), (0.15, 10), (0.15, 16), (0.15, 100), (0.25, 16)])
def test_images_of_a_known_spread_are_painted_with_it_in_few_steps(sd, steps):
    noise, painted = known_path(0.1, sd, steps)
    assert float(painted.mean()) == pytest.approx(0.1, abs=0.01)
    assert float(painted.std()) == pytest.approx(sd, rel=0.05)  # 16 even steps of DDIM: 24 % too narrow for 0.15
    assert float(torch.corrcoef(torch.stack([noise, painted])[..., 0])[0, 1]) > 0.999  # the path keeps their order


def test_ddim_paints_too_little_contrast_in_few_steps_and_enough_in_many():
    few, many, second = (
        float(known_path(0.1, 0.15, *steps_and_order)[1].std()) for steps_and_order in ((10, 1), (250, 1), (10, 2))
    )
    assert few < 0.14 < many
    assert many == pytest.approx(0.15, rel=0.03)
    assert abs(second - 0.15) < abs(few - 0.15)


def test_two_steps_are_the_first_order_of_ddim_and_then_the_guess():
    diffusion, noise = Diffusion(50), torch.full((1, 1), 0.7, dtype=torch.float64)
    seen = []
    painted = paint(diffusion, lambda x, t: seen.append((x, int(t))) or 0.5 * x, noise, [49, 0])
    first = 0.5 * noise
    predicted = (noise - diffusion.alphas_cumprod[49] ** 0.5 * first) / (1 - diffusion.alphas_cumprod[49]) ** 0.5
    expected = diffusion.alphas_cumprod[0] ** 0.5 * first + (1 - diffusion.alphas_cumprod[0]) ** 0.5 * predicted
    assert [t for _, t in seen] == [49, 0]
    torch.testing.assert_close(seen[1][0], expected)
    torch.testing.assert_close(painted, 0.5 * expected)


@pytest.mark.parametrize(("spread", "spacing", "steps"), [(3.0, 1.5, 20), (1.0, 1.0, 20), (0.3, 1.0, 25)])
def test_with_the_timesteps_of_a_schedule_images_keep_their_spread_better_than_by_ddim(spread, spacing, steps):
    diffusion = Diffusion(250, -50.0, 50.0, spacing)
    noise = torch.randn(1, 8000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = noise / noise.std()

    def guess(x, t):
        signal = float(diffusion.alphas_cumprod[int(t[0])])
        return spread**2 * signal**0.5 / (spread**2 * signal + 1 - signal) * x

    timesteps = diffusion.timesteps_for("dpm_solver", steps)
    second, first = (float(paint(diffusion, guess, noise, timesteps, order=order).std()) for order in (2, 1))
    assert second == pytest.approx(spread, rel=0.05)
    assert abs(second - spread) < abs(first - spread)


def test_images_are_clipped_to_the_range_of_their_channel():
    low, high = torch.tensor([-4.0, -1.0]).reshape(2, 1), torch.tensor([-2.0, 3.0]).reshape(2, 1)
    noise = torch.randn(2, 2, 50, generator=torch.Generator().manual_seed(0))
    drawn = paint(Diffusion(20, low, high), lambda x, t: 9 * noise.sign(), noise, visited(20, 5))
    torch.testing.assert_close(drawn, torch.where(noise > 0, high, low))


@pytest.mark.parametrize(("spread", "spacing"), [(3.0, 1.5), (1.0, 1.0), (0.3, 1.0)])
def test_with_fresh_noise_images_keep_their_spread_and_forget_where_they_began(spread, spacing):
    diffusion = Diffusion(250, -50.0, 50.0, spacing)
    generator = torch.Generator().manual_seed(0)

    def fresh():
        return torch.randn(1, 20000, generator=generator, dtype=torch.float64)

    def guess(x, t):
        signal = float(diffusion.alphas_cumprod[int(t[0])])
        return spread**2 * signal**0.5 / (spread**2 * signal + 1 - signal) * x

    noise = fresh()
    timesteps = diffusion.timesteps_for("sde_dpm_solver", 20)
    painted = paint(diffusion, guess, noise, timesteps, fresh=fresh)
    assert float(painted.std()) == pytest.approx(spread, rel=0.08)
    assert abs(float(torch.corrcoef(torch.cat([noise, painted]))[0, 1])) < 0.3  # along DDIM's path it is 1
