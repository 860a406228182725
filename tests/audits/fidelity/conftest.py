"""What the tests of the fidelity audit share: sets whose faults are known, and volumes with perfect twins."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from helpers.painted_sets import QUICK, SPACES, N, painted, texture
from helpers.synthetic_sets import CLASSES, plane
from synthtrust.audits import Fidelity
from synthtrust.cases import Cohort, Source
from synthtrust.testing import tiny_cohort


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Return sets whose faults are known, all on the same 60 training and 60 unseen patients."""
    home = tmp_path_factory.mktemp("fidelity")
    rng = np.random.default_rng(8)
    images = [texture(rng) for _ in range(2 * N)]
    cases = tuple(plane(home / "real", f"p{i:03d}", image, i % 2) for i, image in enumerate(images))
    real = Cohort("textures", cases, ("grey",), CLASSES)
    ids = [case.id for case in cases[:N]]
    fresh = [texture(rng) for _ in range(2 * N)]
    few = [fresh[i % 5] + rng.normal(0, 2, (28, 28)) for i in range(2 * N)]
    sets = {
        "honest": fresh,
        "replay": images,
        "blurred": [gaussian_filter(image, 1.0) for image in fresh],
        "noise": [rng.uniform(1, 255, (28, 28)) for _ in range(2 * N)],
        "collapsed": few,
        "dark": [image - 20 for image in fresh],
    }
    return {name: painted(home / name, real, some, ids) for name, some in sets.items()}


@pytest.fixture(scope="session")
def tables(runs):
    return Fidelity(SPACES, **QUICK)(runs.values())


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """Twelve tiny brains and their perfect twins."""
    folder = tmp_path_factory.mktemp("volumes")
    cohort = tiny_cohort(folder / "real", 12)
    twins = tiny_cohort(folder / "twins", 12)
    cases = tuple(replace(case, source=Source.SYNTHETIC, relabel=None, class_index=mine.class_index, id=mine.id,
                          patient=mine.patient) for case, mine in zip(twins.cases, cohort.cases))  # fmt: skip
    return cohort, cases
