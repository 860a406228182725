"""What training keeps of a case is a few positions, and maps of files up to a limit: memory is flat in the cases."""

import json
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from synthtrust.data.cache import FACTS, POINTS, Prepared
from synthtrust.data.patches import MappedCases, Patches

SIDE, LABELS = 48, 3
STATUS = Path("/proc/self/status")


def test_training_is_flat_in_the_number_of_cases(tmp_path):
    """Sixty cases of 0.9 MB each are drawn from; what stays of a case is less than a tenth of it."""
    rng = np.random.default_rng(0)
    image = rng.standard_normal((4, SIDE, SIDE, SIDE)).astype(np.float16)
    np.save(tmp_path / "image.npy", image)
    np.save(tmp_path / "label.npy", rng.integers(0, LABELS + 1, (SIDE, SIDE, SIDE), dtype=np.uint8))
    voxels = rng.integers(0, SIDE, (LABELS * POINTS, 3))
    points = np.c_[np.repeat(np.arange(LABELS) + 1, POINTS), voxels].astype(np.int16)
    np.save(tmp_path / "points.npy", points)
    (tmp_path / FACTS).write_text(json.dumps({}))
    held = []
    for n in (6, 60):
        patches = Patches([Prepared(None, tmp_path) for _ in range(n)], (16, 16, 16))
        tracemalloc.start()
        for draw in range(3 * n):
            patches[draw]
        held.append(tracemalloc.get_traced_memory())
        tracemalloc.stop()
    kept, peak = ((after - before) / 54 for before, after in zip(*held, strict=True))
    assert kept < points.nbytes + 10_000  # the positions of each case, and a few Python objects
    assert peak < points.nbytes + 10_000 < image.nbytes / 10


def resident():
    """Return the resident memory of this process [bytes], pages of mapped files among them."""
    (kib,) = (line.split()[1] for line in STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(kib) * 2**10


@pytest.mark.skipif(not STATUS.is_file(), reason="the system does not say what is resident")
def test_what_stays_resident_of_mapped_cases_is_bounded(tmp_path):
    """Forty cases of 4.6 MB, all of whose pages are touched: 18 MB stay where the limit says so, and else all."""
    image = np.ones((4, 80, 80, 80), np.float16)
    folders = [tmp_path / str(n) for n in range(40)]
    folders[0].mkdir()
    np.save(folders[0] / "image.npy", image)
    np.save(folders[0] / "label.npy", np.ones(image.shape[1:], np.uint8))
    for folder in folders[1:]:
        shutil.copytree(folders[0], folder, copy_function=os.link)  # one file on disk, forty maps
    size, grown = image.nbytes + image[0].size, {}
    for room in (4 * size, 40 * size):
        mapped, before = MappedCases(room), resident()
        for folder in folders:
            for array in mapped[Prepared(None, folder)]:
                assert array.max() == 1
        grown[room] = resident() - before
        assert mapped.taken == room
        del mapped
    limited, whole = grown.values()
    assert limited < 8 * size
    assert whole > 30 * size
