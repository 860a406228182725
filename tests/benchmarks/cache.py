"""Station: filling the cache, against a loop over MONAI's transforms that stores what they make."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import Dataset

from benchmarks.brains import GRIDS, MODALITIES, brains, files_of, loading
from benchmarks.measure import Comparison
from synthtrust.data.cache import prepare
from synthtrust.files import hashes

Arrays = list[tuple[Any, Any]]


def agree(product: Arrays, peer: Arrays) -> str:
    """Raise if a label differs, or an intensity by more than float16 leaves open."""
    worst = 0.0
    for (image, label), (peer_image, peer_label) in zip(product, peer, strict=True):
        np.testing.assert_array_equal(label, peer_label)
        worst = max(worst, float(np.abs(image.astype(np.float32) - peer_image.astype(np.float32)).max()))
    if worst > 0.02:
        raise AssertionError(f"Expected equal intensities, but they differ by {worst:g} standard deviations.")
    return f"labels equal, intensities within {worst:.1g} SD"


def comparisons(folder: Path, is_quick: bool) -> Iterator[Comparison]:
    """Return both sizes of a cohort, and two numbers of cases."""
    for size, count in (("2 mm", 4), ("2 mm", 16), ("full size", 2), ("full size", 4)):
        if is_quick and (size, count) != ("2 mm", 4):
            continue
        home = folder / f"{size} {count}"
        cohort = brains(home / "cases", size, count)
        dataset = Dataset(files_of(cohort), loading())

        def fill(cohort=cohort, home=home) -> Arrays:
            shutil.rmtree(home / "cache", ignore_errors=True)
            hashes._known.clear()  # a new process knows of no file yet
            return [(case.image(), case.label()) for case in prepare(cohort.cases, cohort.modalities, home / "cache")]

        def loop(dataset=dataset, home=home) -> Arrays:
            (home / "peer").mkdir(exist_ok=True)
            stored = []
            for n in range(len(dataset)):
                item = dataset[n]
                image, label = item["image"].numpy().astype(np.float16), item["label"][0].numpy().astype(np.uint8)
                paths = home / "peer" / f"{n}_image.npy", home / "peer" / f"{n}_label.npy"
                for path, array in zip(paths, (image, label), strict=True):
                    np.save(path, array)
                stored.append(tuple(np.load(path, mmap_mode="r") for path in paths))
            return stored

        voxels = float(np.prod(GRIDS[size][0])) * count
        yield Comparison(
            "Filling the cache", f"{count} cases, {len(MODALITIES)} x {size}", fill, "1.5 x", loop,
            "MONAI's transforms, stored as float16 and bytes", agree, rounds=1 if is_quick else 3,
            bytes_moved=voxels * (2 * len(MODALITIES) + 2), size=count, grows_with=f"cases of {size}",
        )  # fmt: skip
