"""Published weights: a Med-DDPM checkpoint in, our network out; nothing in the file is executed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from nibabel.affines import voxel_sizes
from torch import Tensor, nn

from synthtrust.cases import Case
from synthtrust.cases.formats.volumes import read_header
from synthtrust.generators.med_ddpm.network import CHANNELS, DiffusionUNet, empty_network
from synthtrust.refusals import Refusal

MODALITIES = ("t1", "t1ce", "t2", "flair")
"""Channels of the published network, in order."""

LABELS = (1, 2, 3)
"""Labels of the published network, in order: NCR, ED, ET; its fourth channel is the brain around them."""

PREFIX = "denoise_fn."
"""The beginning of the name of every weight of the network in a checkpoint."""

BUFFERS = frozenset(
    {
        "betas",
        "alphas_cumprod",
        "alphas_cumprod_prev",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod",
        "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod",
        "posterior_variance",
        "posterior_log_variance_clipped",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "posterior_mean_coef3",
    }
)
"""Tables of the diffusion that lie beside the weights; they follow from the number of timesteps."""

IN_A_BLOCK = {
    "norm1": "in_layers.0",
    "conv1.conv": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2.conv": "out_layers.3",
    "skip_connection.conv": "skip_connection",
}
"""Our part of a residual block -> theirs."""

SPACING = 1.0  # of the published training cases [mm], and how far a case may be from it
TOLERATED = 0.1
TURNED = (3, 4)
"""Axes of a packed volume ``(B, C, D, H, W)`` along which canonical arrays, towards right, anterior and superior, are
mirrored: BraTS files, which the published network learned from, run towards left, posterior and superior."""

SHOWN = 12  # keys listed in full in an error


def read_checkpoint(path: str | Path) -> Mapping[str, Tensor]:
    """Read the averaged weights (``ema``) of a Med-DDPM checkpoint, without executing anything in the file.

    Raises:
        Refusal: If there is no such file, it holds anything but weights, or has no ``ema``.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise Refusal(f"Expected a Med-DDPM checkpoint at {path}, but there is no such file.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the unpickler stumble in many ways
        raise Refusal(
            f"Expected a file of weights, but {path} is damaged or holds something else, which was not executed "
            f"({type(error).__name__}). Get the file from its authors again."
        ) from error
    ema = checkpoint.get("ema") if isinstance(checkpoint, Mapping) else None
    if not isinstance(ema, Mapping):
        keys_found = (
            sorted(map(str, checkpoint))[:SHOWN] if isinstance(checkpoint, Mapping) else type(checkpoint).__name__
        )
        raise Refusal(f"Expected a Med-DDPM checkpoint with weights under 'ema', but got {keys_found} in {path}.")
    if (betas := ema.get("betas")) is not None and not (isinstance(betas, Tensor) and betas.ndim == 1):
        raise Refusal(f"Expected betas (T,) in {path}, but got something else. Get the file from its authors again.")
    return ema


def check_voxels(cases: Sequence[Case]) -> None:
    """Refuse cases whose voxels are not those that the published weights know.

    Raises:
        Refusal: If a side of a voxel is further from 1 mm than a published image may be; the message names the case.
    """
    for case in cases:
        _, affine = read_header(case.require_label_map())
        sides = voxel_sizes(affine)
        if (abs(sides - SPACING) > TOLERATED).any():
            raise Refusal(
                f"Expected voxels of {SPACING:g} mm, on which the published weights were trained, but case {case.id} "
                f"has {' x '.join(f'{side:.3g}' for side in sides)} mm. Resample the cases, or train on them without "
                "weights."
            )


class TowardsBraTS(nn.Module):
    """Lets a network that knows BraTS files paint canonical arrays: it sees them mirrored, and so is what it tells."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return what the network tells of ``(B, C, D, H, W)``."""
        prediction: Tensor = self.network(x.flip(TURNED), timesteps)
        return prediction.flip(TURNED)


def load_published(
    state_dict: Mapping[str, Tensor],
    *,
    in_channels: int = 8,
    out_channels: int = 4,
    channels: Sequence[int] = CHANNELS,
    num_res_blocks: int = 2,
) -> DiffusionUNet:
    """Make the network from the ``ema`` of a checkpoint; its ``forward(x, t)`` tells the noise.

    Args:
        state_dict: Keys with the prefix ``denoise_fn.``; the tables of the diffusion beside them may be left out.
        in_channels: The number of channels of the network that was trained: four modalities and four of the condition.
        out_channels: Four modalities: t1, t1ce, t2, flair.
        channels: Feature maps per level.
        num_res_blocks: Residual blocks per level.

    Returns:
        The network in evaluation mode, on the CPU, in float32. The weights are copies.

    Raises:
        Refusal: If keys are missing or extra, or a tensor has another shape or is not finite; all are listed.
    """
    network = empty_network(
        in_channels=in_channels, out_channels=out_channels, channels=channels, num_res_blocks=num_res_blocks
    )
    _check(state_dict, published_shapes(network))
    ours = {}
    for key, part, published_name in _names(network):
        tensor = state_dict[published_name].detach().float()
        tensor = tensor if part is None else tensor.chunk(3)[part]  # theirs holds query, key and value in one
        ours[key] = tensor.reshape(network.get_parameter(key).shape).clone()
    network.load_state_dict(ours, assign=True)
    return network.eval()


def published_shapes(network: DiffusionUNet) -> dict[str, tuple[int, ...]]:
    """Return every key and shape that a checkpoint of this architecture holds, the diffusion's tables left out."""
    shapes: dict[str, tuple[int, ...]] = {}
    for key, part, published_name in _names(network):
        shape = tuple(network.get_parameter(key).shape)
        if part is not None:
            shape = (3 * shape[0], *shape[1:])
        if published_name.endswith(
            ("qkv.weight", "proj_out.weight")
        ):  # there a convolution over a sequence, here a matrix
            shape = (*shape, 1)
        shapes[published_name] = shape
    return shapes


def _names(network: DiffusionUNet) -> Iterator[tuple[str, int | None, str]]:
    """Yield our key, which third of their tensor it is (None: all of it), and their key."""
    blocks = _blocks(len(network.channels), network.blocks_per_level)
    for key, _ in network.named_parameters():
        block = max((name for name in blocks if key.startswith(name + ".")), key=len)
        stem, _, kind = key.removeprefix(block + ".").rpartition(".")
        third = re.fullmatch(r"attn\.to_([qkv])", stem)
        if third:
            stem = "qkv"
        published_name = {**IN_A_BLOCK, "attn.out_proj": "proj_out"}.get(stem, stem)
        yield (
            key,
            "qkv".index(third[1]) if third else None,
            PREFIX + ".".join(filter(None, (blocks[block], published_name, kind))),
        )


def _blocks(n_levels: int, n_blocks: int) -> dict[str, str]:
    """Map our blocks to theirs: they number all blocks of one way in a row, we by level."""
    names = {
        "conv_in.conv": "input_blocks.0.0",
        "time_embed": "time_embed",
        "middle_block.resnet_1": "middle_block.0",
        "middle_block.attention": "middle_block.1",
        "middle_block.resnet_2": "middle_block.2",
        "out.0": "out.0",
        "out.2.conv": "out.2",
    }
    down = 1  # 0 is the first convolution
    for level in range(n_levels):
        for block in range(n_blocks):
            names[f"down_blocks.{level}.resnets.{block}"] = f"input_blocks.{down + block}.0"
        names[f"down_blocks.{level}.downsampler.op.conv"] = f"input_blocks.{down + n_blocks}.0.op"
        down += n_blocks + 1
        up = level * (n_blocks + 1)
        for block in range(n_blocks + 1):
            names[f"up_blocks.{level}.resnets.{block}"] = f"output_blocks.{up + block}.0"
        names[f"up_blocks.{level}.upsampler.postconv.conv"] = f"output_blocks.{up + n_blocks}.1.conv"
    return names


def _check(state_dict: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    wrong = {
        "missing": [key for key in expected if key not in state_dict],
        "extra": [str(key) for key in state_dict if key not in expected and key not in BUFFERS],
        "no tensor of finite numbers": [key for key in expected if key in state_dict and not _finite(state_dict[key])],
        "of another shape": [
            f"{key} {tuple(state_dict[key].shape)} instead of {shape}"
            for key, shape in expected.items()
            if key in state_dict and tuple(getattr(state_dict[key], "shape", shape)) != shape
        ],
    }
    if wrong["missing"] and not any(str(key).startswith(PREFIX) for key in state_dict):
        raise Refusal(
            f"Expected the weights of a Med-DDPM network, whose keys begin with {PREFIX!r}, but got "
            f"{', '.join(map(str, list(state_dict)[:SHOWN]))} among {len(state_dict)} keys. Give the 'ema' of a "
            "checkpoint, its keys as they are."
        )
    if any(wrong.values()):
        lists = "; ".join(f"{len(keys)} {problem}: {', '.join(keys)}" for problem, keys in wrong.items() if keys)
        raise Refusal(
            f"Expected the {len(expected)} weights of a Med-DDPM network, but got {lists}. Give the 'ema' of a BraTS "
            "checkpoint, and the channels and blocks it was trained with."
        )


def _finite(value: object) -> bool:
    return isinstance(value, Tensor) and bool(torch.isfinite(value).all())
