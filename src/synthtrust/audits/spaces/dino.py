"""The feature space of DINO: a vision transformer that learned from photographs without labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

from synthtrust.audits.spaces.pretrained import PlaneNetwork

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of red, green and blue, of levels of 0 to 1."""


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
        return ClassToken(net)

    def _state(self, loaded: dict[str, Any], net: nn.Module) -> dict[str, Any]:
        try:
            unused = {key: value for key, value in net.state_dict().items() if "cross_attn" in key}  # of older MONAI
            return unused | as_monai(loaded)
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


class ClassToken(nn.Module):
    """The class token of MONAI's ViT."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens ``(B, width)`` of pictures ``(B, 3, 224, 224)``."""
        token: Tensor = self.net(x)[0]
        return token


def as_monai(loaded: Mapping[str, Any]) -> dict[str, Any]:
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
