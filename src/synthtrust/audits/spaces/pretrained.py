"""Feature spaces of published networks, from files of weights of the user: what all share, Inception and RadImageNet.

Nothing is downloaded here. Files are read as weights and plain values, so that no code in them is run.
"""

from abc import ABC, abstractmethod
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
from synthtrust.checkpoints import load_checkpoint
from synthtrust.refusals import MissingFileRefusal, Refusal

LEVELS = ("percentiles", "as_stored")
"""How intensities become grey levels of 0 to 255: the 0.5th and the 99.5th percentile of the image become black and
white, or the levels in the file are taken as they are."""
PERCENTILES = (0.5, 99.5)
_LOADING = Lock()


@dataclass
class Pretrained(ABC):
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

    @abstractmethod
    def _network(self) -> nn.Module:
        """Return the network, not yet loaded."""

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
            first, *rest = weight_name_parts(key, "backbone")
            if first != "fc":
                state[".".join([self.PARTS.get(first, first), *rest])] = value
        return state

    def _prepared(self, pixels: Tensor) -> Tensor:
        scaled = (pixels.flip(1) - 127.5) * 2 / 255  # blue, green and red, as its publishers read files
        return F.interpolate(scaled, (self.SIDE, self.SIDE), mode="bilinear", align_corners=False)


def weight_name_parts(key: str, wrapper: str) -> list[str]:
    """Return the parts of the name of a weight, without that of what the network was wrapped in.

    >>> weight_name_parts("module.conv1.weight", "module")
    ['conv1', 'weight']
    """
    first, *rest = key.split(".")
    return rest if first == wrapper and rest else [first, *rest]
