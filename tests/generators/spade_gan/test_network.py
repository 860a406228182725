"""The generator follows the label map voxel by voxel, the discriminator judges the brain, the encoder sees contrast."""

import pytest
import torch

from synthtrust.generators.brain.box import depth_to_space
from synthtrust.generators.spade_gan import GeneratorNetwork
from synthtrust.generators.spade_gan.network import Discriminator, Encoder


def seeded(network, *arguments):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return network(*arguments)


def test_the_label_map_steers_the_painting_at_the_finest_level():
    painter = seeded(GeneratorNetwork, (8, 12, 16), 2, 2, 1, (4, 8), 4, 3)
    condition = torch.zeros(1, 2, 8, 12, 16)
    condition[:, 0] = 1
    moved = condition.clone()
    moved[0, :, 3, 5, 6] = torch.tensor([0.0, 1.0])
    change = (painter(condition, torch.ones(1, 3)) - painter(moved, torch.ones(1, 3))).abs()[0, 0]
    assert change[3, 5, 6] > 3 * change.median(), "a single voxel of another label was not seen where it lies"


def test_unpacked_voxels_begin_as_equals_so_that_no_chequerboard_has_to_be_unlearned():
    painter = seeded(GeneratorNetwork, (8, 12, 16), 2, 2, 1, (4, 8), 4, 3)
    fine = depth_to_space(painter.unfold(torch.rand(1, 4, 8, 6, 4, generator=torch.Generator().manual_seed(1))), 2)
    blocks = fine.unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2).flatten(5)
    torch.testing.assert_close(blocks.amax(-1), blocks.amin(-1))
    assert fine.std() > 0.01


def test_the_discriminator_judges_the_brain_alone():
    discriminator = seeded(Discriminator, 1, 2, (16, 16, 32), 4, 1, 1)
    condition = torch.zeros(1, 2, 16, 16, 32)
    condition[:, 0, :, :, :8] = 1
    logits, features = discriminator(torch.rand(1, 1, 16, 16, 32), condition)
    (logits,), (layers,) = logits, features
    in_all = layers[-1][0, 0].numel()
    assert 0 < len(logits) <= 0.4 * in_all


@pytest.mark.parametrize("sides", [(8, 8, 8), (6, 10, 4)])
def test_the_encoder_sees_how_bright_an_image_is(sides):
    encoder = seeded(Encoder, 2, (4, 8), 3)
    image = torch.rand(1, 2, *sides, generator=torch.Generator().manual_seed(0))
    contrast = image * torch.tensor([1.0, 0.3])[:, None, None, None]
    assert (encoder(image)[0] - encoder(contrast)[0]).abs().max() > 1e-2
    assert encoder(image)[1].max() < -2  # a style that began as noise would be ignored
