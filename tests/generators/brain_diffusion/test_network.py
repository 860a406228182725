"""The local network sees as far as its convolutions reach, and which timestep it is."""

import torch

from synthtrust.generators.brain_diffusion.network import LocalNetwork


def test_the_local_network_sees_as_far_as_its_convolutions_reach_and_no_farther():
    torch.manual_seed(0)
    network = LocalNetwork(2, 1, 4, dilations=(1, 2, 4, 1)).eval()
    x, t = torch.zeros(1, 2, 25, 5, 5), torch.tensor([3])
    touched = x.clone()
    touched[0, 0, 12] = 100
    with torch.no_grad():
        moved = (network(touched, t) - network(x, t)).abs().amax((0, 1, 3, 4))
    reach = 1 + (1 + 2 + 4 + 1) + 1
    assert (moved > 0).nonzero().flatten().tolist() == list(range(12 - reach, 12 + reach + 1))


def test_the_local_network_is_told_the_timestep():
    torch.manual_seed(0)
    network = LocalNetwork(2, 1, 4, dilations=(1,))
    x = torch.randn(1, 2, 4, 4, 4)
    assert torch.equal(network(x, torch.tensor([0])), network(x, torch.tensor([9])))  # not before it learned
    torch.nn.init.normal_(network.modulation.scale_and_shift.weight)
    assert not torch.equal(network(x, torch.tensor([0])), network(x, torch.tensor([9])))
