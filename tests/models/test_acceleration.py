"""Compiled networks and channels-last weights give the same predictions, gradients and checkpoints."""

import copy

import pytest
import torch
from monai.networks.nets import SwinUNETR, UNet
from torch import nn

from synthtrust.models.acceleration import accelerate

NETWORKS = {
    "unet": lambda: UNet(3, 2, 3, (4, 8), (2,), num_res_units=1),
    "plane unet": lambda: UNet(2, 2, 3, (4, 8), (2,), num_res_units=1),
    "swin_unetr": lambda: SwinUNETR(2, 3, feature_size=12, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2)),
}


def network_and_image(name):
    torch.manual_seed(0)
    net = NETWORKS[name]()
    side = 64 if name == "swin_unetr" else 16
    return net, torch.randn(1, 2, *([side] * (2 if name == "plane unet" else 3)))


def step(net, image):
    """Return the prediction and the gradients of its mean square."""
    net.zero_grad()
    prediction = net(image)
    prediction.square().mean().backward()
    return prediction.detach(), {name: weight.grad for name, weight in net.named_parameters()}


def assert_same(net, accelerated, image):
    assert list(accelerated.state_dict()) == list(net.state_dict())
    (expected, gradients), (prediction, others) = step(net, image), step(accelerated, image)
    torch.testing.assert_close(prediction, expected, rtol=1e-3, atol=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_last_changes_the_layout_of_weights_alone(name):
    net, image = network_and_image(name)
    accelerated = copy.deepcopy(net)
    accelerate(accelerated, channels_last=True)
    convolutions = [module for module in accelerated.modules() if isinstance(module, nn.Conv2d | nn.Conv3d)]
    assert any(not module.weight.is_contiguous() for module in convolutions)
    assert_same(net, accelerated, image)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_compiled_network_is_the_same_network(name):
    net, image = network_and_image(name)
    accelerated = copy.deepcopy(net)
    accelerate(accelerated, compiles=True)
    assert_same(net, accelerated, image)
    copy.deepcopy(accelerated)  # as the trainer does


def test_nothing_is_done_unless_asked_for():
    net, _ = network_and_image("unet")
    accelerate(net)
    assert net._compiled_call_impl is None
    assert all(weight.is_contiguous() for weight in net.parameters())
