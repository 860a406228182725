"""Blur small: large lesions stay as they are, small ones lose their contrast."""

import numpy as np
import pytest

from helpers.lesion_cohort import lesion_cohort
from synthtrust.cases import read_brats
from synthtrust.generators import BlurSmall, Replay
from synthtrust.generators.controls.blur_small import small_lesions
from synthtrust.refusals import Refusal
from synthtrust.testing import GeneratorContract


class TestBlurSmall(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return BlurSmall(max_voxels=100, sigma=1.0)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesions")
    lesion_cohort(folder, 6, small=200)
    return read_brats(folder, modalities=["flair"]).cases


def test_small_lesions_lose_their_contrast_and_large_ones_nothing(cases):
    generator, replay = (each.fit(cases) for each in (BlurSmall(max_voxels=200, sigma=3.0), Replay()))
    n_small = 0
    for case in cases:
        label = case.load_label()
        painted, real = (each.sample(label, np.random.default_rng(0))["flair"] for each in (generator, replay))
        small = small_lesions(label, 200)
        np.testing.assert_array_equal(painted[~small], real[~small])
        ground = real[label == 0].mean()
        for value in np.unique(label[small]):
            n_small += 1
            where = small & (label == value)
            assert abs(painted[where].mean() - ground) < 0.5 * abs(real[where].mean() - ground)
    assert n_small >= 4


def test_impossible_settings_are_refused():
    with pytest.raises(Refusal, match="max_voxels of at least 0"):
        BlurSmall(max_voxels=-1)
    with pytest.raises(Refusal, match="sigma of at least 0"):
        BlurSmall(sigma=-1)
