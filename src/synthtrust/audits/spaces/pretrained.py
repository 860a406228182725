"""Feature spaces of published networks (Inception, RadImageNet, MedicalNet, DINO), from files of weights of the user.

Nothing is downloaded here. Files are read as weights and plain values, so that no code in them is run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.audits.spaces.inception import InceptionV3
from synthtrust.cases.resizing import resize
from synthtrust.checkpoints import load_checkpoint
from synthtrust.refusals import MissingFileRefusal, Refusal

LEVELS = ("percentiles", "as_stored")
"""How intensities become grey levels of 0 to 255: the 0.5th and the 99.5th percentile of the image become black and
white, or the levels in the file are taken as they are."""
PERCENTILES = (0.5, 99.5)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of red, green and blue, of levels of 0 to 1."""
_LOADING = Lock()


@dataclass
class Pretrained:
    """What all published networks have in common: a file of weights, read once, and the page to get it from."""

    weights: str
    """File with the published weights."""
    published: ClassVar[bool] = True
    """KID of its features as they are stands on the page, for studies that take the same."""
    name: ClassVar[str]
    """The name of the network, for messages."""
    page: ClassVar[str]
    """Where the file is to be had."""

    @cached_property
    def _net(self) -> nn.Module:
        path = Path(self.weights)
        if not path.is_file():
            raise MissingFileRefusal(
                f"Expected the weights of {self.name} at {path}, but there is no such file. Get them from {self.page}, "
                "where their licence stands as well."
            )
        net = self._network()
        loaded: Mapping[str, Any] = load_checkpoint(path, "cpu")
        state = self._state(dict(loaded), net)
        try:
            net.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise Refusal(
                f"Expected the weights of {self.name} in {path}, but got those of another network. Get the file from "
                f"{self.page}."
            ) from error
        return net.eval()

    def _network(self) -> nn.Module:
        """Return the network, not yet loaded."""
        raise NotImplementedError

    def _state(self, loaded: dict[str, Any], net: nn.Module) -> dict[str, Any]:
        """Return the weights by the names of the network, from those in the file."""
        return loaded

    def _features(self, batch: Tensor) -> Tensor:
        with _LOADING:  # several threads ask at once, and one reads the file
            net = self._net
        with torch.inference_mode():
            features: Tensor = net(batch)
        return features.float()


@dataclass
class PlaneNetwork(Pretrained):
    """A network of plane pictures in three colours; a volume is seen as axial slices, and their features are averaged.

    Each modality is seen by itself, as a grey picture, and the features of all are joined; a plane image of three
    channels is a picture in colours.
    """

    levels: str = "percentiles"
    """How intensities become grey levels of 0 to 255, one of `LEVELS`."""
    slices: int = 8
    """Axial slices of a volume, evenly spaced over those that are not 0."""
    raw: ClassVar[bool] = True
    """It is handed the intensities of files."""

    def __post_init__(self) -> None:
        if self.levels not in LEVELS:
            raise Refusal(f"Expected levels among {', '.join(LEVELS)}, but got {self.levels!r}.")
        if self.slices < 1:
            raise Refusal(f"Expected slices of at least 1, but got {self.slices}.")

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return the features ``(d,)`` of each modality, one behind the other.

        Args:
            image: ``(C, H, W)`` or ``(C, H, W, D)`` [intensity units].
            label: Not looked at.
            labels: Not looked at.
            spacing: Not looked at.
        """
        if image.ndim == 3 and len(image) == 3:
            return self._features(self._prepared(grey_levels(image, self.levels)[None]))[0]
        pictures = [grey_levels(channel, self.levels) for channel in image]
        if image.ndim == 4:
            return torch.cat([self._seen(axial(picture, self.slices)).mean(dim=0) for picture in pictures])
        return torch.cat([self._seen(picture[None])[0] for picture in pictures])

    def _seen(self, pictures: Tensor) -> Tensor:
        """Return the features of grey pictures ``(N, H, W)``."""
        return self._features(self._prepared(pictures[:, None].expand(-1, 3, -1, -1)))

    def _prepared(self, pixels: Tensor) -> Tensor:
        """Return what the network is given, of pictures ``(N, 3, H, W)`` of 0 to 255, as its publishers prepared it."""
        return pixels


def grey_levels(image: Tensor, levels: str) -> Tensor:
    """Return whole levels of 0 to 255 of an image.

    >>> grey_levels(torch.arange(1001.0), "percentiles")[[0, 500, 1000]].tolist()
    [0.0, 128.0, 255.0]

    Raises:
        Refusal: If levels are to be taken as they are stored, and are not from 0 to 255.
    """
    if levels == "as_stored":
        if float(image.min()) < 0 or float(image.max()) > 255:
            raise Refusal(
                f"Expected grey levels of 0 to 255 with levels=as_stored, but got {float(image.min()):g} to "
                f"{float(image.max()):g}. Use levels=percentiles."
            )
        return image.float().round()
    low, high = np.percentile(image.numpy(), PERCENTILES)
    return ((image.float() - low) / max(high - low, 1e-12) * 255).clamp(0, 255).round()


def axial(volume: Tensor, n: int) -> Tensor:
    """Return n axial slices ``(n, W, H)`` of a volume ``(H, W, D)``, evenly spaced over those that are not 0.

    They are as one looks at them: anterior above.

    >>> axial(torch.ones(2, 3, 5), 2).shape
    torch.Size([2, 3, 2])
    """
    places = volume.flatten(0, 1).any(dim=0).nonzero().flatten()
    first, last = (int(places[0]), int(places[-1])) if len(places) else (0, volume.shape[2] - 1)
    chosen = first + ((torch.arange(n) + 0.5) / n * (last - first + 1)).long()
    return volume[:, :, chosen].permute(2, 1, 0).flip(1)


@dataclass
class Inception(PlaneNetwork):
    """Inception-v3 as torch-fidelity and the Frechet inception distance have it: 2048 features at its last pool."""

    name: ClassVar[str] = "Inception-v3 of torch-fidelity"
    page: ClassVar[str] = "https://github.com/toshas/torch-fidelity/releases/tag/v0.2.0"

    def _network(self) -> nn.Module:
        return InceptionV3()


@dataclass
class RadImageNet(PlaneNetwork):
    """ResNet-50 of RadImageNet: 2048 features at its last pool, of pictures of 224 x 224 pixels in -1 to 1."""

    name: ClassVar[str] = "ResNet-50 of RadImageNet"
    page: ClassVar[str] = "https://github.com/BMEII-AI/RadImageNet"
    SIDE: ClassVar[int] = 224
    PARTS: ClassVar[Mapping[str, str]] = {
        "0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4",
    }  # fmt: skip
    """Place of a part in the published file -> its name in a ResNet."""

    def _network(self) -> nn.Module:
        from monai.networks.nets.resnet import resnet50

        return resnet50(spatial_dims=2, n_input_channels=3, conv1_t_stride=2, feed_forward=False, bias_downsample=False)

    def _state(self, loaded: dict[str, Any], net: nn.Module) -> dict[str, Any]:
        state = {}
        for key, value in loaded.items():
            first, *rest = _parts(key, "backbone")
            if first != "fc":
                state[".".join([self.PARTS.get(first, first), *rest])] = value
        return state

    def _prepared(self, pixels: Tensor) -> Tensor:
        scaled = (pixels.flip(1) - 127.5) * 2 / 255  # blue, green and red, as its publishers read files
        return F.interpolate(scaled, (self.SIDE, self.SIDE), mode="bilinear", align_corners=False)


@dataclass
class Dino(PlaneNetwork):
    """ViT of DINO in patches of 16 pixels: the class token, 384 features (ViT-S) or 768 (ViT-B), as the file has it."""

    name: ClassVar[str] = "ViT of DINO with patches of 16 pixels"
    page: ClassVar[str] = "https://github.com/facebookresearch/dino"
    SIDE: ClassVar[int] = 224
    SHORTER: ClassVar[int] = 256
    """What the shorter side is resized to before the middle is cut out [pixels]."""

    def _network(self) -> nn.Module:
        from monai.networks.nets.vit import ViT

        size = Path(self.weights).stat().st_size
        width = 768 if size > 150e6 else 384  # 22 and 86 million weights of four bytes
        net = ViT(
            3, self.SIDE, 16, hidden_size=width, mlp_dim=4 * width, num_heads=width // 64, classification=True,
            spatial_dims=2, qkv_bias=True, post_activation="",
        )  # fmt: skip
        net.classification_head = nn.Identity()
        for part in net.modules():
            if isinstance(part, nn.LayerNorm):
                part.eps = 1e-6
        return _ClassToken(net)

    def _state(self, loaded: dict[str, Any], net: nn.Module) -> dict[str, Any]:
        try:
            unused = {key: value for key, value in net.state_dict().items() if "cross_attn" in key}  # of older MONAI
            return unused | _as_monai(loaded)
        except (KeyError, IndexError, AttributeError):
            return {}  # which load_state_dict refuses

    def _prepared(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        ratio = self.SHORTER / min(height, width)
        size = [max(round(side * ratio), self.SHORTER) for side in (height, width)]
        larger = F.interpolate(pixels, size, mode="bicubic", antialias=True, align_corners=False)
        top, left = ((side - self.SIDE) // 2 for side in size)
        middle = larger[:, :, top : top + self.SIDE, left : left + self.SIDE].clamp(0, 255).round() / 255
        mean, spread = (torch.tensor(values).reshape(1, 3, 1, 1) for values in IMAGENET)
        return (middle - mean) / spread


class _ClassToken(nn.Module):
    """The class token of MONAI's ViT."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        token: Tensor = self.net(x)[0]
        return token


def _as_monai(loaded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights of a ViT by the names of MONAI's, whose class token has its position in itself."""
    positions = loaded["pos_embed"]
    state = {
        "cls_token": loaded["cls_token"] + positions[:, :1],
        "patch_embedding.position_embeddings": positions[:, 1:],
        "patch_embedding.patch_embeddings.weight": loaded["patch_embed.proj.weight"],
        "patch_embedding.patch_embeddings.bias": loaded["patch_embed.proj.bias"],
    }
    names = {"attn.proj": "attn.out_proj", "mlp.fc1": "mlp.linear1", "mlp.fc2": "mlp.linear2"}
    for key, value in loaded.items():
        if key.split(".")[0] in ("blocks", "norm"):
            for old, new in names.items():
                key = key.replace(old, new)
            state[key] = value
    return {f"net.{key}": value for key, value in state.items()}


@dataclass
class MedicalNet(Pretrained):
    """3-D ResNet of MedicalNet (Med3D), trained on 23 data sets: the features at its last pool, of each modality.

    512 features of a ResNet of 10, 18 or 34 layers, and 2048 of one of 50, as MONAI builds it. Its publishers brought
    each volume to mean 0 and standard deviation 1 over what is not 0, as all images are here.
    """

    depth: int = 10
    """Layers: 10, 18, 34 or 50."""
    grid: int = 64
    """Nodes along each axis that a volume is resized to."""
    name: ClassVar[str] = "MedicalNet"
    page: ClassVar[str] = "https://huggingface.co/TencentMedicalNet"

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise Refusal(f"Expected a depth among {', '.join(map(str, DEPTHS))}, but got {self.depth}.")
        if self.grid < 16:
            raise Refusal(f"Expected a grid of at least 16 nodes, but got {self.grid}.")

    def __call__(self, image: Tensor, label: Tensor | None, labels: Sequence[int], spacing: Sequence[float]) -> Tensor:
        """Return the features ``(d,)`` of each modality, one behind the other.

        Args:
            image: ``(C, H, W, D)``, standardised.
            label: Not looked at.
            labels: Not looked at.
            spacing: Not looked at.

        Raises:
            Refusal: If the image is no volume.
        """
        if image.ndim != 4:
            raise Refusal(f"Expected volumes for MedicalNet, but got an image of {tuple(image.shape)}. Use inception.")
        volumes = resize(image.float(), [self.grid] * 3).permute(0, 3, 2, 1)  # its axes: superior, anterior, right
        return self._features(volumes[:, None]).flatten()

    def _network(self) -> nn.Module:
        from monai.networks.nets import resnet

        bias_downsample, shortcut = resnet.get_medicalnet_pretrained_resnet_args(self.depth)
        net: nn.Module = getattr(resnet, f"resnet{self.depth}")(
            spatial_dims=3, n_input_channels=1, conv1_t_stride=2, feed_forward=False, shortcut_type=shortcut,
            bias_downsample=bias_downsample,
        )  # fmt: skip
        return net

    def _state(self, loaded: dict[str, Any], net: nn.Module) -> dict[str, Any]:
        weights: Any = loaded.get("state_dict", loaded)
        return {".".join(_parts(key, "module")): value for key, value in weights.items()}


def _parts(key: str, wrapper: str) -> list[str]:
    """Return the parts of the name of a weight, without that of what the network was wrapped in.

    >>> _parts("module.conv1.weight", "module")
    ['conv1', 'weight']
    """
    first, *rest = key.split(".")
    return rest if first == wrapper and rest else [first, *rest]


DEPTHS = (10, 18, 34, 50)
