"""Background that is nearly zero becomes zero, the brain stays, and what cannot be told apart is refused."""

import numpy as np
import pytest

from synthtrust.cases import CaseError
from synthtrust.generators.brain.background import cleared
from synthtrust.testing import tiny_cohort

SHAPE = (20, 22, 24)
MODALITIES = ("flair", "t1ce", "t1", "t2")


@pytest.fixture
def cohort(tmp_path):
    return tiny_cohort(tmp_path / "real", count=3, shape=SHAPE, modalities=MODALITIES)


def test_a_background_of_minus_one_is_refused(cohort):
    """Raw samples lie in [-1, 1]: zero is grey there, and no background."""
    case = cohort.cases[0]
    image = case.load_image("t1") / case.load_image("t1").max() * 2 - 1
    with pytest.raises(CaseError, match="Expected background near 0, but t1 is -1 at the border"):
        cleared({"t1": image}, case.load_label())


def test_a_tumour_outside_what_looks_like_a_brain_is_refused():
    label = np.zeros(SHAPE, np.uint8)
    label[2:5, 2:5, 2:5] = 2
    image = 0.003 * np.random.default_rng(0).random(SHAPE)
    image[12:18, 12:18, 12:18] = 1
    with pytest.raises(CaseError, match="Expected a brain around its tumour"):
        cleared({"t1": image}, label)


def test_dark_fluid_inside_the_brain_is_kept(cohort):
    case = cohort.cases[0]
    image = case.load_image("t2").astype(float)
    inside = image > 0
    image[9:11, 10:12, 11:13] = 0.01  # a ventricle, as dark as background
    noisy = np.where(inside, image, 0.5 * np.random.default_rng(0).random(SHAPE))
    clear = cleared({"t2": noisy}, case.load_label())["t2"]
    np.testing.assert_array_equal(clear != 0, inside)


@pytest.mark.parametrize("level", [0.003, 0.02, 0.06, 0.1])
def test_the_brain_is_found_whatever_the_level_of_the_noise(cohort, level):
    """At a tenth of the maximum, a fixed threshold of a few per cent would take the noise for brain, silently."""
    case = cohort.cases[0]
    images = {m: case.load_image(m) / case.load_image(m).max() for m in MODALITIES}
    rng = np.random.default_rng(0)
    noisy = {m: np.where(image == 0, level * rng.random(SHAPE), image) for m, image in images.items()}
    clear = cleared(noisy, case.load_label())
    for m, image in images.items():
        assert ((clear[m] != 0) == (image != 0)).mean() > 0.999


def test_a_clean_image_is_not_touched(cohort):
    case = cohort.cases[0]
    assert cleared({"t1": case.load_image("t1")}, case.load_label()) is None
