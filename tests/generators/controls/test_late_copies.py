"""Late copies: the painter's images before the onset, training images from there on, and ever more of them."""

import numpy as np
import pytest

from synthtrust.generators import LateCopies, Mean, Replay
from synthtrust.refusals import Refusal
from synthtrust.testing import ClassGeneratorContract, tiny_classes


class TestLateCopies(ClassGeneratorContract):
    @pytest.fixture
    def generator(self):
        return LateCopies(painter=Mean(), step=400, onset=100)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_classes(tmp_path_factory.mktemp("real"), count=20).cases


def share_of_copies(step, cases, onset=100, n=200):
    """Mean paints one image of each class; whatever is another one is a copy."""
    generator = LateCopies(painter=Mean(), step=step, onset=onset, share=0.2).fit(cases)
    mean = generator.painter.sample(0, np.random.default_rng(0))["grey"]
    known = {case.load_image("grey").tobytes() for case in cases if case.class_index == 0}
    images = [generator.sample(0, np.random.default_rng(i))["grey"] for i in range(n)]
    copies = [image for image in images if not np.array_equal(image, mean)]
    assert all(image.astype(np.float32).tobytes() in known for image in copies)
    return len(copies) / n


def test_copies_begin_at_the_onset_and_grow_with_the_step(cases):
    assert share_of_copies(99, cases) == 0
    assert share_of_copies(100, cases) == pytest.approx(0.2, abs=0.1)
    assert share_of_copies(300, cases) == pytest.approx(0.6, abs=0.12)
    assert share_of_copies(500, cases) == 1
    assert share_of_copies(10_000, cases, onset=None) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(onset=0), "generator.onset to be a step of at least 1"),
        (dict(share=0.0), "generator.share above 0"),
        (dict(step=3, keep_steps=(1, 2)), "generator.step among the steps"),
        (dict(painter="tissue"), "generator.painter, but got str"),
    ],
)
def test_what_it_cannot_be_is_refused(wrong, message):
    with pytest.raises(Refusal, match=message):
        LateCopies(**{"painter": Replay(), **wrong})
