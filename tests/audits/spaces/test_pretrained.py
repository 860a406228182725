"""Published networks: the same features as where they were published, and refused in one line where they cannot be."""

import importlib.util
import sys
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
import torch
from monai.networks.nets import resnet
from monai.networks.nets.vit import ViT
from torch import nn

from helpers.painted_sets import QUICK, painted, texture
from helpers.synthetic_sets import CLASSES, plane
from synthtrust.audits import Fidelity
from synthtrust.audits.spaces import Dino, Inception, LowResolution, MedicalNet, RadImageNet
from synthtrust.audits.spaces.dino import ClassToken, as_monai
from synthtrust.audits.spaces.inception import InceptionV3, resized
from synthtrust.audits.spaces.pretrained import axial, grey_levels
from synthtrust.cases import Cohort
from synthtrust.refusals import MissingFileRefusal, Refusal

PIXELS = ((torch.arange(3 * 40 * 52).reshape(1, 3, 40, 52) * 37) % 256).to(torch.uint8)
THEIRS = (1.0995, 1.6884, 3.4478e-03, 6.8426e-04, 0.19015, 0.082273, 8.5385e-03, 0.0)
"""Every 256th of the 2048 features that torch-fidelity 0.4.0 gives of ``PIXELS`` with the weights of `wavy`."""


def wavy(net):
    """Return weights that no generator of random numbers has drawn."""
    state = {}
    for key, value in net.state_dict().items():
        wave = torch.cos(torch.arange(value.numel(), dtype=torch.float64) * 1.7 + len(key))
        if key.endswith("running_var"):
            wave = 1 + 0.5 * wave
        elif value.ndim > 1:
            wave = wave * (2.0 / value[0].numel()) ** 0.5 * 1.4
        else:
            wave = 1 + 0.3 * wave if key.endswith("bn.weight") else 0.1 * wave
        state[key] = value if key.endswith("num_batches_tracked") else wave.reshape(value.shape).float()
    return state


@pytest.fixture(scope="module")
def inception():
    with torch.device("meta"):
        net = InceptionV3()
    net = net.to_empty(device="cpu").eval()
    for key, value in net.state_dict().items():
        if key.endswith("num_batches_tracked"):
            value.zero_()
    net.load_state_dict(wavy(net))
    return net


def test_inception_has_the_features_that_torch_fidelity_gave(inception):
    with torch.no_grad():
        features = inception(PIXELS)[0]
    assert features.shape == (2048,)
    torch.testing.assert_close(features[::256], torch.tensor(THEIRS), rtol=1e-3, atol=1e-5)
    assert float(features.mean()) == pytest.approx(0.1641, abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed")
def test_inception_has_the_features_of_the_installed_torch_fidelity(inception, tmp_path, monkeypatch):
    """Its network alone is imported: the package as a whole wants torchvision."""
    package = ModuleType("torch_fidelity")
    package.__path__ = importlib.util.find_spec("torch_fidelity").submodule_search_locations
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    published = import_module("torch_fidelity.feature_extractor_inceptionv3")
    for seed in range(3):
        torch.manual_seed(seed)
        state = {
            key: (
                0.5 + torch.rand(value.shape)
                if value.ndim == 1
                else torch.randn(value.shape) * (2 / value[0].numel()) ** 0.5
            )
            if value.is_floating_point()
            else value
            for key, value in inception.state_dict().items()
        }
        torch.save(state, tmp_path / "weights.pth")
        theirs = published.FeatureExtractorInceptionV3(
            "any", ["2048"], feature_extractor_weights_path=tmp_path / "weights.pth"
        )
        ours = InceptionV3().eval()
        ours.load_state_dict(state)
        with torch.no_grad():
            torch.testing.assert_close(ours(PIXELS), theirs(PIXELS)[0], rtol=1e-4, atol=1e-4)


def test_pictures_are_resized_as_tensorflow_1_did():
    row = torch.tensor([0.0, 3.0, 6.0])
    expected = torch.tensor([0.0, 1.5, 3.0, 4.5, 6.0, 6.0])  # pixel i lies at i / 2, and beyond the last is the last
    torch.testing.assert_close(resized(row.expand(1, 1, 3, 3), 6)[0, 0, 0], expected)


def published_vit(width, depth, patches):
    """Return weights by the names in a file of DINO."""
    torch.manual_seed(0)
    sizes = {
        "cls_token": (1, 1, width), "pos_embed": (1, 1 + patches, width), "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,), "norm.weight": (width,), "norm.bias": (width,),
    }  # fmt: skip
    for i in range(depth):
        sizes |= {
            f"blocks.{i}.{name}.{kind}": (n_out, n_in) if kind == "weight" and n_in else (n_out,)
            for name, n_out, n_in in (("norm1", width, 0), ("attn.qkv", 3 * width, width), ("attn.proj", width, width),
                                      ("norm2", width, 0), ("mlp.fc1", 4 * width, width), ("mlp.fc2", width, 4 * width))
            for kind in ("weight", "bias")
        }  # fmt: skip
    return {name: 0.3 * torch.randn(size) for name, size in sizes.items()}


def test_dino_is_the_transformer_that_pytorch_builds_of_the_same_weights():
    width, heads, depth = 48, 3, 2
    weights = published_vit(width, depth, patches=4)
    net = ViT(3, 32, 16, width, 4 * width, depth, heads, classification=True, spatial_dims=2, qkv_bias=True,
              post_activation="")  # fmt: skip
    net.classification_head = nn.Identity()
    for part in net.modules():
        if isinstance(part, nn.LayerNorm):
            part.eps = 1e-6
    ours = ClassToken(net).eval()
    unused = {key: value for key, value in ours.state_dict().items() if "cross_attn" in key}
    ours.load_state_dict(unused | as_monai(weights))
    x = torch.randn(2, 3, 32, 32)
    patches = nn.functional.conv2d(x, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], 16)
    tokens = torch.cat([weights["cls_token"].expand(2, -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
    tokens = tokens + weights["pos_embed"]
    for i in range(depth):
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
        )
        of = {name: weights[f"blocks.{i}.{name}"] for name in (
            "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias")}  # fmt: skip
        of |= {"self_attn.in_proj_weight": weights[f"blocks.{i}.attn.qkv.weight"],
               "self_attn.in_proj_bias": weights[f"blocks.{i}.attn.qkv.bias"]}  # fmt: skip
        for theirs, published in (("self_attn.out_proj", "attn.proj"), ("linear1", "mlp.fc1"), ("linear2", "mlp.fc2")):
            of |= {f"{theirs}.{kind}": weights[f"blocks.{i}.{published}.{kind}"] for kind in ("weight", "bias")}
        layer.load_state_dict(of)
        tokens = layer.train()(tokens)  # without dropout; in evaluation a faster path of another order is taken
    expected = nn.functional.layer_norm(tokens, (width,), weights["norm.weight"], weights["norm.bias"], 1e-6)[:, 0]
    with torch.no_grad():
        torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-4)


def test_radimagenet_has_its_weights_by_place_and_its_pictures_as_published():
    space = RadImageNet("nowhere.pt")
    net = space._network()
    names = {part: place for place, part in space.PARTS.items()}
    published = {}
    for key, value in net.state_dict().items():
        part, _, rest = key.partition(".")
        published[f"backbone.{names[part]}.{rest}"] = value
    assert space._state(published, net).keys() == net.state_dict().keys()
    pictures = torch.tensor([0.0, 51.0, 255.0])[None, :, None, None].expand(1, 3, 224, 224)
    torch.testing.assert_close(space._prepared(pictures)[0, :, 0, 0], torch.tensor([1.0, -0.6, -1.0]))


def test_medicalnet_is_readas_monai_reads_it(tmp_path):
    torch.manual_seed(0)
    theirs = resnet.resnet10(spatial_dims=3, n_input_channels=1, conv1_t_stride=2, feed_forward=False,
                             shortcut_type="B", bias_downsample=False).eval()  # fmt: skip
    torch.save(
        {"state_dict": {f"module.{key}": value for key, value in theirs.state_dict().items()}}, tmp_path / "net.pth"
    )
    space = MedicalNet(str(tmp_path / "net.pth"), grid=16)
    image = torch.randn(2, 16, 16, 16)
    features = space(image, None, [], (1.0, 1.0, 1.0))
    assert features.shape == (1024,)
    with torch.no_grad():
        torch.testing.assert_close(
            features[512:], theirs(image[1].permute(2, 1, 0)[None, None])[0], rtol=1e-4, atol=1e-5
        )
    with pytest.raises(Refusal, match="Expected volumes for MedicalNet"):
        space(torch.randn(1, 16, 16), None, [], (1.0, 1.0))
    with pytest.raises(
        Refusal, match=r"those of another network\. Get the file from https://huggingface\.co/TencentMedicalNet"
    ):
        MedicalNet(str(tmp_path / "net.pth"), depth=18)(image, None, [], (1.0, 1.0, 1.0))


@pytest.mark.parametrize("kind", [Inception, RadImageNet, Dino, MedicalNet])
def test_a_missing_file_is_named_with_the_page_to_get_it_from(kind):
    space = kind("nowhere.pth")
    with pytest.raises(
        MissingFileRefusal, match=rf"nowhere\.pth, but there is no such file\. Get them from {space.page}"
    ):
        space(torch.ones(1, 20, 20, 20), None, [], (1.0, 1.0, 1.0))


def test_volumes_are_seen_as_slices_and_images_as_grey_levels():
    volume = torch.zeros(4, 5, 20)
    volume[:, :, 10:14] = torch.arange(10.0, 14.0)
    assert axial(volume, 2)[:, 0, 0].tolist() == [11.0, 13.0]
    top = torch.arange(4 * 5.0).reshape(4, 5, 1) + 1
    assert axial(top, 1)[0, 0].tolist() == [5.0, 10.0, 15.0, 20.0]  # the most anterior row is above
    assert grey_levels(torch.tensor([0.0, 255.0]), "as_stored").tolist() == [0.0, 255.0]
    with pytest.raises(Refusal, match="Expected grey levels of 0 to 255 with levels=as_stored, but got 0 to 256"):
        grey_levels(torch.tensor([0.0, 256.0]), "as_stored")


class Published:
    """A published network that needs no file."""

    published = True

    def __call__(self, image, label, labels, spacing):
        return torch.cat([image.flatten(1).mean(1), image.flatten(1).std(1), image.flatten()[:6]]).double()


def test_kid_of_all_features_stands_on_the_page_with_n_and_floor(tmp_path):
    rng = np.random.default_rng(0)
    images = [texture(rng) for _ in range(48)]
    cases = tuple(plane(tmp_path / "real", f"p{i:03d}", image, i % 2) for i, image in enumerate(images))
    real = Cohort("textures", cases, ("grey",), CLASSES)
    run = painted(tmp_path / "set", real, [texture(rng) for _ in range(48)], [case.id for case in cases[:24]])
    run = replace(run, n_train=24)
    spaces = {"published": Published(), "low resolution": LowResolution(grid=4)}
    quality = Fidelity(spaces, **QUICK | {"n_permutations": 19})([run])["quality"]
    (row,) = quality[quality["measure"] == "KID, all features"].to_dict("records")
    assert row["space"] == "published"
    assert (row["n_real"], row["n_synthetic"]) == (24, 24)
    assert row["ci_low"] < row["value"] < row["ci_high"]
    assert row["floor_low"] <= row["floor"] <= row["floor_high"]
    assert row["note"] == "8 features, 12 on each side in each draw of the floor."


def test_impossible_settings_are_refused():
    with pytest.raises(Refusal, match="Expected levels among percentiles, as_stored"):
        Inception("weights.pth", levels="window")
    with pytest.raises(Refusal, match="Expected slices of at least 1"):
        Inception("weights.pth", slices=0)
    with pytest.raises(Refusal, match="Expected a depth among 10, 18, 34, 50"):
        MedicalNet("weights.pth", depth=20)
    with pytest.raises(Refusal, match="Expected a grid of at least 16"):
        MedicalNet("weights.pth", grid=8)
