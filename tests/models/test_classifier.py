"""The classifier: takes any network of MONAI, weighs classes, refuses images its network cannot take, learns."""

from functools import partial

import pytest
import torch
from monai.networks.nets import DenseNet, EfficientNetBN, ResNet, ViT
from torch.nn.functional import cross_entropy

from synthtrust.cases import Case
from synthtrust.models import Classifier

RESNET = partial(ResNet, "basic", [1, 1, 1, 1], [4, 8, 8, 8], conv1_t_size=3)
RESNET_NAMES = {"channels": "n_input_channels", "classes": "num_classes", "dims": "spatial_dims"}
VIT = partial(ViT, patch_size=4, hidden_size=12, mlp_dim=12, num_layers=1, num_heads=2, classification=True)
VIT_NAMES = {"channels": "in_channels", "classes": "num_classes", "dims": "spatial_dims", "size": "img_size"}
NETS = {
    "resnet": (RESNET, RESNET_NAMES),
    "densenet": (partial(DenseNet, init_features=4, growth_rate=4, block_config=(1, 1)), None),
    "efficientnet": (
        partial(EfficientNetBN, "efficientnet-b0", pretrained=False),
        {"channels": "in_channels", "classes": "num_classes", "dims": "spatial_dims"},
    ),
    "vit": (partial(VIT, post_activation="none"), VIT_NAMES),
}


def classifier(net=RESNET, names=RESNET_NAMES, size=(16, 20), **arguments):
    torch.manual_seed(0)
    return Classifier(
        net,
        partial(torch.optim.AdamW, lr=1e-2),
        channels=2,
        classes=["normal", "bacterial", "viral"],
        size=size,
        **({} if names is None else {"names": names}),
        **arguments,
    )


@pytest.mark.parametrize("size", [(32, 36), (32, 32, 36)], ids=["plane", "volume"])
@pytest.mark.parametrize("name", NETS)
def test_any_network_gives_probabilities_of_every_class(name, size):
    model = classifier(*NETS[name], size=size)
    model.check_size(size)
    probability = model.eval().predict(torch.randn(2, 2, *size))
    assert probability.shape == (2, 3)
    torch.testing.assert_close(probability.sum(1), torch.ones(2, dtype=torch.float64))


def test_images_the_network_cannot_take_are_refused_and_the_network_is_left_alone():
    with pytest.raises(ValueError, match=r"Expected images that ViT can be trained on, but got \(18, 18\).*data.size"):
        classifier(VIT, VIT_NAMES).check_size((18, 18))
    with pytest.raises(ValueError, match=r"it gives logits of \(2, 5\) for two images"):
        classifier(partial(RESNET, num_classes=5), {"channels": "n_input_channels", "dims": "spatial_dims"}).check_size(
            (16, 20)
        )
    model = classifier().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.check_size((16, 20))
    assert not model.training
    torch.testing.assert_close(dict(model.state_dict()), before)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, [1, 1, 1]), ("balanced", [4 / 9, 4 / 3, 0]), ([1, 2, 4], [1, 2, 4])],
)
def test_classes_are_weighed_as_asked_for(wanted, expected):
    model = classifier(class_weights=wanted, class_counts=[30, 10, 0], label_smoothing=0.1)
    torch.testing.assert_close(model.weights, torch.tensor(expected, dtype=torch.float32))
    batch = {"image": torch.randn(4, 2, 16, 20), "label": torch.tensor([0, 1, 0, 1])}
    model.log = lambda *args, **kwargs: None
    model.eval()
    loss = cross_entropy(model(batch["image"]), batch["label"], model.weights, label_smoothing=0.1)
    torch.testing.assert_close(model.training_step(batch, 0), loss)


@pytest.mark.parametrize("wanted", [[1, 2], "even"])
def test_weights_that_do_not_fit_the_classes_are_refused(wanted):
    with pytest.raises(ValueError, match=r"Expected model.class_weights null, balanced or one number for each of"):
        classifier(class_weights=wanted)


def test_cases_that_are_all_but_certain_keep_their_order():
    model = classifier()
    model.net = torch.nn.Identity()
    probability = model.predict(torch.tensor([[20.0, 0, 0], [22.0, 0, 0]]))
    assert probability[1, 0] > probability[0, 0]
    assert (torch.tensor([[20.0, 0, 0], [22.0, 0, 0]]).softmax(1)[:, 0] == 1).all()  # single precision has lost it


def test_a_row_of_the_scores_names_case_target_and_class():
    rows = classifier().rows_of(Case("a", {}, class_index=2, patient="p"), "real", torch.tensor([0.25, 0.25, 0.5]))
    assert [row["class"] for row in rows] == ["normal", "bacterial", "viral"]
    assert rows[2] == {
        "case": "a", "patient": "p", "source": "real", "target": "viral", "class": "viral", "probability": 0.5,
    }  # fmt: skip


def test_weights_of_classes_are_no_part_of_a_checkpoint():
    assert not [name for name in classifier(class_weights=[1, 2, 4]).state_dict() if "weights" in name]


def test_the_schedule_steps_with_the_optimizer():
    made = classifier(scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=1)).configure_optimizers()
    assert made["lr_scheduler"]["interval"] == "step"
