"""What the tests of the privacy audit share: patients of a texture each, an honest set and a leaky one."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.synthetic_sets import CLASSES, plane
from helpers.textures import N_HOLDOUT, N_TRAIN, SIDE, painted, texture
from synthtrust.audits import Privacy
from synthtrust.audits.privacy import embedded
from synthtrust.cases import Cohort


@pytest.fixture(scope="session", autouse=True)
def _embedded_once():
    """Compute the interior of an image once: the same real images stand beside most sets that are audited."""
    known, embed = {}, embedded.embed

    def remembered(image, grid, case):
        key = image.numpy().tobytes(), tuple(image.shape), grid
        if key not in known:
            known[key] = embed(image, grid, case)
        return replace(known[key], cases=(case,))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "embed", remembered)
        yield


@pytest.fixture(scope="session")
def audit():
    return Privacy(n_permutations=399)


@pytest.fixture(scope="session")
def quick_audit():
    """Return the audit without rotations and sizes, which take most of its time; no planted copy has to be found."""
    return Privacy(n_permutations=399, angles=(), scales=(), n_copies=4, min_control_recall=0.0)


@pytest.fixture(scope="session")
def textures():
    rng = np.random.default_rng(0)
    return [texture(rng) for _ in range(2 * (N_TRAIN + N_HOLDOUT))]


@pytest.fixture(scope="session")
def real(tmp_path_factory, textures):
    folder = tmp_path_factory.mktemp("real")
    cases = tuple(plane(folder, f"p{i:03d}", textures[i], i % 2) for i in range(N_TRAIN + N_HOLDOUT))
    return Cohort("real", cases, ("grey",), CLASSES)


@pytest.fixture(scope="session")
def fresh(textures):
    """Return what a perfectly honest generator paints: other images of the same kind."""
    return textures[N_TRAIN + N_HOLDOUT :]


@pytest.fixture(scope="session")
def honest(tmp_path_factory, real, fresh):
    return painted(tmp_path_factory.mktemp("set") / "honest", real, fresh)


@pytest.fixture(scope="session")
def acquitted(audit, honest):
    return audit([honest])


@pytest.fixture(scope="session")
def leaky(tmp_path_factory, real, textures, fresh):
    """Return a set of which every twentieth image is a mirrored, noisy copy of a training image."""
    rng = np.random.default_rng(1)
    images = list(fresh)
    for place in range(0, len(images), 20):
        images[place] = np.flip(textures[place // 20], 1) + rng.normal(0, 3, (SIDE, SIDE))
    return painted(tmp_path_factory.mktemp("set") / "leaky", real, images)
