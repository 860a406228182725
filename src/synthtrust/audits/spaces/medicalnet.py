"""The feature space of MedicalNet: a 3-D residual network that learned from medical volumes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from synthtrust.audits.spaces.pretrained import Pretrained, weight_name_parts
from synthtrust.cases.resizing import resize
from synthtrust.refusals import Refusal

DEPTHS = (10, 18, 34, 50)
"""Layers of the networks that are published."""


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
        return {".".join(weight_name_parts(key, "module")): value for key, value in weights.items()}
