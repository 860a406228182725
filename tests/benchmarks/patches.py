"""Station: patches to train on, steady state, against MONAI's PersistentDataset and against loading from NIfTI."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from math import nan
from pathlib import Path

import numpy as np
import torch
from monai.data import Dataset, PersistentDataset
from torch import Tensor

from benchmarks.brains import MODALITIES, augmenting, brains, cropping, files_of, loading, share_labelled
from benchmarks.measure import Comparison
from synthtrust.data.cache import prepare
from synthtrust.data.patches import ROOM, MappedCases, Patches

Item = Mapping[str, Tensor]
DRAWN = 16
"""Patches that a round draws, and by which both sides are compared."""


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
        transforms = [*loading(), *cropping(side), *augmenting()]
        persistent = PersistentDataset(files_of(cohort), transforms, cache_dir=home / "persistent")
        plain = Dataset(files_of(cohort), transforms)
        for peer, name, goal, n, rounds in (
            (persistent, "`PersistentDataset`", "20 x", DRAWN, 5),
            (plain, "loading from NIfTI", "100 x", 4, 2),
        ):

            def item(index: int, peer=peer) -> Item:
                return peer[index % len(peer)][0]

            yield Comparison(
                "Patches to train on",
                f"{n} patches of 4 x {side}^3, {size}{beyond}",
                one_by_one(patches.__getitem__, count(), n),
                goal,
                one_by_one(item, count(), n),
                name,
                agreement_of(patches.__getitem__, item) if peer is persistent else lambda product, peer: "",
                rounds=1 if is_quick else rounds,
                bytes_moved=n * side**3 * (len(MODALITIES) * (2 + 4) + 2),
                size=side**3 if room else nan,
                grows_with=f"voxels of a patch ({n} patches, {size})",
            )
