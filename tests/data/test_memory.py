"""What training keeps of a case is a few positions, however large the case: memory does not grow with the images."""

import json
import tracemalloc

import numpy as np

from synthtrust.data.cache import FACTS, POINTS, Prepared
from synthtrust.data.patches import Patches

SIDE, LABELS = 48, 3


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
