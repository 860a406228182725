"""Inception-v3 as Frechet inception distances have it: the network of 2015 with the quirks of its TensorFlow graph.

It is built here after the paper and the names in the published file of weights, since packages that define it bring
torchvision as well. It differs from the Inception-v3 of most libraries in what published numbers depend on: average
pools leave out the padding, the last block has a maximum pool, and images are resized without half-pixel centres.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name by which everybody knows it

Kernel = int | tuple[int, int]
Layer = tuple[str, int, Kernel]
"""Name, output channels, and kernel of a convolution; its padding keeps the size."""
SIDE = 299
"""Side that images are resized to [pixels]."""
N_CLASSES = 1008


class Convolution(nn.Module):
    """Convolution without bias, batch normalisation and ReLU."""

    def __init__(self, n_in: int, n_out: int, kernel: Kernel, *, stride: int = 1, padded: bool = True) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(n_in, n_out, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Return the feature maps of images ``(N, C, H, W)``."""
        maps: Tensor = F.relu(self.bn(self.conv(x)))
        return maps


class Block(nn.Module):
    """Branches side by side, whose maps are joined.

    Args:
        n_in: Channels that come in.
        branches: The convolutions of each branch, one after the other; the last step of a branch may be a fork.
        pool: What the last branch pools with, ``mean`` or ``max``.
        pooled: Channels of the convolution after it; 0 for none.
        halves: Whether the block halves the size: then every last convolution, and the pool, take every second place.
    """

    def __init__(
        self, n_in: int, branches: Sequence[Sequence[Layer | tuple[Layer, Layer]]], pool: str = "mean",
        pooled: int = 0, *, halves: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pool, self.halves = pool, halves
        self.steps: list[list[tuple[str, ...]]] = []
        self.n_out = pooled or n_in
        for branch in branches:
            n, steps = n_in, []
            for number, step in enumerate(branch):
                layers: tuple[Layer, ...] = (step,) if isinstance(step[0], str) else step
                last = halves and number == len(branch) - 1
                for name, n_out, kernel in layers:
                    self.add_module(name, Convolution(n, n_out, kernel, stride=1 + last, padded=not last))
                n = sum(layer[1] for layer in layers)
                steps.append(tuple(layer[0] for layer in layers))
            self.steps.append(steps)
            self.n_out += n
        self.branch_pool = Convolution(n_in, pooled, 1) if pooled else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the joined maps ``(N, n_out, H, W)``."""
        return torch.cat([*self._branches(x), self._pooled(x)], dim=1)

    def _branches(self, x: Tensor) -> Iterator[Tensor]:
        for steps in self.steps:
            maps = x
            for names in steps:
                maps = torch.cat([self.get_submodule(name)(maps) for name in names], dim=1)
            yield maps

    def _pooled(self, x: Tensor) -> Tensor:
        if self.halves:
            return F.max_pool2d(x, 3, 2)
        maps = F.max_pool2d(x, 3, 1, 1) if self.pool == "max" else F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return maps if self.branch_pool is None else self.branch_pool(maps)


class InceptionV3(nn.Module):
    """The network up to its last pool: 2048 features of pictures of 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2, padded=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, padded=False)
        n = 192
        self.names = []
        for name, block in _blocks(n):
            self.add_module(name, block)
            self.names.append(name)
        self.fc = nn.Linear(2048, N_CLASSES)  # in the file of weights, and never used

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features ``(N, 2048)`` of pictures ``(N, 3, H, W)`` of 0 to 255, which are resized here."""
        x = (resized(pixels.float(), SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name in self.names:
            x = self.get_submodule(name)(x)
        return x.mean(dim=(2, 3))


def _blocks(n_in: int) -> Iterator[tuple[str, Block]]:
    """Yield the eleven blocks by the names that the file of weights has."""
    n = n_in
    for letter, pooled in (("b", 32), ("c", 64), ("d", 64)):
        of_5x5: list[Layer] = [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]
        of_3x3: list[Layer] = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
        block = Block(n, [[("branch1x1", 64, 1)], of_5x5, of_3x3], pooled=pooled)
        yield f"Mixed_5{letter}", block
        n = block.n_out
    block = Block(
        n,
        [
            [("branch3x3", 384, 3)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
        ],
        halves=True,
    )
    yield "Mixed_6a", block
    n = block.n_out
    for letter, c in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
        of_7x7: list[Layer] = [("branch7x7_1", c, 1), ("branch7x7_2", c, (1, 7)), ("branch7x7_3", 192, (7, 1))]
        of_two: list[Layer] = [
            ("branch7x7dbl_1", c, 1), ("branch7x7dbl_2", c, (7, 1)), ("branch7x7dbl_3", c, (1, 7)),
            ("branch7x7dbl_4", c, (7, 1)), ("branch7x7dbl_5", 192, (1, 7)),
        ]  # fmt: skip
        block = Block(n, [[("branch1x1", 192, 1)], of_7x7, of_two], pooled=192)
        yield f"Mixed_6{letter}", block
        n = block.n_out
    block = Block(
        n,
        [
            [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)],
            [("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1)),
             ("branch7x7x3_4", 192, 3)],
        ],
        halves=True,
    )  # fmt: skip
    yield "Mixed_7a", block
    n = block.n_out
    for letter, pool in (("b", "mean"), ("c", "max")):
        block = Block(
            n,
            [
                [("branch1x1", 320, 1)],
                [("branch3x3_1", 384, 1), (("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1)))],
                [("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3),
                 (("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1)))],
            ],
            pool,
            pooled=192,
        )  # fmt: skip
        yield f"Mixed_7{letter}", block
        n = block.n_out


def resized(pictures: Tensor, side: int) -> Tensor:
    """Return pictures ``(N, C, H, W)`` resized as TensorFlow 1 did: pixel i of the result lies at i times the ratio.

    >>> resized(torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]]), 4)[0, 0, 0].tolist()
    [0.0, 2.0, 4.0, 4.0]
    """
    for axis in (2, 3):
        n = pictures.shape[axis]
        place = torch.arange(side, dtype=torch.float32) * (n / side)
        low = place.long()
        high = (low + 1).clamp_max(n - 1)
        share = (place - low).reshape([-1 if axis == other else 1 for other in range(4)]).to(pictures)
        before, after = (pictures.index_select(axis, index.to(pictures.device)) for index in (low, high))
        pictures = before + (after - before) * share
    return pictures
