"""The segmenter: refuses patches its network cannot take, predicts whole cases, learns."""

from functools import partial

import pytest
import torch
from monai.inferers import SlidingWindowInferer
from monai.losses import DiceCELoss
from monai.networks.nets import SegResNet, SwinUNETR, UNet

from synthtrust.models import Segmenter

SWIN = partial(SwinUNETR, feature_size=12, depths=(1, 1, 1, 1), window_size=4)
SMALL = partial(UNet, spatial_dims=3, channels=(8, 16), strides=(2,), num_res_units=1)
DEEPER = partial(UNet, spatial_dims=3, channels=(8, 16, 32), strides=(2, 2))


def segmenter(net=SMALL, patch=(8, 8, 8), **arguments):
    torch.manual_seed(0)
    return Segmenter(
        net,
        DiceCELoss(softmax=True, to_onehot_y=True, include_background=False),
        partial(torch.optim.AdamW, lr=1e-2),
        SlidingWindowInferer(patch, overlap=0.5, mode="gaussian"),
        in_channels=2,
        regions={"core": (1,), "whole": (1, 2)},
        n_labels=3,
        **arguments,
    )


@pytest.mark.parametrize(
    ("net", "patch"),
    [
        pytest.param(SWIN, (32, 32, 32), id="instance norm needs more than one voxel at the bottleneck"),
        pytest.param(SWIN, (40, 64, 64), id="not a multiple of 32"),
        pytest.param(DEEPER, (30, 32, 32), id="not a multiple of the strides"),
        pytest.param(partial(SegResNet, init_filters=8), (30, 32, 32), id="SegResNet, not a multiple of 8"),
    ],
)
def test_a_patch_the_network_cannot_take_is_refused(net, patch):
    with pytest.raises(
        ValueError, match=r"Expected a patch size that \w+ can be trained on, but got \(.*data.patch_size"
    ):
        segmenter(net).check_size(patch)


@pytest.mark.parametrize(("net", "patch"), [(SWIN, (32, 64, 32)), (SMALL, (10, 8, 12))])
def test_a_patch_the_network_can_take_passes_and_leaves_it_alone(net, patch):
    model = segmenter(net)
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.check_size(patch)
    assert not model.training
    assert next(model.parameters()).device.type == "cpu"
    torch.testing.assert_close(dict(model.state_dict()), before)


def test_a_whole_case_of_any_shape_is_predicted_on_its_own_grid():
    labels = segmenter().eval().predict(torch.randn(1, 2, 11, 7, 13))
    assert labels.shape == (1, 11, 7, 13)
    assert labels.dtype == torch.uint8


def test_counts_are_those_of_the_prediction():
    model = segmenter()
    label = torch.randint(0, 3, (1, 8, 8, 8))
    model.predict = lambda image: label  # the perfect prediction
    intersection, prediction, reference = model.count({"image": torch.zeros(1, 2, 8, 8, 8), "label": label}).unbind(-1)
    torch.testing.assert_close(intersection, reference)
    torch.testing.assert_close(prediction, reference)
    assert reference.tolist() == [[int((label == 1).sum()), int((label > 0).sum())]]


def test_it_learns_what_can_be_seen():
    model = segmenter().train()
    optimizer = model.configure_optimizers()
    label = torch.zeros(2, 1, 8, 8, 8, dtype=torch.int64)
    label[:, :, 2:6, 2:6, 2:6], label[:, :, 3:5, 3:5, 3:5] = 2, 1
    image = torch.cat([label == 1, label == 2], 1) + 0.1 * torch.randn(2, 2, 8, 8, 8)
    for _ in range(60):
        optimizer.zero_grad()
        loss = model.loss(model(image), label)
        loss.backward()
        optimizer.step()
    agreement = (model.eval().predict(image) == label[:, 0]).float().mean()
    assert agreement > 0.97


def test_the_schedule_steps_with_the_optimizer():
    made = segmenter(scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=1)).configure_optimizers()
    assert made["lr_scheduler"]["interval"] == "step"
