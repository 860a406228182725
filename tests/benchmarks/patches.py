"""Station: patches to train on, steady state, against MONAI's PersistentDataset and against loading from NIfTI."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from math import nan
from pathlib import Path

import numpy as np
import torch
from monai.data import Dataset, PersistentDataset
from monai.transforms import Compose
from torch import Tensor

from benchmarks.apart import Apart
from benchmarks.brains import MODALITIES, augmenting, brains, cropping, files_of, loading, share_labelled
from benchmarks.measure import Comparison
from synthtrust.data.cache import prepare
from synthtrust.data.patches import ROOM, MappedCases, Patches

Item = Mapping[str, Tensor]
DRAWN = 64
"""Patches that a round draws, and by which both sides are compared; with few, what is measured is waking up."""


def agreement_of(product: Callable[[int], Item], peer: Callable[[int], Item]) -> Callable[[Item, Item], str]:
    """Return what compares both sides by patches of their own; tests compare the transforms patch by patch."""

    def agree(_product: Item, _peer: Item) -> str:
        ours, theirs = ([draw(n) for n in range(DRAWN)] for draw in (product, peer))
        for name in ("image", "label"):
            assert ours[0][name].shape == theirs[0][name].shape, (ours[0][name].shape, theirs[0][name].shape)
        shares = [share_labelled(items) for items in (ours, theirs)]
        assert min(shares) > 0.7, f"Expected labels in three of four patches, but got {shares}."
        spread = [np.mean([float(torch.as_tensor(item["image"]).std()) for item in items]) for items in (ours, theirs)]
        np.testing.assert_allclose(*spread, rtol=0.3)
        return "same shapes, shares with a label and spread"

    return agree


def one_by_one(draw: Callable[[int], Item], turn: Iterator[int], count: int) -> Callable[[], Item]:
    """Return a function that draws so many further patches, each of which is dropped for the next, as in training."""

    def run() -> Item:
        for _ in range(count - 1):
            draw(next(turn))
        return draw(next(turn))

    return run


def recipe(files: Sequence[Mapping[str, str]], side: int, cache_dir: Path | None) -> Callable[[int], Item]:
    """Return what draws a numbered patch as a user of MONAI writes it, with a cache on disk or without any."""
    transforms = Compose([*loading(), *cropping(side), *augmenting()]).set_random_state(seed=0)
    data = PersistentDataset(files, transforms, cache_dir=cache_dir) if cache_dir else Dataset(files, transforms)
    return lambda index: data[index % len(data)][0]


def recipe_by_turns(
    files: Sequence[Mapping[str, str]], side: int, cache_dir: Path | None, n: int
) -> Callable[[], None]:
    """Return what draws so many further patches by that recipe and keeps none, in a plain script."""
    draw = one_by_one(recipe(files, side, cache_dir), count(), n)

    def run() -> None:
        draw()  # and no voxels are sent

    return run


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return both cohorts, each against both peers; and the larger one as if it did not fit into what stays mapped."""
    for size, side, room in (
        ("2 mm", 32, ROOM),
        ("2 mm", 64, ROOM),
        ("full size", 64, ROOM),
        ("full size", 96, ROOM),
        ("full size", 96, 0),
    ):
        if is_quick and side != 32:
            continue
        home = folder / f"{size} {side}"
        cohort = brains(home / "cases", size, 4)
        patches = Patches(prepare(cohort.cases, cohort.modalities, home / "cache"), [side] * 3, augment=augmenting())
        patches.mapped = MappedCases(room)
        beyond = "" if room else f", of cases beyond the {ROOM / 2**30:.0f} GiB that stay mapped"
        persistent = recipe(files_of(cohort), side, home / "persistent")
        for cache_dir, name, goal, n, rounds in (
            (home / "persistent", "`PersistentDataset` in a plain script", "20 x", DRAWN, 5),
            (None, "loading from NIfTI in a plain script", "100 x", 16, 2),
        ):
            peer = Apart(recipe_by_turns, files_of(cohort), side, cache_dir, n)
            yield Comparison(
                "Patches to train on",
                f"{n} patches of 4 x {side}^3, {size}{beyond}",
                one_by_one(patches.__getitem__, count(), n),
                goal,
                peer,
                name,
                agreement_of(patches.__getitem__, persistent) if cache_dir else lambda product, peer: "",
                rounds=1 if is_quick else rounds,
                bytes_moved=n * side**3 * (len(MODALITIES) * (2 + 4) + 2),
                size=side**3 if room else nan,
                grows_with=f"voxels of a patch ({n} patches, {size})",
            )
            peer.end()
