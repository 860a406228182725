"""What is painted without a network is the same with the kernels of other processors, and with more threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

from synthtrust.testing import tiny_cases, tiny_classes

PAINT = """
import sys
import numpy as np
import torch
from synthtrust.generators import ClassMixture, Tissue
from synthtrust.testing import tiny_cases, tiny_classes

home = sys.argv[1]
labelled, classified = tiny_cases(home + "/labelled", count=6), tiny_classes(home + "/classified", count=40).cases
tissue, mixture = Tissue().fit(labelled), ClassMixture(min_members=5).fit(classified)
images = {}
for n in range(4):
    twin = tissue.sample(labelled[n].load_label(), np.random.default_rng(n))
    images |= {f"{n} {name}": image for name, image in twin.items()}
    images[f"{n} of a class"] = mixture.sample(n % 2, np.random.default_rng(n))["grey"]
np.savez(sys.argv[2], **images)
"""
KERNELS = (
    "OPENBLAS_CORETYPE=Haswell", "OPENBLAS_CORETYPE=Prescott", "ATEN_CPU_CAPABILITY=default", "OMP_NUM_THREADS=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Images that a new process paints whose libraries are told to compute otherwise, all from the same files."""
    home = tmp_path_factory.mktemp("kernels")
    tiny_cases(home / "labelled", count=6)
    tiny_classes(home / "classified", count=40)

    def _painted(kernel):
        name, _, value = kernel.partition("=")
        file = home / f"{name}_{value}.npz"
        environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({name: value} if name else {})
        subprocess.run([sys.executable, "-c", PAINT, home, file], env=environment, check=True)
        return np.load(file)

    return _painted


@pytest.mark.slow
def test_images_are_the_same_within_rounding(painted):
    expected = painted("")
    for kernel in KERNELS:
        for name, image in painted(kernel).items():
            difference = np.abs(image - expected[name]).max() / expected[name].std()
            assert difference < 1e-4, f"{name} differs by {difference:.2g} standard deviations with {kernel}"
