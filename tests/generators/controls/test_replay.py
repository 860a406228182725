"""Replay keeps the contract, and is the perfect copier it should be."""

import numpy as np
import pytest

from synthtrust.generators import Replay
from synthtrust.testing import GeneratorContract, tiny_cases


class TestReplay(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return Replay()


def test_a_training_label_gets_its_own_image_back(tmp_path):
    cases = tiny_cases(tmp_path)
    images = Replay().fit(cases).sample(cases[2].load_label(), np.random.default_rng(0))
    np.testing.assert_array_equal(images["flair"], cases[2].load_image("flair"))


def test_an_unseen_label_gets_the_image_of_the_label_most_like_it(tmp_path):
    cases = tiny_cases(tmp_path)
    nearly = cases[1].load_label()
    nearly[tuple(np.argwhere(nearly == 2)[0])] = 0
    images = Replay().fit(cases).sample(nearly, np.random.default_rng(0))
    np.testing.assert_array_equal(images["t1ce"], cases[1].load_image("t1ce"))


def test_an_image_on_another_grid_is_cropped_or_padded_about_its_centre(tmp_path):
    cases = tiny_cases(tmp_path, shape=(16, 20, 24))
    images = Replay().fit(cases).sample(np.ones((18, 18, 24), np.uint8), np.random.default_rng(0))
    padded, original = images["flair"], [case.load_image("flair") for case in cases]
    assert padded.shape == (18, 18, 24)
    assert not padded[0].any()
    assert any(np.array_equal(padded[1:17], image[:, 1:19]) for image in original)
