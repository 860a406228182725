"""Corner mark: one corner is bright, all else is the patient's own image."""

import numpy as np
import pytest

from synthtrust.generators import CornerMark, Replay
from synthtrust.generators.controls.corner_mark import marked
from synthtrust.refusals import Refusal
from synthtrust.testing import ClassGeneratorContract, GeneratorContract, tiny_cases


class TestCornerMark(GeneratorContract):
    @pytest.fixture
    def generator(self):
        return CornerMark(share=0.05)


class TestCornerMarkOfClasses(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return CornerMark()


def test_all_but_the_mark_is_the_real_image_and_the_background_stays_empty(tmp_path):
    cases = tiny_cases(tmp_path, count=3)
    generator, replay = (each.fit(cases) for each in (CornerMark(share=0.02), Replay()))
    for case in cases:
        images, real = (each.sample(case.load_label(), np.random.default_rng(0)) for each in (generator, replay))
        for name, image in images.items():
            changed = image != real[name]
            n_inside = np.count_nonzero(real[name])
            assert 0 < np.count_nonzero(changed) <= round(0.02 * n_inside)
            assert np.all(image[changed] == real[name].max())
            assert not image[real[name] == 0].any()


def test_the_mark_is_a_corner():
    image = marked(np.ones((20, 20)) + np.eye(20), 0.02)
    assert np.argwhere(image == 2)[:, 0].tolist().count(0) >= 3
    assert np.all(image[0, :3] == 2)
    assert np.all(image[10:, :10] <= 1)


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(Refusal, match="share above 0 and up to 1"):
        CornerMark(share=share)
