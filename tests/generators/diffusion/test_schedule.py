"""The diffusion keeps the laws of a Gaussian, for which the best denoiser is known, and owns its randomness."""

import numpy as np
import pytest
import torch
from monai.networks.schedulers import DDPMScheduler

from synthtrust.generators.diffusion.schedule import Diffusion, cosine_betas

SPREAD = 0.3  # standard deviation of the data: clipping to [-1, 1] touches one value in a thousand


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def oracle(diffusion, spread=SPREAD):
    """Return the noise expected in x = a * image + b * noise, images from N(0, s**2): b * x / (a**2 * s**2 + b**2)."""

    def predict(x, t):
        b = diffusion.sqrt_one_minus_alphas_cumprod(t, x)
        return b * x / ((1 - b**2) * spread**2 + b**2)

    return predict


def test_betas_are_monais_but_for_its_rounding():
    assert cosine_betas(250) == pytest.approx(DDPMScheduler(250, schedule="cosine").betas.numpy(), abs=5e-6)


def test_noising_keeps_the_variance_of_unit_images():
    diffusion = Diffusion(250)
    image, noise = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for t in (0, 100, 249):
        assert diffusion.noised(image, torch.full((3,), t), noise).std() == pytest.approx(1, abs=0.03)


def test_the_noise_that_goes_with_the_true_velocity_is_the_true_noise():
    diffusion = Diffusion(50)
    image, noise = torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 25, 49])
    x = diffusion.noised(image, t, noise)
    velocity = diffusion.velocity(image, t, noise)
    torch.testing.assert_close(diffusion.noise_of(velocity, x, t), noise)
    torch.testing.assert_close(velocity[2], -image[2], atol=0.05, rtol=0)  # all noise: the image alone is not known


@pytest.mark.parametrize("t", [1, 30, 99])
def test_one_step_back_is_that_of_monai(t):
    x, noise = torch.randn(2, 1, 1, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    diffusion, scheduler = Diffusion(100), DDPMScheduler(100, schedule="cosine", clip_sample=True)
    mean, log_variance = diffusion.reverse_step(x, t, noise)
    expected, _ = scheduler.step(noise, t, x, generator=generators(2)[0])
    drawn = torch.randn(x.shape, generator=generators(2)[0])
    # MONAI's tables are float32: its first betas are off by up to 2 %
    torch.testing.assert_close(mean + np.exp(log_variance / 2) * drawn, expected, atol=5e-3, rtol=0)


def test_the_last_step_adds_no_noise_and_gives_the_image():
    x, noise = torch.randn(2, 1, 1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    diffusion = Diffusion(100)
    mean, log_variance = diffusion.reverse_step(x, 0, noise)
    torch.testing.assert_close(mean, diffusion.denoised(x, 0, noise))
    assert log_variance == pytest.approx(np.log(1e-20))


@pytest.mark.parametrize(
    ("sampler", "steps", "tolerance"),
    [("ddpm", None, 0.01), ("ddim", None, 0.006), ("ddim", 50, 0.015), ("ddim", 25, 0.03)],
)
def test_samples_have_the_spread_of_the_data(sampler, steps, tolerance):
    # of 4 * 16**3 values the standard deviation is known to 0.002; the smaller of the two variances of DDPM is exact
    # for a single point only, and 250 steps of it come out 0.008 too narrow; DDIM errs by the length of its steps
    diffusion = Diffusion(250)
    drawn = diffusion.sample(oracle(diffusion), (1, 16, 16, 16), generators(*range(4)), sampler=sampler, steps=steps)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(SPREAD, abs=tolerance)


@pytest.mark.parametrize(("steps", "tolerance"), [(20, 0.08), (50, 0.03)])
def test_early_timesteps_keep_the_contrast_of_images_with_a_large_spread(steps, tolerance):
    drawn = {}
    for early in (1.0, 1.5):
        diffusion = Diffusion(250, -50.0, 50.0, early)
        images = diffusion.sample(oracle(diffusion, 3.0), (1, 16, 16, 16), generators(*range(4)), steps=steps)
        drawn[early] = float(images.std()) / 3
    assert drawn[1.5] == pytest.approx(1, abs=tolerance)
    assert abs(drawn[1.5] - 1) < abs(drawn[1.0] - 1)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_images_keep_to_the_range_of_their_channel(sampler):
    low, high = torch.tensor([-4.0, -1.0]).reshape(2, 1, 1, 1), torch.tensor([-2.0, 3.0]).reshape(2, 1, 1, 1)
    diffusion = Diffusion(20, low, high)
    drawn = diffusion.sample(lambda x, t: -x, (2, 4, 4, 4), generators(0, 1), sampler=sampler)
    assert ((low <= drawn) & (drawn <= high)).all()
    assert drawn[:, 0].max() == -2
    assert drawn[:, 1].max() > 1


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_sample_depends_on_its_own_generator_alone(sampler):
    diffusion = Diffusion(20)
    before = torch.get_rng_state()
    together = diffusion.sample(oracle(diffusion), (2, 4, 4, 4), generators(5, 6, 7), sampler=sampler)
    for seed, image in zip((5, 6, 7), together, strict=True):
        alone = diffusion.sample(oracle(diffusion), (2, 4, 4, 4), generators(seed), sampler=sampler)
        torch.testing.assert_close(alone[0], image)
    assert not torch.equal(together[0], together[1])
    torch.testing.assert_close(before, torch.get_rng_state())


def test_ddim_visits_the_first_and_the_last_timestep():
    assert Diffusion(250).timesteps_for("ddim", 4) == [249, 166, 83, 0]
    assert len(set(Diffusion(250).timesteps_for("ddim", 250))) == 250


@pytest.mark.parametrize(
    ("sampler", "steps", "why"),
    [
        ("ddpm", 50, "Use sampler='sde_dpm_solver'"),
        ("euler", 50, "'euler'"),
        ("ddim", 251, "2 to 250"),
        ("ddim", 1, "2 to 250"),
    ],
)
def test_what_a_sampler_cannot_do_is_refused(sampler, steps, why):
    with pytest.raises(ValueError, match=why):
        Diffusion(250).timesteps_for(sampler, steps)
